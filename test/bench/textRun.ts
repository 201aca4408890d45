/**
 * One process of `text.ts`, bundled as the extension is: opens a model again
 * and again and prints what each step took, as one JSON line. The first round
 * runs code that was never run before, as the first model of a session does.
 */
import { findFusions } from '../../src/core/fusion/find';
import { checkText } from '../../src/core/language/check';
import { TextIndex } from '../../src/core/language/textIndex';
import { decodeModel } from '../../src/core/onnx/decode';
import { parseModel } from '../../src/core/text/parse';
import { printModel } from '../../src/core/text/print';
import type { ByteSource } from '../../src/core/wire/source';
import { FileSource } from '../../src/files/fileSource';

/** Milliseconds: on the clock, and of this process's own CPU time (all threads, so the garbage collector's too). */
export interface Step {
  readonly ms: number;
  readonly cpu: number;
}

export interface Round {
  /** Bytes read from the file. */
  readonly bytesRead: number;
  /** Growth of the resident set over the round, in MB. */
  readonly addedMB: number;
  readonly findings: number;
  readonly steps: Readonly<Record<StepName, Step>>;
}

export type StepName = 'findings' | 'print' | 'parse' | 'text and findings' | 'keystroke' | 'checks';

const [file, rounds] = [process.argv[2]!, Number(process.argv[3])];
const results: Round[] = [];
for (let i = 0; i < rounds; i++) results.push(round(file));
process.stdout.write(`${JSON.stringify(results)}\n`);

function round(path: string): Round {
  const steps: Partial<Record<StepName, Step>> = {};
  let bytesRead = 0;
  const timed = <T>(name: StepName, run: () => T): T => {
    const cpuBefore = process.cpuUsage();
    const start = performance.now();
    const result = run();
    const ms = performance.now() - start;
    const { user, system } = process.cpuUsage(cpuBefore);
    steps[name] = { ms, cpu: (user + system) / 1000 };
    return result;
  };
  const rss = process.memoryUsage.rss();
  const opened = performance.now();
  const opening = process.cpuUsage();
  const { model, source, found } = timed('findings', () => {
    const fileSource = new FileSource(path);
    const counted: ByteSource & { close(): void } = {
      size: fileSource.size,
      read(start, end) {
        bytesRead += end - start;
        return fileSource.read(start, end);
      },
      close: () => fileSource.close(),
    };
    const decoded = decodeModel(counted);
    return { model: decoded, source: counted, found: findFusions(decoded, { source: counted }) };
  });
  const text = timed('print', () => printModel(model, source, { fileName: 'model.onnx', elideAbove: 0 }));
  const { user, system } = process.cpuUsage(opening);
  steps['text and findings'] = { ms: performance.now() - opened, cpu: (user + system) / 1000 };
  const addedMB = (process.memoryUsage.rss() - rss) / 2 ** 20;
  source.close();
  timed('parse', () => parseModel(text));
  // A keystroke in the middle of the nodes; the editor keeps lines, and joins them when asked for the text.
  const lines = text.split('\n');
  const at = Math.floor(lines.length * 0.9);
  lines[at] = lines[at]!.replace(/^(\s*\[?"?)/, '$1x');
  const edited = timed('keystroke', () => {
    const changed = lines.join('\n');
    const parsed = parseModel(changed);
    const findings = findFusions(parsed.model);
    for (const { convolution } of findings) convolution.span?.start;
    return { changed, parsed };
  });
  timed('checks', () => checkText(new TextIndex(edited.changed, edited.parsed.model)));
  return { bytesRead, addedMB, findings: found.length, steps: steps as Record<StepName, Step> };
}
