import type { Dimension, Model, Node } from '../onnx/model';
import type { ByteSource } from '../wire/source';
import { advise, Shapes } from './advice';
import { nodeName } from './describe';
import { ElementTypes, FLOAT } from './elementType';
import type { Finding, FindingKind, FusedNode, Reason } from './finding';
import {
  ACTIVATION_ATTRIBUTES,
  FUSION_DOMAIN,
  fusedOpName,
  isActivation,
  type ActivationType,
  type ConvolutionType,
} from './fusedOps';
import { fusedOpOf } from './fusedFunction';
import {
  attributeReason,
  channelReason,
  controlFlowReason,
  elementTypeReason,
  groupReason,
  missingValueReason,
  nodeBetweenReason,
  opsetReason,
  sharedValueReason,
  unknownAttribute,
} from './reasons';
import { indexScopes, isFunction, subgraphsOf, usesOf, type Body, type Scope } from './scope';
import { isStandard, Tracer, type Path } from './trace';

export interface FindOptions {
  /** The file of a decoded model, so that small constants in it can be read. */
  readonly source?: ByteSource | undefined;
  /** Known shapes of the main graph's values, for the advice. */
  readonly shapes?: ReadonlyMap<string, readonly Dimension[]> | undefined;
}

/**
 * Every InstanceNormalization that follows a convolution, in the main graph,
 * its subgraphs and the functions, outer before inner and in node order. A
 * finding is fusable only if the fused op computes the same function for every
 * input; otherwise it has the reason. Takes one pass over the nodes.
 */
export function findFusions(model: Model, options: FindOptions = {}): Finding[] {
  if (![model.graph, ...model.functions].some(hasNormalization)) return [];
  const scopes = indexScopes(model);
  const types = new ElementTypes(scopes);
  const tracer = new Tracer(types, options.source);
  const shapes = new Shapes(options.shapes);
  const ids = new UniqueIds();
  const findings: Finding[] = [];
  for (const scope of scopes) {
    if (isFusedFunctionScope(scope)) continue;
    for (const node of scope.body.nodes) {
      if (node.opType !== 'InstanceNormalization' || !isStandard(scope, node)) continue;
      const path = tracer.trace(scope, node.inputs[0] ?? '');
      if (path) findings.push(examine(scope, node, path, { types, tracer, shapes, ids }));
    }
  }
  return findings;
}

/** Is there anything to look at? Most models have no InstanceNormalization and need no index. */
function hasNormalization(body: Body): boolean {
  return body.nodes.some(
    (node) =>
      node.opType === 'InstanceNormalization' ||
      node.attributes.some((attribute) => subgraphsOf(attribute).some(hasNormalization)),
  );
}

/** Every node of the model that is a fused op already. */
export function findFused(model: Model): FusedNode[] {
  const ids = new UniqueIds();
  const found: FusedNode[] = [];
  for (const scope of indexScopes(model)) {
    for (const node of scope.body.nodes) {
      const op = node.domain === FUSION_DOMAIN ? fusedOpOf(model, node.opType) : undefined;
      if (op) found.push({ id: ids.of(node), node, scope: scope.body, op });
    }
  }
  return found;
}

/** The bodies of the fused ops themselves hold unfused pairs. */
function isFusedFunctionScope(scope: Scope): boolean {
  let outermost = scope;
  while (outermost.parent) outermost = outermost.parent;
  return isFunction(outermost.body) && outermost.body.domain === FUSION_DOMAIN;
}

/** Bound on the transparent nodes between the normalisation and an activation. */
const MAX_NODES_AFTER = 16;

interface Tools {
  readonly types: ElementTypes;
  readonly tracer: Tracer;
  readonly shapes: Shapes;
  readonly ids: UniqueIds;
}

