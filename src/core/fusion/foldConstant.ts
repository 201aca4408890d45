import type { Node } from '../onnx/model';
import { integer, integers } from './attributes';

/** Numbers in row-major order. */
export interface Numbers {
  readonly dims: readonly number[];
  /** 64-bit integers as the nearest double. */
  readonly values: readonly number[];
}

/** Operators that exporters compute constants with, such as the amounts of a Pad. */
export const FOLDED_OPS: ReadonlySet<string> = new Set([
  'Add',
  'Cast',
  'Concat',
  'ConstantOfShape',
  'Gather',
  'Identity',
  'Mul',
  'Reshape',
  'Shape',
  'Slice',
  'Sub',
  'Transpose',
]);

/** Reshape and Slice have their parameters as inputs since these operator sets. */
const RESHAPE_INPUTS = 5;
const SLICE_INPUTS = 10;
/** Concat joins along axis 1 before this operator set when it states none. */
const CONCAT_AXIS = 4;
const FLOAT = 1;
/** Integers that every type a Cast here leads to holds exactly. */
const INTEGER_TYPES: ReadonlySet<number> = new Set([6, 7]);
const EXACT = 2 ** 31;
/** Results from zero to this are the same in every element type. */
const COMMON = 127;

/**
 * What an operator of {@link FOLDED_OPS} yields for these inputs, as the ONNX
 * operator specification says; `undefined` when the node is invalid, when the
 * result isn't exact in these numbers, or when it has more than `most` elements.
 * @param inputs `undefined` for those that are absent.
 * @param filling the value of ConstantOfShape's tensor, zero without one.
 */
export function foldConstant(
  node: Node,
  opset: number,
  inputs: readonly (Numbers | undefined)[],
  filling: number | undefined,
  most: number,
): Numbers | undefined {
  const [first] = inputs;
  if (!first) return undefined;
  switch (node.opType) {
    case 'Identity':
      return first;
    case 'Cast':
      return cast(first, integer(node, 'to'));
    case 'Add':
      return arithmetic(first, inputs[1], (a, b) => a + b);
    case 'Sub':
      return arithmetic(first, inputs[1], (a, b) => a - b);
    case 'Mul':
      return arithmetic(first, inputs[1], (a, b) => a * b);
    case 'Shape':
      return node.attributes.length > 0 ? undefined : { dims: [first.dims.length], values: first.dims };
    case 'Gather':
      return (integer(node, 'axis') ?? 0) === 0 ? gather(first, inputs[1]) : undefined;
    case 'ConstantOfShape':
      return filling === undefined ? undefined : filled(first.values, filling, most);
    case 'Concat': {
      const parts = inputs.every((part) => part !== undefined) ? inputs : undefined;
      return parts && concat(parts, integer(node, 'axis') ?? (opset < CONCAT_AXIS ? 1 : undefined), most);
    }
    case 'Reshape': {
      const target = opset < RESHAPE_INPUTS ? integers(node, 'shape') : inputs[1]?.values;
      return target && reshape(first, target, integer(node, 'allowzero') === 1);
    }
    case 'Transpose':
      return transpose(first, integers(node, 'perm'));
    case 'Slice': {
      const given = (index: number, name: string): readonly number[] | undefined =>
        opset < SLICE_INPUTS ? integers(node, name) : inputs[index]?.values;
      return slice(first, given(1, 'starts'), given(2, 'ends'), given(3, 'axes'), given(4, 'steps'));
    }
    default:
      return undefined;
  }
}

const count = (dims: readonly number[]): number => dims.reduce((product, size) => product * size, 1);

function cast({ dims, values }: Numbers, to: number | undefined): Numbers | undefined {
  if (to === FLOAT) return { dims, values: values.map(Math.fround) };
  const isExact = values.every((value) => Number.isInteger(value) && Math.abs(value) < EXACT);
  return to !== undefined && INTEGER_TYPES.has(to) && isExact ? { dims, values } : undefined;
}

/** Of whole numbers, one by one, or with one number. */
function arithmetic(
  a: Numbers,
  b: Numbers | undefined,
  compute: (a: number, b: number) => number,
): Numbers | undefined {
  if (!b) return undefined;
  const isOne = ({ dims, values }: Numbers, other: Numbers): boolean =>
    values.length === 1 && dims.length <= other.dims.length;
  const isSame = a.dims.join() === b.dims.join();
  if (!isSame && !isOne(a, b) && !isOne(b, a)) return undefined;
  const { dims } = isOne(a, b) ? b : a;
  const at = ({ values }: Numbers, index: number): number => values[values.length === 1 ? 0 : index]!;
  const values = Array.from({ length: count(dims) }, (_, index) => compute(at(a, index), at(b, index)));
  const isExact = [...a.values, ...b.values, ...values].every(
    (value) => Number.isInteger(value) && value >= 0 && value <= COMMON,
  );
  return isExact ? { dims, values } : undefined;
}

