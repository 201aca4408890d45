import type { Attribute, Node } from '../onnx/model';
import { decodeUtf8 } from '../wire/utf8';
import type { Constants } from './constants';
import { convolutionAttributes } from './convolution';
import { FLOAT, type ElementTypes } from './elementType';
import { elementTypeName, nodeLabel } from './describe';
import type { FusedPad, Reason } from './finding';
import { PAD_OPSET } from './fusedFunction';
import type { PadType } from './fusedOps';
import { leftReason, otherUse } from './left';
import { constantTensor, producerOf, usesOf, type Scope } from './scope';
import { isStandard } from './trace';

/** Pad has `pads` and the value as inputs since this operator set. */
const INPUTS_OPSET = 11;
const PAD_TYPES = new Map<string, PadType>([
  ['reflect', 'ReflectPad'],
  ['edge', 'EdgePad'],
]);

/** The Pad right before a convolution, when it fuses along, or else why it doesn't. */
export interface PadBefore {
  readonly pad?: FusedPad | undefined;
  readonly left?: Reason | undefined;
}

/**
 * A Pad right before a Conv that fuses along: it pads spatial axes only, by
 * known amounts, and nothing else reads its output. Zeros become part of the
 * convolution's own padding; a reflected or repeated border needs an op with
 * that prefix, a convolution without padding of its own, and operator set 12.
 */
export function padBefore(scope: Scope, convolution: Node, constants: Constants, types: ElementTypes): PadBefore {
  const value = convolution.inputs[0] ?? '';
  const node = producerOf(scope, value);
  if (!node || !isStandard(scope, node) || node.opType !== 'Pad' || !node.inputs[0]) return {};
  if (node.outputs.length !== 1 || scope.values.get(value)?.isAmbiguous) return {};
  const stays = (why: string, also?: Node): PadBefore => ({ left: leftReason(node, why, also) });
  if (convolution.opType !== 'Conv') return stays('the fused op has a Pad before a Conv only', convolution);
  const other = usesOf(scope, value).find((use) => use.node !== convolution || use.scope !== scope || use.index !== 0);
  if (other) return stays(otherUse(scope, value, other), other.node);
  const type = types.of(scope, node.inputs[0]);
  if (type !== undefined && type !== FLOAT) return stays(`it pads ${elementTypeName(type)} values`);
  const own = ownPadding(convolution);
  if (!own) return stays(`the padding of ${nodeLabel(convolution)} depends on its input's size`, convolution);
  const border = spatialPads(scope, convolution, node, constants);
  if (!border) return stays("its amounts aren't known to be constant, zero for batch and channels, and not negative");
  const mode = textAttribute(node, 'mode', 'constant');
  if (border.every((width) => width === 0)) return { pad: { node, pads: sum(border, own) } };
  if (mode === 'constant') {
    return padValue(scope, node, constants) === 0
      ? { pad: { node, pads: sum(border, own) } }
      : stays("the value that it pads with isn't a constant zero");
  }
  const pad = mode === undefined ? undefined : PAD_TYPES.get(mode);
  if (!pad) return stays(`the fused op has no Pad of mode \`${mode ?? ''}\``);
  if (own.some((width) => width !== 0))
    return stays(`${nodeLabel(convolution)} adds zeros around its border`, convolution);
  if ((scope.opset ?? 0) < PAD_OPSET) {
    return stays(`mode \`${mode ?? ''}\` takes operator set ${PAD_OPSET}, and here is ${scope.opset ?? 'none'}`);
  }
  return { pad: { node, type: pad, pads: border } };
}

const sum = (border: readonly number[], own: readonly number[]): number[] =>
  border.map((width, index) => width + (own[index] ?? 0));

