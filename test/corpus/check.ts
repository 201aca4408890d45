/**
 * Runs `check` over ONNX's own test cases (where a Python with `onnx` is
 * there), the shared models, and models with fields that no version of ONNX
 * has: in each kind of message, of each wire type, and in all of them at once.
 * Prints how many come back byte-identical; the exit code is 1 where any
 * doesn't.
 *
 * Usage: npm run check-corpus [-- FOLDER…]   PYTHON=… names the Python to ask.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ModelFormatError } from '../../src/core/onnx/decode';
import { checkModel } from '../../src/core/text/check';
import { bytesSource } from '../../src/core/wire/source';
import { everyMessage } from '../unit/support/everyMessage';
import { messageNames, wireTypeNames, withUnknownFields, type MessageName } from '../unit/support/unknownFields';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const SHARED = path.join(HERE, '../../../shared/models');
/** Larger files are printed with their weights elided only, and without unknown fields. */
const SMALL = 1 << 20;

interface Item {
  readonly name: string;
  readonly read: () => Uint8Array;
  /** The file is known to be no protobuf model: refusing it is right, and nothing else is. */
  readonly isNoModel?: boolean;
}

interface Tally {
  identical: number;
  refused: number;
  readonly failures: string[];
}

/** What is wrong with one model's way to text and back, if anything. */
function failureOf(bytes: Uint8Array, name: string): string | undefined {
  const source = bytesSource(bytes);
  for (const elideAbove of bytes.length <= SMALL ? [undefined, 0, Infinity] : [undefined]) {
    const result = checkModel(source, path.basename(name), { elideAbove });
    if (!result.identical) return `${result.message} (byte ${result.offset ?? '–'})`;
  }
  return undefined;
}

function tally(items: Iterable<Item>): Tally {
  const counts: Tally = { identical: 0, refused: 0, failures: [] };
  for (const { name, read, isNoModel = false } of items) {
    try {
      const failure = failureOf(read(), name);
      if (failure !== undefined) counts.failures.push(`${name}: ${failure}`);
      else if (isNoModel) counts.failures.push(`${name}: should have been refused`);
      else counts.identical++;
    } catch (error) {
      if (error instanceof ModelFormatError && isNoModel) counts.refused++;
      else counts.failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return counts;
}

function modelsIn(folder: string, noModels: ReadonlySet<string> = new Set()): Item[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(onnx|ort)$/.test(file))
    .sort()
    .map((file) => ({
      name: file,
      read: () => fs.readFileSync(path.join(folder, file)),
      isNoModel: noModels.has(file.split(path.sep).join('/')),
    }));
}

/** The shared models' files that are no protobuf, by their manifest; an "empty model" is one that says next to nothing. */
function noModelsOf(folder: string): Set<string> {
  const lines = fs.readFileSync(path.join(folder, 'MANIFEST.tsv'), 'utf8').split('\n');
  return new Set(
    lines.flatMap((line) => {
      const columns = line.split('\t');
      return /^(unparsable:(?!empty-model)|ort-flatbuffer)/.test(columns.at(-1) ?? '') ? [columns[0]!] : [];
    }),
  );
}

/** The model of every message, with one kind of unknown field in one kind of message. */
function* eachUnknownField(): Generator<Item> {
  for (const message of messageNames) {
    for (const wireType of wireTypeNames) {
      yield {
        name: `unknown ${wireType} field in ${message}`,
        read: () => withUnknownFields(everyMessage, { messages: new Set([message]), wireTypes: [wireType] }),
      };
    }
  }
}

/** Small models of another corpus, with unknown fields of every wire type in all their messages. */
function* withFieldsEverywhere(items: readonly Item[], reached: Set<MessageName>): Generator<Item> {
  for (const { name, read, isNoModel } of items) {
    if (isNoModel === true) continue;
    const bytes = read();
    if (bytes.length <= SMALL) yield { name, read: () => withUnknownFields(bytes, {}, reached) };
  }
}

/** ONNX's own cases in a temporary folder, or why there are none. */
function onnxCases(): { folder: string } | { reason: string } {
  const python = process.env['PYTHON'] ?? 'python3';
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'onnx-cases-'));
  const { status, stderr, error } = spawnSync(python, [path.join(HERE, 'onnx-cases.py'), folder], { encoding: 'utf8' });
  if (status === 0) return { folder };
  fs.rmSync(folder, { recursive: true });
  return { reason: `${python}: ${error?.message ?? stderr.trim().split('\n').at(-1) ?? ''}` };
}

/** Models that didn't come back as they were. */
let failed = 0;
const print = (line: string): void => void process.stdout.write(`${line}\n`);

function report(title: string, { identical, refused, failures }: Tally): void {
  const others = refused > 0 ? `, ${refused} that are no protobuf refused` : '';
  print(`${title}: ${identical} byte-identical, ${failures.length} not${others}`);
  for (const failure of failures) print(`  FAILED ${failure}`);
  failed += failures.length;
}

const start = performance.now();
const all: Item[] = [];
const check = (title: string, items: readonly Item[]): void => {
  report(title, tally(items));
  all.push(...items);
};

function checkEverything(): void {
  const cases = onnxCases();
  try {
    if ('folder' in cases) {
      check("ONNX's node test cases", modelsIn(path.join(cases.folder, 'node')));
      check("ONNX's backend/test/data", modelsIn(path.join(cases.folder, 'data')));
    } else {
      print(`ONNX's own test cases: skipped (set PYTHON to one with onnx; ${cases.reason})`);
    }
    if (fs.existsSync(SHARED)) check('../shared/models', modelsIn(SHARED, noModelsOf(SHARED)));
    else print('../shared/models: skipped, not there');
    report(
      `unknown fields of ${wireTypeNames.length} wire types, one at a time in ${messageNames.length} kinds of message`,
      tally(eachUnknownField()),
    );
    const reached = new Set<MessageName>();
    report('the models above, with unknown fields in all messages', tally(withFieldsEverywhere(all, reached)));
    print(`  (those of up to 1 MiB; they have ${reached.size} of the ${messageNames.length} kinds of message)`);
  } finally {
    if ('folder' in cases) fs.rmSync(cases.folder, { recursive: true });
  }
}

const folders = process.argv.slice(2);
if (folders.length === 0) checkEverything();
else for (const folder of folders) check(folder, modelsIn(folder));
print(`${failed === 0 ? 'none failed' : `${failed} FAILED`}; ${((performance.now() - start) / 1000).toFixed(1)} s`);
process.exitCode = failed === 0 ? 0 : 1;
