import { appendFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format } from 'node:util';
import Mocha from 'mocha';
import { environment, type Results } from '../protocol';

/**
 * Entry point that VS Code calls in the extension host. Runs every `*.test.js` beside this file, and writes the
 * counts to the file named by the launcher: an extension host that dies half-way leaves none.
 * @throws when a test failed
 */
export async function run(): Promise<void> {
  const mocha = new Mocha({ ui: 'bdd', reporter: 'spec', color: false, timeout: 60_000, slow: 10_000 });
  const log = process.env[environment.log];
  if (log !== undefined && log !== '') {
    // The workbench scrambles what goes through the console; the launcher prints this file as it grows.
    Mocha.reporters.Base.consoleLog = (...parts: unknown[]) => appendFileSync(log, `${format(...parts)}\n`);
  }
  const grep = process.env[environment.grep];
  if (grep !== undefined && grep !== '') mocha.grep(grep);
  const files = readdirSync(__dirname).filter((file) => file.endsWith('.test.js'));
  // The main job first, in a window that nothing else has touched; large models last, since the window then waits
  // longer before it asks for lenses, in small models too.
  const rank = (file: string): number => (file.startsWith('mainJob') ? 0 : file.startsWith('large') ? 2 : 1);
  files.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  for (const file of files) mocha.addFile(path.join(__dirname, file));
  const results = await new Promise<Results>((resolve) => {
    const runner = mocha.run(() => {
      const { passes, failures, pending } = runner.stats ?? { passes: 0, failures: 0, pending: 0 };
      resolve({ passed: passes, failed: failures, skipped: pending });
    });
  });
  const file = process.env[environment.results];
  if (file !== undefined && file !== '') writeFileSync(file, JSON.stringify(results));
  if (results.failed > 0) throw new Error(`${results.failed} tests failed`);
}
