import { build, context } from 'esbuild';

const watch = process.argv.includes('--watch');
const production = process.argv.includes('--production');

const shared = {
  bundle: true,
  minify: production,
  sourcemap: production ? false : 'linked',
  logLevel: 'info',
  outdir: 'dist',
};

/** Runs in Node: the extension host, the child process that measures, the command line. */
const node = {
  ...shared,
  entryPoints: { extension: 'src/extension.ts', measure: 'src/measure/child.ts', cli: 'src/cli.ts' },
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['vscode', 'onnxruntime-node'],
};

/** Runs in a webview. */
const browser = {
  ...shared,
  entryPoints: { webview: 'webview/main.ts', layoutWorker: 'webview/worker.ts' },
  platform: 'browser',
  format: 'iife',
  target: 'es2022',
};

if (watch) {
  for (const options of [node, browser]) await (await context(options)).watch();
} else {
  await Promise.all([node, browser].map((options) => build(options)));
}