/** Elements of a list. */
function gather({ dims, values }: Numbers, indices: Numbers | undefined): Numbers | undefined {
  if (!indices || dims.length !== 1) return undefined;
  const picked = indices.values.map((index) => values.at(index));
  return picked.every((value) => value !== undefined) ? { dims: indices.dims, values: picked } : undefined;
}

function filled(dims: readonly number[], value: number, most: number): Numbers | undefined {
  const length = count(dims);
  if (!dims.every((size) => size >= 0) || length > most) return undefined;
  return { dims, values: new Array<number>(length).fill(value) };
}

function concat(parts: readonly Numbers[], given: number | undefined, most: number): Numbers | undefined {
  const { dims } = parts[0]!;
  const axis = given !== undefined && given < 0 ? given + dims.length : given;
  if (axis === undefined || !(axis >= 0 && axis < dims.length)) return undefined;
  const fits = (other: Numbers): boolean =>
    other.dims.length === dims.length && other.dims.every((size, at) => at === axis || size === dims[at]);
  const length = parts.reduce((sum, { values }) => sum + values.length, 0);
  if (!parts.every(fits) || length > most) return undefined;
  const values: number[] = [];
  for (let outer = 0; outer < count(dims.slice(0, axis)); outer++) {
    for (const part of parts) {
      const run = count(part.dims.slice(axis));
      values.push(...part.values.slice(outer * run, (outer + 1) * run));
    }
  }
  const along = parts.reduce((sum, part) => sum + part.dims[axis]!, 0);
  return { dims: dims.map((size, at) => (at === axis ? along : size)), values };
}

function reshape({ dims, values }: Numbers, target: readonly number[], allowZero: boolean): Numbers | undefined {
  const sizes = target.map((size, axis) => (size === 0 && !allowZero ? (dims[axis] ?? NaN) : size));
  const known = count(sizes.filter((size) => size !== -1));
  const result = sizes.map((size) => (size === -1 ? values.length / known : size));
  const isValid = sizes.filter((size) => size === -1).length <= 1 && result.every((size) => Number.isInteger(size));
  return isValid && count(result) === values.length ? { dims: result, values } : undefined;
}

/** Elements picked one by one: `from` says for each axis of the result, and each index there, what it adds to the offset. */
function gathered(values: readonly number[], from: readonly (readonly number[])[]): Numbers {
  let offsets = [0];
  for (const steps of from) offsets = offsets.flatMap((offset) => steps.map((step) => offset + step));
  return { dims: from.map((steps) => steps.length), values: offsets.map((offset) => values[offset]!) };
}

const strideOf = (dims: readonly number[], axis: number): number => count(dims.slice(axis + 1));

function transpose({ dims, values }: Numbers, given: readonly number[] | undefined): Numbers | undefined {
  const perm = given ?? dims.map((_, axis) => dims.length - 1 - axis);
  if (perm.length !== dims.length || dims.some((_, axis) => !perm.includes(axis))) return undefined;
  return gathered(
    values,
    perm.map((axis) => Array.from({ length: dims[axis]! }, (_, index) => index * strideOf(dims, axis))),
  );
}

function slice(
  { dims, values }: Numbers,
  starts: readonly number[] | undefined,
  ends: readonly number[] | undefined,
  axes: readonly number[] | undefined = starts?.map((_, index) => index),
  steps: readonly number[] | undefined = starts?.map(() => 1),
): Numbers | undefined {
  const from = dims.map((size, axis) => Array.from({ length: size }, (_, index) => index * strideOf(dims, axis)));
  if (!starts || !ends || !axes || !steps) return undefined;
  if ([ends, axes, steps].some((list) => list.length !== starts.length)) return undefined;
  for (const [index, given] of axes.entries()) {
    const axis = given < 0 ? given + dims.length : given;
    const size = dims[axis];
    const step = steps[index]!;
    if (size === undefined || step === 0) return undefined;
    const clamped = (at: number, low: number, high: number): number =>
      Math.min(Math.max(at < 0 ? at + size : at, low), high);
    const [start, end] =
      step > 0
        ? [clamped(starts[index]!, 0, size), clamped(ends[index]!, 0, size)]
        : [clamped(starts[index]!, 0, size - 1), clamped(ends[index]!, -1, size - 1)];
    const length = size === 0 ? 0 : Math.max(0, Math.ceil((end - start) / step));
    from[axis] = Array.from({ length }, (_, at) => (start + at * step) * strideOf(dims, axis));
  }
  return gathered(values, from);
}
