/** Small models as text. */
import assert from 'node:assert/strict';
import { findFused, findFusions } from '../../../src/core/fusion/find';
import type { Finding, FusedNode } from '../../../src/core/fusion/finding';
import { isOriginal } from '../../../src/core/fusion/original';
import { fuseEdits } from '../../../src/core/fusion/rewrite';
import { unfuseEdits } from '../../../src/core/fusion/unfuse';
import { encodeModel } from '../../../src/core/onnx/encode';
import type { Model } from '../../../src/core/onnx/model';
import { applyEdits } from '../../../src/core/text/edit';
import { parseModel } from '../../../src/core/text/parse';
import { bytesSource } from '../../../src/core/wire/source';
import { joinChunks } from '../../../src/core/wire/splice';
import { randomFloats } from '../support/runtime';

/** An initializer with seeded values: `float[4,3] name = {…}`. */
export function weights(name: string, ...dims: readonly number[]): string {
  const count = dims.reduce((product, size) => product * size, 1);
  let seed = 1;
  for (const char of name) seed = (Math.imul(seed, 31) + char.charCodeAt(0)) | 0;
  const values = Array.from(randomFloats(count, seed), (value) => value.toFixed(4));
  return `float[${dims.join(',')}] ${name} = {${values.join(', ')}}`;
}

export interface TextModel {
  readonly inputs?: string;
  readonly outputs?: string;
  readonly declared?: readonly string[];
  readonly nodes: readonly string[];
  readonly opset?: number;
  readonly ir?: number;
  readonly imports?: string;
  readonly functions?: string;
}

/** Weights for a convolution from 3 to 4 channels and a normalisation. */
export const WEIGHTS: readonly string[] = [weights('w', 4, 3, 3, 3), weights('c', 4), weights('s', 4), weights('b', 4)];
export const CONV = 'h = Conv <pads = [1, 1, 1, 1]> (x, w, c)';
export const NORM = 'n = InstanceNormalization <epsilon = 0.001> (h, s, b)';

/** The deviation r of each of h's planes, written out with the number eps, and h less its mean, d. */
export const DEVIATION: readonly string[] = [
  'm = ReduceMean <axes = [2, 3]> (h)',
  'd = Sub (h, m)',
  'q = Mul (d, d)',
  'v = ReduceMean <axes = [2, 3]> (q)',
  'e = Add (v, eps)',
  'r = Sqrt (e)',
];
/** The same with the channels last, as TensorFlow's exporter leaves it. */
export const DEVIATION_CHANNELS_LAST: readonly string[] = [
  't = Transpose <perm = [0, 2, 3, 1]> (h)',
  'm = ReduceMean <axes = [1, 2]> (t)',
  'd = Sub (t, m)',
  'q = Mul (d, d)',
  'v = ReduceMean <axes = [1, 2]> (q)',
  'e = Add (v, eps)',
  'r = Sqrt (e)',
];

export function modelText(parts: TextModel): string {
  const declared = parts.declared ?? WEIGHTS;
  return `<
  ir_version: ${parts.ir ?? 8},
  opset_import: ["": ${parts.opset ?? 17}${parts.imports ?? ''}]
>
g (${parts.inputs ?? 'float[1,3,6,7] x'}) => (${parts.outputs ?? 'float[1,4,6,7] y'})
<
  ${declared.join(',\n  ')}
>
{
  ${parts.nodes.join('\n  ')}
}
${parts.functions ?? ''}`;
}

export function parse(text: string): Model {
  const { model, errors } = parseModel(text);
  assert.deepEqual(errors, [], text);
  return model;
}

export const findings = (parts: TextModel): Finding[] => findFusions(parse(modelText(parts)));

/** The text with everything that can fuse fused, or what `choose` picks. */
export function fuseText(text: string, choose: (finding: Finding) => boolean = () => true): string {
  const model = parse(text);
  const fused = applyEdits(text, fuseEdits(text, model, findFusions(model).filter(choose)));
  parse(fused);
  return fused;
}

/** The text with every fused node turned back, or what `choose` picks. */
export function unfuseText(text: string, choose: (fused: FusedNode) => boolean = () => true): string {
  const model = parse(text);
  const unfused = applyEdits(text, unfuseEdits(text, model, findFused(model).filter(choose)));
  parse(unfused);
  return unfused;
}

/** The text without the functions that keep what fused nodes replaced. */
export function withoutOriginals(text: string): string {
  const spans = parse(text).functions.flatMap((fn) => (isOriginal(fn) && fn.span ? [fn.span] : []));
  return applyEdits(
    text,
    spans.map(({ start, end }) => ({ span: { start: text.slice(0, start).trimEnd().length, end }, newText: '' })),
  );
}

export function bytesOf(text: string): Uint8Array {
  const source = bytesSource(new Uint8Array(0));
  return joinChunks(encodeModel(parse(text), source), source);
}