function examine(normScope: Scope, normalization: Node, path: Path, tools: Tools): Finding {
  const { convolution, scope, steps } = path;
  const chain = [convolution, ...steps.map((step) => step.node), normalization];
  const group = groupReshape(normScope, normalization, path);
  const reason = whyNot(normScope, normalization, path, chain, group, tools.types);
  const tail = reason ? [] : activationAfter(scope, normalization, tools);
  const activation = tail.at(-1);
  const convolutionType = convolution.opType as ConvolutionType;
  const kind: FindingKind = group
    ? 'ConvGroupNormalization'
    : convolutionType === 'Conv'
      ? 'ConvInstanceNormalization'
      : 'ConvTransposeInstanceNormalization';
  const fusable = reason === undefined;
  return {
    id: tools.ids.of(convolution),
    kind,
    fusable,
    reason,
    scope: scope.body,
    convolution,
    normalization,
    activation,
    nodes: [...chain, ...tail],
    fusedOp: group ? kind : fusedOpName(convolutionType, activation?.opType as ActivationType | undefined),
    advice: advise({ convolution, normalization, activation, fusable }, scope, tools.shapes),
  };
}

/** The first thing in the way, the most fundamental first. */
function whyNot(
  normScope: Scope,
  normalization: Node,
  path: Path,
  chain: readonly Node[],
  group: Node | undefined,
  types: ElementTypes,
): Reason | undefined {
  const { convolution, scope, steps } = path;
  const crossing = controlFlowReason(path, normalization);
  if (crossing) return crossing;
  if (group) return groupReason(group);
  const other = steps.find((step) => !step.transparent);
  if (other) return nodeBetweenReason(normScope, other.node, types);
  return (
    missingValueReason(chain) ??
    opsetReason(scope) ??
    elementTypeReason(scope, chain, types) ??
    attributeReason(convolution, normalization) ??
    channelReason(scope, convolution, normalization) ??
    sharedValueReason(scope, chain)
  );
}

/** The Reshape before the normalisation, when another follows it: GroupNormalization as exporters write it. */
function groupReshape(scope: Scope, normalization: Node, path: Path): Node | undefined {
  const changing = path.steps.filter((step) => !step.transparent);
  const before = changing[0];
  if (changing.length !== 1 || before?.node.opType !== 'Reshape' || path.boundary) return undefined;
  const after = usesOf(scope, normalization.outputs[0] ?? '');
  return after.some((use) => use.node?.opType === 'Reshape' && use.index === 0) ? before.node : undefined;
}

/** The nodes from after the normalisation to a Relu or LeakyRelu that fuses along, or none. */
function activationAfter(scope: Scope, normalization: Node, { tracer, types }: Tools): readonly Node[] {
  const nodes: Node[] = [];
  let from = normalization;
  // A cycle in an unfinished text must end.
  while (nodes.length < MAX_NODES_AFTER) {
    const value = from.outputs[0]!;
    const uses = usesOf(scope, value);
    const next = uses[0]?.node;
    if (uses.length !== 1 || uses[0]!.scope !== scope || uses[0]!.index !== 0 || !next) return [];
    if (from.outputs.slice(1).some((extra) => extra !== '' && usesOf(scope, extra).length > 0)) return [];
    if (scope.values.get(value)?.isAmbiguous || next === normalization || !isStandard(scope, next)) return [];
    nodes.push(next);
    if (isActivation(next.opType)) {
      const type = types.of(scope, next.outputs[0] ?? '');
      const fits = next.outputs.length === 1 && next.outputs[0] !== '' && (type === undefined || type === FLOAT);
      return fits && !unknownAttribute(next, ACTIVATION_ATTRIBUTES[next.opType]) ? nodes : [];
    }
    if (!next.outputs[0] || !tracer.isTransparent(scope, next, next.outputs[0])) return [];
    from = next;
  }
  return [];
}

/** Ids made of node names, counted up where a name comes again. */
class UniqueIds {
  private readonly taken = new Set<string>();

  of(node: Node): string {
    const name = nodeName(node);
    let id = name;
    for (let count = 2; this.taken.has(id); count++) id = `${name}#${count}`;
    this.taken.add(id);
    return id;
  }
}
