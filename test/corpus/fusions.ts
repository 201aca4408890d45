/**
 * Finds, fuses and runs the pairs of every shared model. Prints the findings
 * by kind and reason, their counts beside those of MANIFEST.tsv, which were
 * made independently, what the manifest doesn't look for, and how the fused
 * models fare: unfusing, `check`, and stock ONNX Runtime on random inputs against the
 * original. The exit code is 1 where a file's counts or outputs differ.
 *
 * Usage: npm run fuse-corpus [-- PART-OF-FILE-NAME]
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as ort from 'onnxruntime-node';
import { findFused, findFusions } from '../../src/core/fusion/find';
import type { Finding } from '../../src/core/fusion/finding';
import { fuseEdits } from '../../src/core/fusion/rewrite';
import { unfuseEdits } from '../../src/core/fusion/unfuse';
import { decodeModel } from '../../src/core/onnx/decode';
import type { Model } from '../../src/core/onnx/model';
import { applyEdits } from '../../src/core/text/edit';
import { buildModel } from '../../src/core/text/build';
import { checkModel } from '../../src/core/text/check';
import { parseModel } from '../../src/core/text/parse';
import { printModel } from '../../src/core/text/print';
import { joinChunks } from '../../src/core/wire/splice';
import { bytesSource, type ByteSource } from '../../src/core/wire/source';
import { graphKey } from '../unit/fusion/graphs';
import { largestError, randomFloats, runModel, type TensorOut } from '../unit/support/runtime';

const SHARED = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../../shared/models');
/** What open dimensions become: the batch, and the others. */
const BATCH = 1;
const SIZE = 64;
/** Models with output shapes that allow one input size only. */
const SIZES: ReadonlyMap<string, number> = new Map([
  ['conv-instancenorm/intel+onnxruntime__models__fns-candy_Bgr8_freeDimInput.onnx', 720],
]);
const TOLERANCE = 1e-4;

const COLUMNS = ['conv_in_direct', 'convT_in_direct', 'conv_in_indirect', 'conv_gn', 'decomp_conv_norm'] as const;
type Column = (typeof COLUMNS)[number];

/** The manifest's column that a finding belongs to; `undefined` for what the manifest doesn't look for. */
function columnOf(finding: Finding): Column | 'not looked for' {
  const { convolution, form, kind, nodes, normalization, reason } = finding;
  const isTransposed = convolution.opType === 'ConvTranspose';
  if (reason?.code === 'function-boundary' || reason?.code === 'control-flow') return 'not looked for';
  if (normalization.opType !== 'InstanceNormalization') {
    return kind === 'ConvGroupNormalization' ? 'not looked for' : 'decomp_conv_norm';
  }
  if (kind === 'ConvGroupNormalization' || (!form.isNative && nodes.some(({ opType }) => opType === 'Reshape'))) {
    return 'conv_gn';
  }
  if (normalization.inputs[0] === convolution.outputs[0]) return isTransposed ? 'convT_in_direct' : 'conv_in_direct';
  return isTransposed ? 'not looked for' : 'conv_in_indirect';
}

interface Row {
  readonly file: string;
  readonly verdict: string;
  readonly counts: ReadonlyMap<Column, number>;
}

function manifest(): Row[] {
  const [head = [], ...rows] = fs
    .readFileSync(path.join(SHARED, 'MANIFEST.tsv'), 'utf8')
    .trim()
    .split(/\r?\n/)
    .map((line) => line.split('\t'));
  const at = (row: readonly string[], name: string): string => row[head.indexOf(name)] ?? '';
  return rows.map((row) => ({
    file: at(row, 'file'),
    verdict: at(row, 'verdict'),
    counts: new Map(COLUMNS.map((column) => [column, Number(at(row, column) || 0)])),
  }));
}

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

class Tally {
  private readonly counts = new Map<string, number>();

  add(key: string, count = 1): void {
    this.counts.set(key, (this.counts.get(key) ?? 0) + count);
  }

  print(title: string): void {
    print(`\n${title}`);
    for (const [key, count] of [...this.counts].sort()) print(`  ${String(count).padStart(5)}  ${key}`);
  }
}

/**
 * The file with every pair that can fuse fused.
 * @throws Error when unfusing doesn't give the original graph.
 */
function fuseAll(model: Model, source: ByteSource, fileName: string): Uint8Array {
  const text = printModel(model, source, { fileName });
  const parsed = parseModel(text);
  if (parsed.errors.length > 0) throw new Error(`its text doesn't parse: ${parsed.errors[0]!.message}`);
  const edited = applyEdits(text, fuseEdits(text, parsed.model, findFusions(parsed.model)));
  const fused = parseModel(edited);
  if (fused.errors.length > 0) throw new Error(`the fused text doesn't parse: ${fused.errors[0]!.message}`);
  const back = parseModel(applyEdits(edited, unfuseEdits(edited, fused.model, findFused(fused.model))));
  if (back.errors.length > 0) throw new Error(`the unfused text doesn't parse: ${back.errors[0]!.message}`);
  if (graphKey(back.model) !== graphKey(parsed.model)) throw new Error('unfusing gives another graph');
  return joinChunks(buildModel(fused.model, { model, source, fileName }), source);
}

