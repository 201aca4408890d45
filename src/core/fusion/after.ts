import type { Node } from '../onnx/model';
import type { Constants } from './constants';
import { floatAttribute } from './convolution';
import { FLOAT, type ElementTypes } from './elementType';
import type { FusedActivation, FusedResidual } from './finding';
import { ADD_OPSET } from './fusedFunction';
import { ACTIVATION_ATTRIBUTES, isActivation, LEGACY_HINT, type ForwardedAttribute } from './fusedOps';
import { usesOf, type Scope, type Use } from './scope';
import { isStandard, type Tracer } from './trace';

/** Bound on the nodes looked at, so that a cycle in an unfinished text ends. */
const MAX_NODES_AFTER = 16;
/** The largest float32: Clip's upper bound before operator set 11 when it has none. */
const FLOAT_MAX = 3.4028234663852886e38;
/** Clip has its bounds as inputs since this operator set. */
const CLIP_INPUTS_OPSET = 11;
/** Max broadcasts since this operator set. */
const MAX_BROADCAST_OPSET = 8;

/** What follows the normalisation and fuses along. */
export interface Tail {
  /** The nodes to replace, those that hand values on unchanged included. */
  readonly nodes: readonly Node[];
  readonly residual?: FusedResidual | undefined;
  readonly activation?: FusedActivation | undefined;
}

export const NO_TAIL: Tail = { nodes: [] };

export interface TailTools {
  readonly constants: Constants;
  readonly types: ElementTypes;
  readonly tracer: Tracer;
  /** Nodes that another fusion takes already. */
  readonly taken: ReadonlySet<Node>;
  /** Dimensions that the convolution's output has at least. */
  readonly rank: number;
}

/**
 * The addition and the activation after `normalization`, as far as nothing
 * else reads the values between. Since nothing does, the other operand of an
 * addition can't depend on the nodes that fuse, and it is computed before the
 * addition, whose place or a later one the fused node takes.
 * @param operands how many of an addition's operands the normalisation may be: the first alone, or either.
 */
export function tailAfter(scope: Scope, normalization: Node, operands: number, tools: TailTools): Tail {
  const { types, tracer, taken } = tools;
  const nodes: Node[] = [];
  let found = NO_TAIL;
  let from = normalization;
  while (nodes.length < MAX_NODES_AFTER) {
    const use = onlyUse(scope, from);
    const next = use?.node;
    if (!use || !next || nodes.includes(next) || next === normalization || taken.has(next)) return found;
    if (!isStandard(scope, next) || !next.outputs[0] || scope.values.get(next.outputs[0])?.isAmbiguous) return found;
    nodes.push(next);
    from = next;
    const type = types.of(scope, next.outputs[0]);
    if (tracer.isTransparent(scope, next, next.outputs[0]) && use.index === 0) continue;
    if (next.outputs.length !== 1 || (type !== undefined && type !== FLOAT)) return found;
    const activation = activationAt(scope, next, use.index, tools);
    if (activation) return { ...found, nodes, activation };
    const residual = found.residual || use.index >= operands ? undefined : residualAt(scope, next, use.index, types);
    if (!residual) return found;
    found = { nodes: [...nodes], residual };
  }
  return found;
}

/** The one place that reads the node's result, when it is a node's input in the same body. */
function onlyUse(scope: Scope, node: Node): Use | undefined {
  const [value = '', ...others] = node.outputs;
  const uses = usesOf(scope, value);
  if (uses.length !== 1 || uses[0]!.scope !== scope || scope.values.get(value)?.isAmbiguous) return undefined;
  return others.some((other) => other !== '' && usesOf(scope, other).length > 0) ? undefined : uses[0];
}

function residualAt(scope: Scope, node: Node, index: number, types: ElementTypes): FusedResidual | undefined {
  if (node.opType !== 'Add' || (scope.opset ?? 0) < ADD_OPSET || node.attributes.length > 0) return undefined;
  const value = node.inputs.length === 2 ? node.inputs[1 - index] : undefined;
  if (!value) return undefined;
  const type = types.of(scope, value);
  return type === undefined || type === FLOAT ? { node, value } : undefined;
}

/** The activation that the node is, when the family has it. */
function activationAt(
  scope: Scope,
  node: Node,
  index: number,
  { constants, rank }: TailTools,
): FusedActivation | undefined {
  const { opType, inputs } = node;
  if (index === 0 && isActivation(opType) && inputs.length === 1) {
    return hasOnly(node, ACTIVATION_ATTRIBUTES[opType]) ? { node, type: opType } : undefined;
  }
  if (index === 0 && opType === 'PRelu' && inputs.length === 2 && hasOnly(node, [])) {
    const alpha = constants.number(scope, inputs[1]!, rank);
    return alpha !== undefined && Number.isFinite(alpha) ? { node, type: 'LeakyRelu', alpha } : undefined;
  }
  if (index === 0 && opType === 'Clip' && clipsAtZeroOnly(scope, node, constants)) return { node, type: 'Relu' };
  return opType === 'Max' && isMaxWithZero(scope, node, constants.number(scope, inputs[1 - index] ?? '', rank))
    ? { node, type: 'Relu' }
    : undefined;
}

/** Is it Clip with the lower bound zero and no upper bound? */
function clipsAtZeroOnly(scope: Scope, node: Node, constants: Constants): boolean {
  const { inputs } = node;
  if ((scope.opset ?? 0) >= CLIP_INPUTS_OPSET) {
    const least = inputs[1] ? constants.number(scope, inputs[1], 1) : undefined;
    const most = inputs[2] ? constants.number(scope, inputs[2], 1) : Infinity;
    return least === 0 && most !== undefined && most >= FLOAT_MAX && hasOnly(node, []);
  }
  if (inputs.length !== 1 || !hasOnly(node, CLIP_ATTRIBUTES)) return false;
  if (node.attributes.some(({ value }) => value.type === 'REFERENCE')) return false;
  return floatAttribute(node, 'min') === 0 && (floatAttribute(node, 'max') ?? Infinity) >= FLOAT_MAX;
}

const CLIP_ATTRIBUTES: readonly ForwardedAttribute[] = [
  { name: 'min', type: 'FLOAT' },
  { name: 'max', type: 'FLOAT' },
];

const isMaxWithZero = (scope: Scope, node: Node, other: number | undefined): boolean =>
  other === 0 && node.inputs.length === 2 && (scope.opset ?? 0) >= MAX_BROADCAST_OPSET && hasOnly(node, []);

const hasOnly = (node: Node, known: readonly ForwardedAttribute[]): boolean =>
  node.attributes.every(({ name }) => name === LEGACY_HINT || known.some((attribute) => attribute.name === name));
