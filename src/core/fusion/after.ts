import type { Node } from '../onnx/model';
import type { Constants } from './constants';
import { floatAttribute } from './convolution';
import { elementTypeName, nodeLabel } from './describe';
import { FLOAT, type ElementTypes } from './elementType';
import type { FusedActivation, FusedResidual, Reason } from './finding';
import { ADD_OPSET } from './fusedFunction';
import { ACTIVATION_ATTRIBUTES, isActivation, LEGACY_HINT, type ForwardedAttribute } from './fusedOps';
import { leftReason, otherUse } from './left';
import type { Normalization } from './normalization';
import { usesOf, type Scope, type Use } from './scope';
import { isStandard, type Tracer } from './trace';

/** Bound on the nodes looked at, so that a cycle in an unfinished text ends. */
const MAX_NODES_AFTER = 16;
/** The largest float32: Clip's upper bound before operator set 11 when it has none. */
const FLOAT_MAX = 3.4028234663852886e38;
/** Clip has its bounds as inputs since this operator set. */
const CLIP_INPUTS_OPSET = 11;
/** Slopes are looked at up to this many. */
const MOST_SLOPES = 1 << 16;
/** Activations that a person may expect to fuse along. */
const ACTIVATIONS: ReadonlySet<string> = new Set([
  'Celu',
  'Clip',
  'Elu',
  'Gelu',
  'HardSigmoid',
  'HardSwish',
  'LeakyRelu',
  'Max',
  'Mish',
  'PRelu',
  'Relu',
  'Selu',
  'Sigmoid',
  'Softplus',
  'Softsign',
  'Swish',
  'Tanh',
  'ThresholdedRelu',
]);
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
  readonly taken: Pick<ReadonlySet<Node>, 'has'>;
}

/** What a tail belongs to. */
export interface TailOf {
  readonly scope: Scope;
  readonly form: Normalization;
  /** Dimensions that the convolution's output has at least. */
  readonly leastRank: number;
}

/**
 * The addition and the activation after a normalisation, as far as nothing
 * else reads the values between. Since nothing does, the other operand of an
 * addition can't depend on the nodes that fuse, and it is computed before the
 * addition, whose place or a later one the fused node takes.
 * @param operands how many of an addition's operands the normalisation may be: the first alone, or either.
 */
export function tailAfter(pair: TailOf, operands: number, tools: TailTools): Tail {
  const { scope } = pair;
  const { last } = pair.form;
  const { types, tracer, taken } = tools;
  const nodes: Node[] = [];
  let found = NO_TAIL;
  let from = last;
  while (nodes.length < MAX_NODES_AFTER) {
    const use = onlyUse(scope, from);
    const next = use?.node;
    if (!use || !next || nodes.includes(next) || next === last || taken.has(next)) return found;
    if (!isStandard(scope, next) || !next.outputs[0] || scope.values.get(next.outputs[0])?.isAmbiguous) return found;
    nodes.push(next);
    from = next;
    const type = types.of(scope, next.outputs[0]);
    if (tracer.isTransparent(scope, next, next.outputs[0]) && use.index === 0) continue;
    if (next.outputs.length !== 1 || (type !== undefined && type !== FLOAT)) return found;
    const activation = activationAt(pair, next, use.index, tools.constants);
    if (activation) return { ...found, nodes, activation };
    const residual = found.residual || use.index >= operands ? undefined : residualAt(scope, next, use.index, types);
    if (!residual) return found;
    found = { nodes: [...nodes], residual };
  }
  return found;
}

/**
 * Why the activation or addition that follows the pair and its {@link Tail}
 * doesn't fuse along; `undefined` where none follows, or another pair takes it.
 */
export function leftAfter(pair: TailOf, tail: Tail, tools: TailTools): Reason | undefined {
  if (tail.activation) return undefined;
  const { scope, form } = pair;
  let from = tail.nodes.at(-1) ?? form.last;
  for (let count = 0; count < MAX_NODES_AFTER; count++) {
    const next = onlyUse(scope, from)?.node;
    if (!next?.outputs[0] || !tools.tracer.isTransparent(scope, next, next.outputs[0])) break;
    from = next;
  }
  const value = from.outputs[0] ?? '';
  const uses = usesOf(scope, value);
  const isAddition = ({ opType }: Node): boolean => !tail.residual && opType === 'Add';
  const follows = ({ node, scope: at }: Use): boolean =>
    node !== undefined &&
    at === scope &&
    isStandard(scope, node) &&
    !tools.taken.has(node) &&
    (ACTIVATIONS.has(node.opType) || isAddition(node));
  const use = uses.find((one) => follows(one) && one.node?.opType !== 'Add') ?? uses.find(follows);
  const node = use?.node;
  if (!node) return undefined;
  const { view } = form;
  if (view) return leftReason(node, `the layout of its input isn't the convolution's, by ${nodeLabel(view)}`, view);
  const other = uses.find((one) => one.node !== node || one.scope !== scope);
  if (other) return leftReason(node, otherUse(scope, value, other), other.node);
  const type = tools.types.of(scope, node.outputs[0] ?? '');
  if (type !== undefined && type !== FLOAT) return leftReason(node, `it computes ${elementTypeName(type)} values`);
  return leftReason(
    node,
    node.opType === 'Add' ? additionLeft(scope, node, uses) : activationLeft(pair, node, tools.constants),
  );
}

