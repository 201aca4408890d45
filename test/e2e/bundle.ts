import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const root = path.resolve(__dirname, '../..');

/** The test files of the suite. */
export function suiteFiles(): string[] {
  const folder = path.join(root, 'test/e2e/suite');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.test.ts'))
    .sort()
    .map((name) => path.join(folder, name));
}

/**
 * Bundles the entry point and each test file on its own, so that mocha can load them one by one.
 * The output lies in the repository, where the packages left out of the bundle are found.
 * @returns the path that VS Code takes as `extensionTestsPath`
 */
export async function bundleSuite(files: readonly string[]): Promise<string> {
  const outdir = path.join(root, 'out/e2e');
  rmSync(outdir, { recursive: true, force: true });
  mkdirSync(outdir, { recursive: true });
  await build({
    entryPoints: [path.join(root, 'test/e2e/suite/index.ts'), ...files].map((file) => ({
      in: file,
      out: path.basename(file, '.ts'),
    })),
    outdir,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: ['vscode', 'mocha', 'onnxruntime-node'],
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  return path.join(outdir, 'index.js');
}