/** Random inputs; `undefined` when the model has one of a kind that isn't made here. */
function inputsOf(model: Model, open: number): Record<string, ort.Tensor> | undefined {
  const defaults = new Set(model.graph.initializers.map(({ name }) => name));
  const feeds: Record<string, ort.Tensor> = {};
  for (const { name, type } of model.graph.inputs) {
    if (defaults.has(name)) continue;
    if (type?.kind !== 'tensor' || !type.shape) return undefined;
    const dims = type.shape.map((size, axis) =>
      typeof size === 'number' && size > 0 ? size : axis === 0 ? BATCH : open,
    );
    const count = dims.reduce((product, size) => product * size, 1);
    if (type.elementType === 1) feeds[name] = new ort.Tensor('float32', randomFloats(count, 7), dims);
    else if (type.elementType === 7) feeds[name] = new ort.Tensor('int64', new BigInt64Array(count).fill(1n), dims);
    else if (type.elementType === 9) feeds[name] = new ort.Tensor('bool', new Uint8Array(count).fill(1), dims);
    else return undefined;
  }
  return feeds;
}

/** Largest relative difference between the outputs of the original and of the fused model; beside it, what is allowed. */
async function difference(
  file: string,
  bytes: Uint8Array,
  feeds: Record<string, ort.Tensor>,
  isExternal: boolean,
): Promise<{ readonly error: number; readonly allowed: number }> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fused-'));
  try {
    const original = path.dirname(file);
    for (const entry of isExternal ? fs.readdirSync(original, { withFileTypes: true }) : []) {
      const { name } = entry;
      if (entry.isFile() && !name.endsWith('.onnx'))
        fs.copyFileSync(path.join(original, name), path.join(folder, name));
    }
    const fused = path.join(folder, path.basename(file));
    fs.writeFileSync(fused, bytes);
    const expected = await runModel(file, feeds);
    const actual = await runModel(fused, feeds);
    if (expected.size === 0) throw new Error('it has no float output');
    const from = (other: ReadonlyMap<string, TensorOut>): number =>
      Math.max(...[...expected].map(([name, value]) => largestError(other.get(name)!, value)));
    const error = from(actual);
    if (error <= TOLERANCE) return { error, allowed: TOLERANCE };
    // Some models magnify rounding so that the runtime's own optimisation changes them more than that.
    const own = from(await runModel(file, feeds, 'disabled'));
    return { error, allowed: Math.max(TOLERANCE, 2 * own) };
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 160);

async function main(only: string | undefined): Promise<number> {
  const kinds = new Tally();
  const fates = new Tally();
  const sums = new Tally();
  const others = new Tally();
  const problems: string[] = [];
  let worst = 0;
  for (const row of manifest()) {
    const file = path.join(SHARED, row.file);
    if ((only !== undefined && !row.file.includes(only)) || !fs.existsSync(file)) continue;
    const source = bytesSource(fs.readFileSync(file));
    let model: Model;
    try {
      model = decodeModel(source);
    } catch {
      fates.add('no binary ONNX model');
      continue;
    }
    const found = findFusions(model, { source });
    const counts = new Map<string, number>();
    for (const finding of found) {
      kinds.add(`${finding.kind}: ${finding.reason?.code ?? 'fusable'}`);
      const column = columnOf(finding);
      counts.set(column, (counts.get(column) ?? 0) + 1);
      if (column === 'not looked for')
        others.add(
          `${finding.convolution.opType} → … → ${finding.normalization.opType}: ${finding.reason?.code ?? 'fusable'} (${row.file})`,
        );
    }
    const unlike: string[] = [];
    for (const column of COLUMNS) {
      const [expected, actual] = [row.counts.get(column)!, counts.get(column) ?? 0];
      sums.add(`${column}: manifest`, expected);
      sums.add(`${column}: found`, actual);
      if (expected !== actual) unlike.push(`${column} ${actual}, manifest ${expected}`);
    }
    if (unlike.length > 0) {
      problems.push(`${row.file}: ${unlike.join('; ')}`);
    }
    const fusable = found.filter((finding) => finding.fusable).length;
    if (fusable === 0) continue;
    try {
      const bytes = fuseAll(model, source, path.basename(file));
      const again = checkModel(bytesSource(bytes), path.basename(file));
      if (!again.identical) throw new Error(`check of the fused file: ${again.message}`);
      const remaining = findFused(decodeModel(bytesSource(bytes))).length;
      if (remaining !== fusable) throw new Error(`${remaining} of ${fusable} pairs fused`);
      fates.add('fused files whose graph unfusing gives back');
      fates.add('fused files that `check` finds byte-identical');
      const feeds = inputsOf(model, SIZES.get(row.file) ?? SIZE);
      if (!feeds || row.verdict !== 'valid') {
        fates.add(feeds ? `not run: the manifest says ${row.verdict}` : 'not run: inputs that aren’t float');
        continue;
      }
      const isExternal = model.graph.initializers.some(({ data }) => data.kind === 'external');
      const { error, allowed } = await difference(file, bytes, feeds, isExternal);
      if (!(error <= allowed)) throw new Error(`the outputs differ by ${error}, allowed ${allowed}`);
      if (allowed > TOLERANCE) fates.add(`of them within the runtime's own ${allowed.toExponential(1)} (${row.file})`);
      else worst = Math.max(worst, error);
      fates.add('fused files with the original’s outputs');
      fates.add('pairs in them', fusable);
    } catch (error) {
      problems.push(`${row.file}: ${message(error)}`);
    }
  }
  kinds.print('Findings by kind and reason');
  sums.print('Counts beside the manifest’s');
  others.print('Found beyond what the manifest looks for');
  fates.print('Fused models');
  print(`  largest relative difference of the others: ${worst.toExponential(1)}`);
  print(problems.length === 0 ? '\nno problem' : `\nProblems\n  ${problems.join('\n  ')}`);
  return problems.length === 0 ? 0 : 1;
}

void main(process.argv[2]).then((code) => {
  process.exitCode = code;
});