function additionLeft(scope: Scope, node: Node, uses: readonly Use[]): string {
  if (uses.length > 1) return 'it adds the value to itself';
  if ((scope.opset ?? 0) < ADD_OPSET) {
    return `operator set ${ADD_OPSET} is needed, where Add broadcasts, and here is ${scope.opset ?? 'none'}`;
  }
  return node.inputs.length === 2 && node.attributes.length === 0
    ? "its other operand isn't float"
    : 'it has other inputs or attributes than the operator';
}

function activationLeft({ scope, leastRank }: TailOf, node: Node, constants: Constants): string {
  const { opType, inputs } = node;
  switch (opType) {
    case 'PRelu': {
      const slope = constants.numbers(scope, inputs[1] ?? '', MOST_SLOPES);
      if (!slope) return "its slope isn't one constant number";
      return slope.values.length > 1 ? 'it has a slope for each channel' : 'its slope has too many dimensions';
    }
    case 'Max':
      return constants.number(scope, inputs[1] ?? '', leastRank) === 0 ||
        constants.number(scope, inputs[0] ?? '', leastRank) === 0
        ? `operator set ${MAX_BROADCAST_OPSET} is needed, where Max broadcasts`
        : "it isn't a Relu: what it takes the larger of isn't a constant zero";
    case 'Clip':
      return clipLeft(scope, node, constants);
    case 'Relu':
    case 'LeakyRelu':
      return 'it has inputs or attributes that the operator has not';
    default:
      return 'the fused op has Relu and LeakyRelu only';
  }
}

function clipLeft(scope: Scope, node: Node, constants: Constants): string {
  const hasInputs = (scope.opset ?? 0) >= CLIP_INPUTS_OPSET;
  const bound = (index: number, name: string): number | undefined | 'none' => {
    if (hasInputs) return node.inputs[index] ? constants.number(scope, node.inputs[index], 1) : 'none';
    const stated = node.attributes.find((attribute) => attribute.name === name);
    return stated ? floatAttribute(node, name) : 'none';
  };
  const least = bound(1, 'min');
  if (least === undefined) return "it isn't known to be a Relu: its lower bound isn't a constant";
  if (least !== 0) return `it isn't a Relu: it has ${least === 'none' ? 'no lower bound' : `the lower bound ${least}`}`;
  const most = bound(2, 'max');
  if (most === undefined) return "it isn't known to be a Relu: its upper bound isn't a constant";
  return `it isn't a Relu: it has ${most === 'none' ? 'other inputs or attributes' : `the upper bound ${most}`}`;
}

/** The one place that reads the node's result, when it is a node's input in the same body. */
function onlyUse(scope: Scope, node: Node): Use | undefined {
  const { outputs } = node;
  const value = scope.values.get(outputs[0] ?? '');
  if (!value || value.isAmbiguous) return undefined;
  const { uses } = value;
  if (uses.length !== 1 || uses[0]!.scope !== scope) return undefined;
  for (let index = 1; index < outputs.length; index++) {
    const other = outputs[index]!;
    if (other !== '' && scope.values.get(other)?.isRead === true) return undefined;
  }
  return uses[0];
}

function residualAt(scope: Scope, node: Node, index: number, types: ElementTypes): FusedResidual | undefined {
  if (node.opType !== 'Add' || (scope.opset ?? 0) < ADD_OPSET || node.attributes.length > 0) return undefined;
  const value = node.inputs.length === 2 ? node.inputs[1 - index] : undefined;
  if (!value) return undefined;
  const type = types.of(scope, value);
  return type === undefined || type === FLOAT ? { node, value } : undefined;
}

/** The activation that the node is, when the family has it. */
function activationAt(pair: TailOf, node: Node, index: number, constants: Constants): FusedActivation | undefined {
  const { scope } = pair;
  const { opType, inputs } = node;
  if (index === 0 && isActivation(opType) && inputs.length === 1) {
    return hasOnly(node, ACTIVATION_ATTRIBUTES[opType]) ? { node, type: opType } : undefined;
  }
  if (index === 0 && opType === 'PRelu' && inputs.length === 2 && hasOnly(node, [])) {
    const alpha = constants.number(scope, inputs[1]!, pair.leastRank);
    return alpha !== undefined && Number.isFinite(alpha) ? { node, type: 'LeakyRelu', alpha } : undefined;
  }
  if (index === 0 && opType === 'Clip' && clipsAtZeroOnly(scope, node, constants)) return { node, type: 'Relu' };
  return opType === 'Max' &&
    isMaxWithZero(scope, node, constants.number(scope, inputs[1 - index] ?? '', pair.leastRank))
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
