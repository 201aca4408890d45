import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import type { Results } from './protocol';

/**
 * The counts that the suite left, or why they can't be trusted: an extension host that dies, or calls
 * `process.exit(0)`, looks like success to VS Code.
 */
export function readResults(file: string): Results | string {
  if (!existsSync(file)) return 'The suite did not reach its end: it left no counts.';
  const results = JSON.parse(readFileSync(file, 'utf8')) as Results;
  return results.passed + results.failed === 0 ? 'The suite ran no test.' : results;
}

export function closingLine({ passed, failed, skipped }: Results): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** Prints a file as it grows. The returned function prints what is left and ends it. */
export function follow(file: string, print: (text: string) => void): () => void {
  let position = 0;
  const readOn = (): void => {
    if (!existsSync(file)) return;
    const descriptor = openSync(file, 'r');
    const chunk = Buffer.alloc(fstatSync(descriptor).size - position);
    position += readSync(descriptor, chunk, 0, chunk.length, position);
    closeSync(descriptor);
    if (chunk.length > 0) print(chunk.toString('utf8'));
  };
  const timer = setInterval(readOn, 200);
  return () => {
    clearInterval(timer);
    readOn();
  };
}
