import type { Model, Node } from '../onnx/model';
import type { ByteSource } from '../wire/source';
import { advise, Shapes, type ValueShapes } from './advice';
import { leftAfter, NO_TAIL, tailAfter, type Tail } from './after';
import { anchorsOf } from './anchors';
import { padBefore } from './before';
import { CarryOver } from './carryOver';
import { Constants } from './constants';
import { convolutionAttributes } from './convolution';
import { nodeName } from './describe';
import { ElementTypes } from './elementType';
import type {
  Advice,
  Finding,
  FindingKind,
  FusedActivation,
  FusedNode,
  FusedPad,
  FusedResidual,
  Reason,
} from './finding';
import { FUSION_DOMAIN, fusedOpName, type ConvolutionType } from './fusedOps';
import { fusedOpOf } from './fusedFunction';
import type { Normalization } from './normalization';
import { NormalizationForms, type FoundNormalization } from './normalizationForms';
import {
  channelReason,
  boundaryReason,
  convolutionAttributeReason,
  elementTypeReason,
  groupReason,
  missingValueReason,
  normalizationAttributeReason,
  nodeBetweenReason,
  departureReason,
  opsetReason,
  sharedValueReason,
} from './reasons';
import { presentAround, presentPair, presentTail, type Around, type Pair } from './pair';
import { hasNode, indexScopes, usesOf, type Body, type Scope } from './scope';
import { Tracer, type Path } from './trace';
import { uniqueName } from './uniqueName';

export interface FindOptions {
  /** The file of a decoded model, so that small constants in it can be read. */
  readonly source?: ByteSource | undefined;
  /** Known shapes of the main graph's values, for the advice. */
  readonly shapes?: ValueShapes | undefined;
}

/**
 * Every instance normalisation that follows a convolution, however it is
 * written, in the main graph, its subgraphs and the functions, outer before
 * inner and in node order. A finding is fusable only if the fused op computes
 * the same function for every input; otherwise it has the reason.
 */
export function findFusions(model: Model, options: FindOptions = {}): Finding[] {
  const anchors = anchorsOf(model);
  if (anchors.size === 0) return [];
  const scopes = indexScopes(model);
  const types = new ElementTypes(scopes);
  const tracer = new Tracer(types, options.source);
  const shapes = new Shapes(options.shapes);
  const taken = new TakenNodes(scopes[0]!);
  const carried = new CarryOver(scopes[0]!, options.source, types, (node) => taken.has(node));
  const tools = { types, tracer, carried, taken, constants: new Constants(options.source) };
  // Shapes that are only assumed, for the advice, decide nothing.
  const exact = { ...tools, shapes: new Shapes() };
  const candidates: Candidate[] = [];
  for (const scope of scopes) {
    const inBody = anchors.get(scope.body);
    if (inBody) candidates.push(...candidatesIn(scope, inBody, exact));
  }
  // Only when all pairs are known can what stands before and after one be told from parts of another.
  for (const { pair } of candidates) if (!pair.reason) taken.add(pair.chain);
  const tails = tailsOf(candidates, exact);
  const ids = new UniqueIds();
  return candidates.map((candidate) => {
    const tail = tails.get(candidate) ?? NO_TAIL;
    const around = aroundOf(candidate, tail, exact);
    return new Found(ids.of(candidate.pair.convolution), candidate, around, tail, shapes);
  });
}

/** The pairs whose normalisation is part of the body, in the order of the nodes by which they are recognised. */
function candidatesIn(scope: Scope, anchors: readonly Node[], tools: Tools): Candidate[] {
  const forms = new NormalizationForms(scope, tools);
  const covered = new Set<Node>();
  const candidates: Candidate[] = [];
  for (const anchor of anchors) {
    if (covered.has(anchor)) continue;
    const find = (): Pair | undefined => {
      const found = forms.at(anchor);
      return found && examine(scope, found, tools);
    };
    const pair = tools.carried.step(scope, anchor, 'pair', find, (known, to) => known && presentPair(known, to));
    if (!pair) continue;
    for (const node of pair.form.nodes) covered.add(node);
    candidates.push(new Candidate(scope, anchor, pair, tools.shapes));
  }
  return candidates;
}