/** The convolution's own padding, empty when none is stated; `undefined` when it depends on the input's size or a caller. */
function ownPadding(convolution: Node): readonly number[] | undefined {
  const decisive = convolution.attributes.filter(({ name }) => name === 'auto_pad' || name === 'pads');
  if (decisive.some(({ value }) => value.type === 'REFERENCE')) return undefined;
  const { autoPad, pads } = convolutionAttributes(convolution);
  if (autoPad === 'VALID') return [];
  return autoPad === 'NOTSET' ? (pads ?? []) : undefined;
}

/** The border's widths in the layout of Conv's `pads`; `undefined` when unknown, negative, or not on spatial axes only. */
function spatialPads(scope: Scope, convolution: Node, pad: Node, constants: Constants): readonly number[] | undefined {
  const stated = statedPads(scope, pad, constants);
  const rank = rankOf(scope, convolution, stated?.pads, stated?.axes);
  if (!stated || rank === undefined || rank < 3) return undefined;
  const axes = stated.axes ?? Array.from({ length: rank }, (_, axis) => axis);
  if (stated.pads.length !== 2 * axes.length || stated.pads.some((width) => !(width >= 0))) return undefined;
  const spatial = rank - 2;
  const result = new Array<number>(2 * spatial).fill(0);
  const seen = new Set<number>();
  for (const [index, given] of axes.entries()) {
    const axis = given < 0 ? given + rank : given;
    const widths = [stated.pads[index]!, stated.pads[index + axes.length]!] as const;
    if (!(axis >= 0 && axis < rank) || seen.has(axis)) return undefined;
    seen.add(axis);
    if (axis >= 2) [result[axis - 2], result[axis - 2 + spatial]] = widths;
    else if (widths.some((width) => width !== 0)) return undefined;
  }
  const own = convolutionAttributes(convolution).pads;
  return own === undefined || own.length === 0 || own.length === result.length ? result : undefined;
}

interface StatedPads {
  readonly pads: readonly number[];
  /** All of them when absent. */
  readonly axes?: readonly number[] | undefined;
}

function statedPads(scope: Scope, pad: Node, constants: Constants): StatedPads | undefined {
  if ((scope.opset ?? 0) < INPUTS_OPSET) {
    const name = (scope.opset ?? 0) < 2 ? 'paddings' : 'pads';
    const value = attribute(pad, name)?.value;
    return value?.type === 'INTS' ? { pads: value.value.map(Number) } : undefined;
  }
  const pads = constants.numbers(scope, pad.inputs[1] ?? '');
  if (!pads) return undefined;
  if (!pad.inputs[3]) return { pads: pads.values };
  const axes = constants.numbers(scope, pad.inputs[3]);
  return axes && { pads: pads.values, axes: axes.values };
}

/** The rank of the convolution's input: its weights', or what its attributes or the pads imply. */
function rankOf(
  scope: Scope,
  convolution: Node,
  pads: readonly number[] | undefined,
  axes: readonly number[] | undefined,
): number | undefined {
  const weights = constantTensor(scope, convolution.inputs[1] ?? '');
  if (weights) return weights.dims.length;
  const { kernelShape } = convolutionAttributes(convolution);
  if (kernelShape) return kernelShape.length + 2;
  return axes || !pads ? undefined : pads.length / 2;
}

/** The number that a Pad in constant mode writes. */
function padValue(scope: Scope, pad: Node, constants: Constants): number | undefined {
  if ((scope.opset ?? 0) >= INPUTS_OPSET) return pad.inputs[2] ? constants.number(scope, pad.inputs[2], 1) : 0;
  const value = attribute(pad, 'value')?.value;
  if (!value) return 0;
  return value.type === 'FLOAT' || value.type === 'INT' ? Number(value.value) : undefined;
}

const attribute = (node: Node, name: string): Attribute | undefined =>
  node.attributes.find((candidate) => candidate.name === name);

function textAttribute(node: Node, name: string, absent: string): string | undefined {
  const value = attribute(node, name)?.value;
  if (!value) return absent;
  return value.type === 'STRING' ? decodeUtf8(value.value) : undefined;
}
