import type { Dimension, Node } from '../onnx/model';
import {
  concrete,
  convolutionAttributes,
  convolutionGeometry,
  hasAttributeReferences,
  outputChannels,
} from './convolution';

/** Stands for a size that isn't known: large, so that no kernel is larger. */
const STAND_IN = 1 << 20;
/** A formula that grew longer than this says nothing to a reader. */
const MAX_FORMULA = 48;

/**
 * The shape of a convolution's output, N×M×D1…Dk, as far as its input's shape
 * tells: a number where the input's axis has a size, a formula such as
 * `⌊(height + 1)/2⌋` where it has a symbol, `undefined` where it has neither.
 * @param input `undefined`: not even the rank is known but from the weights.
 * @returns `undefined` when shapes and attributes contradict each other.
 */
export function outputDimensions(
  node: Node,
  input: readonly Dimension[] | undefined,
  weights: readonly number[],
): readonly Dimension[] | undefined {
  const rank = weights.length - 2;
  if (rank < 1 || (input && input.length !== weights.length)) return undefined;
  if (hasAttributeReferences(node)) return new Array<Dimension>(rank + 2).fill(undefined);
  const at = (size: number): ReturnType<typeof convolutionGeometry> =>
    convolutionGeometry(
      node,
      Array.from({ length: rank + 2 }, (_, axis) => known(input?.[axis]) ?? size),
      weights,
    );
  const geometry = at(STAND_IN);
  const next = geometry && (input && concrete(input) ? geometry : at(STAND_IN + 1));
  if (!next) return undefined;
  const { autoPad, group } = convolutionAttributes(node);
  const spatial = Array.from({ length: rank }, (_, index): Dimension => {
    const size = input?.[index + 2];
    const output = geometry.outputShape[index + 2]!;
    if (known(size) !== undefined) return output;
    const stride = geometry.strides[index]!;
    const slope = next.outputShape[index + 2]! - output;
    if (node.opType === 'ConvTranspose') {
      // An output_shape leaves nothing to the input.
      return slope === 0 ? output : symbol(size, slope, output - slope * STAND_IN, 1);
    }
    if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') {
      return stride === 1 || typeof size !== 'string' ? symbol(size, 1, 0, 1) : short(`⌈${size}/${stride}⌉`);
    }
    const extent = (geometry.kernelShape[index]! - 1) * geometry.dilations[index]! + 1;
    const padding = geometry.pads[index]! + geometry.pads[index + rank]!;
    return symbol(size, 1, padding - extent + stride, stride);
  });
  return [input?.[0], outputChannels(node.opType, weights, group), ...spatial];
}

const known = (size: Dimension): number | undefined => (typeof size === 'number' ? size : undefined);

/** ⌊(slope·size + offset)/divisor⌋ as text. */
function symbol(size: Dimension, slope: number, offset: number, divisor: number): Dimension {
  if (typeof size !== 'string' || size === '') return undefined;
  const scaled = slope === 1 ? size : `${slope}·${/^\w+$/.test(size) ? size : `(${size})`}`;
  const sum = offset === 0 ? scaled : `${scaled} ${offset < 0 ? '−' : '+'} ${Math.abs(offset)}`;
  if (divisor === 1) return short(sum);
  return short(`⌊${offset === 0 ? sum : `(${sum})`}/${divisor}⌋`);
}

const short = (formula: string): Dimension => (formula.length > MAX_FORMULA ? undefined : formula);