/**
 * What follows each pair. An addition of two pairs' results goes to the pair
 * of its first operand, so that the order of nodes doesn't matter.
 */
function tailsOf(candidates: readonly Candidate[], tools: Tools): Map<Candidate, Tail> {
  const tails = new Map<Candidate, Tail>();
  for (const operands of [1, 2]) {
    const step = operands === 1 ? 'tail of the first operand' : 'tail';
    for (const candidate of candidates) {
      const { body, anchor, pair } = candidate;
      if (pair.reason || pair.form.view || tails.has(candidate)) continue;
      const follow = (): Tail => tailAfter(candidate, operands, tools);
      const tail = tools.carried.step(body, anchor, step, follow, presentTail);
      if (tail.nodes.length === 0) continue;
      tails.set(candidate, tail);
      tools.taken.add(tail.nodes);
    }
  }
  return tails;
}

/** Every node of the model that is a fused op already. */
export function findFused(model: Model): FusedNode[] {
  if (!hasNode(model, ({ domain }) => domain === FUSION_DOMAIN)) return [];
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

interface Tools {
  readonly types: ElementTypes;
  readonly tracer: Tracer;
  /** Those that are certain. */
  readonly shapes: Shapes;
  readonly constants: Constants;
  readonly carried: CarryOver;
  readonly taken: TakenNodes;
}

/** Nodes that a fusion takes. */
class TakenNodes {
  private readonly nodes = new Set<Node>();

  /** @param scope any of the model. */
  constructor(private readonly scope: Scope) {}

  add(nodes: readonly Node[]): void {
    for (const node of nodes) this.nodes.add(node);
  }

  has(node: Node): boolean {
    const isTaken = this.nodes.has(node);
    this.scope.lookUps.noteTaken(node, isTaken);
    return isTaken;
  }
}

/** A pair, before what is around it is looked at. */
class Candidate {
  readonly scope: Scope;
  readonly form: Normalization;

  /**
   * @param body the scope of the normalisation.
   * @param anchor the node by which it was recognised.
   * @param shapes those that are certain.
   */
  constructor(
    readonly body: Scope,
    readonly anchor: Node,
    readonly pair: Pair,
    private readonly shapes: Shapes,
  ) {
    this.scope = pair.outer ?? body;
    this.form = pair.form;
  }

  /** Dimensions of the convolution's output, or how many it has at least. */
  get leastRank(): number {
    const { scope, pair } = this;
    const { convolution } = pair;
    const weights = this.shapes.of(scope, convolution.inputs[1] ?? '');
    return weights?.length ?? (convolutionAttributes(convolution).kernelShape?.length ?? 1) + 2;
  }
}

function examine(normScope: Scope, { normalization: form, path }: FoundNormalization, tools: Tools): Pair {
  const { convolution, scope, steps } = path;
  const chain = [convolution].concat(
    steps.map((step) => step.node),
    form.nodes,
  );
  const group = groupReshape(normScope, form, path);
  const reason = whyNot(normScope, form, path, chain, group, tools);
  const outer = scope === normScope ? undefined : scope;
  return { outer, convolution, form, chain, isGroup: group !== undefined, reason };
}

function aroundOf(candidate: Candidate, tail: Tail, tools: Tools): Around {
  const { body, anchor, pair } = candidate;
  if (pair.reason) return NOTHING_AROUND;
  const look = (): Around => {
    const { pad, left: before } = padBefore(candidate.scope, pair.convolution, tools.constants, tools.types);
    const after = leftAfter(candidate, tail, tools);
    return { pad, left: before || after ? [before, after].filter((why) => why !== undefined) : undefined };
  };
  return tools.carried.step(body, anchor, 'around', look, presentAround);
}

const NOTHING_AROUND: Around = {};

class Found implements Finding {
  readonly kind: FindingKind;
  readonly fusable: boolean;
  readonly reason: Reason | undefined;
  readonly scope: Body;
  readonly convolution: Node;
  readonly normalization: Node;
  readonly form: Normalization;
  readonly pad: FusedPad | undefined;
  readonly residual: FusedResidual | undefined;
  readonly left: readonly Reason[] | undefined;
  readonly activation: Node | undefined;
  readonly fusedActivation: FusedActivation | undefined;
  readonly nodes: readonly Node[];
  readonly fusedOp: string;
  private known: Advice | undefined;

  constructor(
    readonly id: string,
    private readonly candidate: Candidate,
    { pad, left }: Around,
    { nodes, residual, activation }: Tail,
    private readonly shapes: Shapes,
  ) {
    const { convolution, form, chain, isGroup, reason } = candidate.pair;
    this.pad = pad;
    this.left = left;
    const type = convolution.opType as ConvolutionType;
    this.kind = isGroup ? 'ConvGroupNormalization' : `${type}InstanceNormalization`;
    this.fusable = reason === undefined;
    this.reason = reason;
    this.scope = candidate.scope.body;
    this.convolution = convolution;
    this.normalization = form.anchor;
    this.form = form;
    this.residual = residual;
    this.activation = activation?.node;
    this.fusedActivation = activation;
    this.nodes = pad ? [pad.node, ...chain, ...nodes] : [...chain, ...nodes];
    this.fusedOp = isGroup
      ? this.kind
      : fusedOpName({ pad: pad?.type, convolution: type, add: residual !== undefined, activation: activation?.type });
  }

  /** Worked out when someone reads it, as few are. */
  get advice(): Advice {
    return (this.known ??= advise(this, this.candidate.scope, this.shapes));
  }
}

/** The first thing in the way, the most fundamental first. */
function whyNot(
  normScope: Scope,
  form: Normalization,
  path: Path,
  chain: readonly Node[],
  group: Node | undefined,
  { types, shapes }: Tools,
): Reason | undefined {
  const { convolution, scope, steps } = path;
  const crossing = boundaryReason(path, form.anchor);
  if (crossing) return crossing;
  if (form.departure?.code === 'training-form') return departureReason(normScope, form.departure);
  if (group) return groupReason(group);
  const other = steps.find((step) => !step.transparent);
  if (other) return nodeBetweenReason(normScope, other.node, types);
  return (
    missingValueReason(convolution) ??
    (form.isNative ? missingValueReason(form.anchor) : undefined) ??
    opsetReason(scope) ??
    elementTypeReason(scope, chain, form, types) ??
    convolutionAttributeReason(convolution) ??
    (form.isNative ? normalizationAttributeReason(form.anchor) : undefined) ??
    (form.departure && departureReason(normScope, form.departure)) ??
    channelReason(scope, convolution, form, shapes) ??
    sharedValueReason(scope, chain, form)
  );
}

/**
 * What makes the normalisation work on groups of channels: the operator, or the
 * Reshape before it when another follows, as exporters write GroupNormalization.
 */
function groupReshape(scope: Scope, form: Normalization, path: Path): Node | undefined {
  if (form.departure?.code === 'group-normalization') return form.anchor;
  const changing = path.steps.filter((step) => !step.transparent);
  const before = changing[0];
  if (!form.isNative || changing.length !== 1 || before?.node.opType !== 'Reshape' || path.boundary) return undefined;
  const after = usesOf(scope, form.output);
  return after.some((use) => use.node?.opType === 'Reshape' && use.index === 0) ? before.node : undefined;
}

/** Ids made of node names, counted up where a name comes again. */
class UniqueIds {
  private readonly taken = new Set<string>();

  of(node: Node): string {
    const id = uniqueName(nodeName(node), (other) => this.taken.has(other), '#');
    this.taken.add(id);
    return id;
  }
}
