import type { Attribute, Dimension, Node } from '../onnx/model';

export type AutoPad = 'NOTSET' | 'SAME_UPPER' | 'SAME_LOWER' | 'VALID';

/** The attributes of a Conv or ConvTranspose node; absent lists are left out. */
export interface ConvolutionAttributes {
  readonly autoPad: AutoPad;
  readonly kernelShape?: readonly number[] | undefined;
  readonly strides?: readonly number[] | undefined;
  readonly dilations?: readonly number[] | undefined;
  /** Begins of all axes, then ends. */
  readonly pads?: readonly number[] | undefined;
  readonly group: number;
  /** ConvTranspose only. */
  readonly outputPadding?: readonly number[] | undefined;
  /** ConvTranspose only. */
  readonly outputShape?: readonly number[] | undefined;
}

/** A convolution with everything that `auto_pad` and defaults leave open filled in. */
export interface ConvolutionGeometry {
  readonly kernelShape: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Begins of all axes, then ends. */
  readonly pads: readonly number[];
  readonly group: number;
  /** N, M, then the spatial sizes. */
  readonly outputShape: readonly number[];
}

/** The attribute's value as integers; `undefined` when it is absent or refers to a function's attribute. */
function integers(attributes: readonly Attribute[], name: string): readonly number[] | undefined {
  const value = attributes.find((attribute) => attribute.name === name)?.value;
  if (value?.type === 'INTS') return value.value.map(Number);
  return value?.type === 'INT' ? [Number(value.value)] : undefined;
}

/** The node's float attribute, or `undefined` when absent. */
export function floatAttribute(node: Node, name: string): number | undefined {
  const value = node.attributes.find((attribute) => attribute.name === name)?.value;
  if (value?.type === 'FLOAT') return value.value;
  return value?.type === 'INT' ? Number(value.value) : undefined;
}

const known = new WeakMap<readonly Attribute[], ConvolutionAttributes>();

/** A Conv's or ConvTranspose's attributes, with ONNX's defaults. */
export function convolutionAttributes({ attributes }: Node): ConvolutionAttributes {
  let read = known.get(attributes);
  if (!read) known.set(attributes, (read = readAttributes(attributes)));
  return read;
}

function readAttributes(attributes: readonly Attribute[]): ConvolutionAttributes {
  const autoPad = attributes.find((attribute) => attribute.name === 'auto_pad')?.value;
  const text = autoPad?.type === 'STRING' ? String.fromCharCode(...autoPad.value) : 'NOTSET';
  return {
    autoPad: text === 'SAME_UPPER' || text === 'SAME_LOWER' || text === 'VALID' ? text : 'NOTSET',
    kernelShape: integers(attributes, 'kernel_shape'),
    strides: integers(attributes, 'strides'),
    dilations: integers(attributes, 'dilations'),
    pads: integers(attributes, 'pads'),
    group: integers(attributes, 'group')?.[0] ?? 1,
    outputPadding: integers(attributes, 'output_padding'),
    outputShape: integers(attributes, 'output_shape'),
  };
}

/** Does the node take attributes from the function around it, so that its geometry isn't known here? */
export const hasAttributeReferences = (node: Node): boolean =>
  node.attributes.some((attribute) => attribute.value.type === 'REFERENCE');

/** Output channels of a convolution with these weights, from the weights' shape alone. */
export function outputChannels(opType: string, wShape: readonly Dimension[], group: number): number | undefined {
  const isTransposed = opType === 'ConvTranspose';
  const size = wShape[isTransposed ? 1 : 0];
  return typeof size !== 'number' ? undefined : isTransposed ? size * group : size;
}

/**
 * Resolves a convolution's geometry on an input of shape N×C×D1…Dk, as the
 * ONNX specifications of Conv and ConvTranspose define it.
 * @returns undefined when shapes and attributes contradict each other.
 */
export function convolutionGeometry(
  node: Node,
  xShape: readonly number[],
  wShape: readonly number[],
): ConvolutionGeometry | undefined {
  const attributes = convolutionAttributes(node);
  const rank = xShape.length - 2;
  const channels = outputChannels(node.opType, wShape, attributes.group);
  if (rank < 1 || wShape.length !== rank + 2 || channels === undefined) return undefined;
  const ofRank = (list: readonly number[] | undefined, fallback: number): readonly number[] | undefined => {
    if (!list || list.length === 0) return new Array<number>(rank).fill(fallback);
    return list.length === rank ? list : undefined;
  };
  const kernelShape = attributes.kernelShape ?? wShape.slice(2);
  const strides = ofRank(attributes.strides, 1);
  const dilations = ofRank(attributes.dilations, 1);
  const outputPadding = ofRank(attributes.outputPadding, 0);
  const padding = attributes.pads?.length === 2 * rank ? attributes.pads : new Array<number>(2 * rank).fill(0);
  if (kernelShape.length !== rank || !strides || !dilations || !outputPadding) return undefined;
  const { autoPad, group } = attributes;
  const pads = new Array<number>(2 * rank).fill(0);
  const spatial: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const size = xShape[axis + 2]!;
    const stride = strides[axis]!;
    const extent = (kernelShape[axis]! - 1) * dilations[axis]! + 1;
    let begin = padding[axis]!;
    let end = padding[axis + rank]!;
    let output: number;
    const split = (total: number): void => {
      const small = Math.floor(total / 2);
      begin = autoPad === 'SAME_LOWER' ? total - small : small;
      end = total - begin;
    };
    if (node.opType === 'ConvTranspose') {
      const full = stride * (size - 1) + outputPadding[axis]! + extent;
      const wanted = attributes.outputShape?.slice(-rank)[axis];
      if (wanted !== undefined || autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') {
        output = wanted ?? size * stride;
        const total = full - output;
        // ConvTranspose gives the odd element to the begin unless SAME_UPPER asks otherwise.
        const small = Math.floor(total / 2);
        begin = autoPad === 'SAME_UPPER' ? small : total - small;
        end = total - begin;
      } else {
        if (autoPad === 'VALID') begin = end = 0;
        output = full - begin - end;
      }
    } else if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') {
      output = Math.ceil(size / stride);
      split(Math.max(0, (output - 1) * stride + extent - size));
    } else {
      if (autoPad === 'VALID') begin = end = 0;
      output = Math.floor((size + begin + end - extent) / stride) + 1;
    }
    if (output < 1) return undefined;
    pads[axis] = begin;
    pads[axis + rank] = end;
    spatial.push(output);
  }
  return { kernelShape, strides, dilations, pads, group, outputShape: [xShape[0]!, channels, ...spatial] };
}

/** The shape when every dimension has a size. */
export function concrete(shape: readonly Dimension[] | undefined): readonly number[] | undefined {
  return shape?.every((size): size is number => typeof size === 'number') ? shape : undefined;
}
