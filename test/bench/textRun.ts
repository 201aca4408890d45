/**
 * One process of `text.ts`, bundled as the extension is: opens a model again
 * and again and prints what each step took, as one JSON line. The first round
 * runs code that was never run before, as the first model of a session does;
 * so it does either what the command line does with a file, or what the editor
 * does with its text.
 */
import { findFused, findFusions } from '../../src/core/fusion/find';
import { checkText } from '../../src/core/language/check';
import { TextIndex } from '../../src/core/language/textIndex';
import { decodeModel } from '../../src/core/onnx/decode';
import { parseModel, reparseModel } from '../../src/core/text/parse';
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
  /** Those that the kind of run takes. */
  readonly steps: Readonly<Partial<Record<StepName, Step | undefined>>>;
}

/**
 * - `read`, `find`: the file is read without its weights, and its pairs are found.
 * - `print`, `parse`, `find in text`: the text of the model, its weights elided; the model of that text; its pairs.
 * - `keystroke`: the text is joined from lines, as the editor does, what the edit touched is parsed again, pairs are
 *   found, and the lines of their lenses are looked up; `reparse` is the parsing alone.
 * - `checks`: names and ops are checked, after a pause in typing.
 */
type MeasuredStep = 'read' | 'find' | 'print' | 'parse' | 'find in text' | 'keystroke' | 'reparse' | 'checks';

/**
 * - `findings`: read and find, as for the graph page and the command line.
 * - `text and findings`: read, find and print.
 * - `open to findings`: read, print, parse and find in the text: opening a model as text, but for the editor's part.
 */
export type StepName = MeasuredStep | 'findings' | 'text and findings' | 'open to findings';

/** Finding in the file, or in its text. */
export type RunKind = 'file' | 'text';

const [file, rounds, kind] = [process.argv[2]!, Number(process.argv[3]), process.argv[4] as RunKind];
const results: Round[] = [];
for (let i = 0; i < rounds; i++) results.push(round(file));
process.stdout.write(`${JSON.stringify(results)}\n`);

function round(path: string): Round {
  const steps: Partial<Record<MeasuredStep, Step>> = {};
  let bytesRead = 0;
  const timed = <T>(name: MeasuredStep, run: () => T): T => {
    const cpuBefore = process.cpuUsage();
    const start = performance.now();
    const result = run();
    const ms = performance.now() - start;
    const { user, system } = process.cpuUsage(cpuBefore);
    steps[name] = { ms, cpu: (user + system) / 1000 };
    return result;
  };
  const rss = process.memoryUsage.rss();
  const { model, source } = timed('read', () => {
    const fileSource = new FileSource(path);
    const counted: ByteSource & { close(): void } = {
      size: fileSource.size,
      read(start, end) {
        bytesRead += end - start;
        return fileSource.read(start, end);
      },
      latin1: (bytes) => fileSource.latin1(bytes),
      close: () => fileSource.close(),
    };
    return { model: decodeModel(counted), source: counted };
  });
  const found = kind === 'file' ? timed('find', () => findFusions(model, { source })) : [];
  const text = timed('print', () => printModel(model, source, { fileName: 'model.onnx', elideAbove: 0 }));
  const addedMB = (process.memoryUsage.rss() - rss) / 2 ** 20;
  source.close();
  if (kind === 'text') editText(text, timed);
  const sum = (...names: readonly MeasuredStep[]): Step | undefined => {
    const taken = names.flatMap((name) => steps[name] ?? []);
    if (taken.length < names.length) return undefined;
    return {
      ms: taken.reduce((total, { ms }) => total + ms, 0),
      cpu: taken.reduce((total, { cpu }) => total + cpu, 0),
    };
  };
  return {
    bytesRead,
    addedMB,
    findings: found.length,
    steps: {
      ...steps,
      findings: sum('read', 'find'),
      'text and findings': sum('read', 'find', 'print'),
      'open to findings': sum('read', 'print', 'parse', 'find in text'),
    },
  };
}

function editText(text: string, timed: <T>(name: MeasuredStep, run: () => T) => T): void {
  const parsed = timed('parse', () => parseModel(text));
  timed('find in text', () => findFusions(parsed.model));
  // Letters typed into a node; the editor keeps lines, and joins them when it is asked for the text.
  const lines = text.split('\n');
  const at = Math.floor(lines.length * 0.9);
  const typed = (letters: string): void => void (lines[at] = lines[at]!.replace(/^(\s*\[?"?)/, `$1${letters}`));
  typed('x');
  const before = reparseModel(parsed, lines.join('\n'));
  typed('y');
  const edited = timed('keystroke', () => {
    const changed = lines.join('\n');
    const reparsed = timed('reparse', () => reparseModel(before, changed));
    const starts = lineStarts(lines);
    const spans = [
      ...findFusions(reparsed.model).map(({ convolution }) => convolution.span),
      ...findFused(reparsed.model).map(({ node }) => node.span),
    ];
    for (const span of spans) if (span) lineAt(starts, span.start) + lineAt(starts, span.end);
    return { changed, reparsed };
  });
  timed('checks', () => checkText(new TextIndex(edited.changed, edited.reparsed.model)));
}

/** Where each line starts, as an editor knows it to tell lines from offsets. */
function lineStarts(lines: readonly string[]): Uint32Array {
  const starts = new Uint32Array(lines.length);
  for (let i = 1; i < lines.length; i++) starts[i] = starts[i - 1]! + lines[i - 1]!.length + 1;
  return starts;
}

function lineAt(starts: Uint32Array, offset: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (starts[middle]! <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
