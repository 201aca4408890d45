import type { Graph, Model, Node, Tensor } from '../onnx/model';
import { KeptNodes } from '../text/keptNodes';
import { ParsedNode } from '../text/parsedNode';
import type { ByteSource } from '../wire/source';
import type { ElementTypes } from './elementType';
import { FUSION_DOMAIN } from './fusedOps';
import type { RelatedPlace } from './finding';
import type { LookedAt } from './lookUps';
import type { Present } from './pair';
import { mayHoldGraphs, subgraphsOf, type Scope } from './scope';

/** A step on the way from an anchor to its finding; each depends on the results of those before. */
export type StepName = 'pair' | 'tail of the first operand' | 'tail' | 'around';

/** The same result with the present nodes and places, where it refers to any. */
type ToPresent<T> = (result: T, to: Present) => T;

interface Step {
  readonly result: unknown;
  readonly lookedAt: LookedAt;
}

/** What was worked out from one anchor. */
interface Steps {
  readonly anchor: ParsedNode;
  readonly byName: Map<StepName, Step>;
}

/** All that was worked out in the main graph of a state of a text. */
interface State {
  readonly model: Model;
  readonly source: ByteSource | undefined;
  readonly scope: Scope;
  /** By the start of the anchor's text. */
  readonly steps: Map<number, Steps>;
}

/** By the list of initializers, which the states of a text share while only nodes are edited. */
const latest = new WeakMap<readonly Tensor[], State>();

/**
 * Carries results over from one state of a text to the next. A step whose
 * anchor is still there, and of which nothing that it looked at was edited,
 * yields what it yielded, with the nodes and places of the present text. What
 * it looked at is recorded where values are looked up (see `LookUps`).
 */
export class CarryOver {
  private readonly steps = new Map<number, Steps>();
  /** Anchors of which a step was worked out anew, which the later ones depend on. */
  private readonly anew = new Set<Node>();
  private readonly earlier: Earlier | undefined;

  /**
   * @param scope that of the main graph.
   * @param source what constants are read from that the text doesn't state.
   * @param isTaken does another fusion take the node?
   */
  constructor(
    private readonly scope: Scope,
    source: ByteSource | undefined,
    types: ElementTypes,
    isTaken: (node: Node) => boolean,
  ) {
    const { model } = scope;
    const { initializers } = model.graph;
    const state = latest.get(initializers);
    const isSame = state?.source === source && state && isSameFrame(state.model, model);
    const kept = isSame ? keptNodes(state.model.graph, model.graph) : undefined;
    this.earlier = kept && new Earlier(state!, kept, scope, types, isTaken);
    latest.set(initializers, { model, source, scope, steps: this.steps });
  }

  /**
   * The result of a step from an anchor in `scope`, carried over or computed.
   * @param present what an earlier result is in the present state of the text.
   */
  step<T>(scope: Scope, anchor: Node, name: StepName, compute: () => T, present: ToPresent<T>): T {
    if (scope !== this.scope || !(anchor instanceof ParsedNode)) return compute();
    const known = this.anew.has(anchor) ? undefined : this.earlier?.step(anchor, name, present);
    if (!known) this.anew.add(anchor);
    const step = known ?? scope.lookUps.record(compute);
    let steps = this.steps.get(anchor.start);
    if (!steps) this.steps.set(anchor.start, (steps = { anchor, byName: new Map() }));
    steps.byName.set(name, step);
    // It was this step's own result.
    return step.result as T;
  }
}

/** The last state of a text that was looked at, as seen from the present one. */
class Earlier implements Present {
  private readonly edited = new Set<string>();

  constructor(
    private readonly state: State,
    private readonly kept: KeptNodes,
    private readonly scope: Scope,
    private readonly types: ElementTypes,
    private readonly isTaken: (node: Node) => boolean,
  ) {
    for (const { inputs, outputs } of kept.changed) {
      for (const name of inputs) this.edited.add(name);
      for (const name of outputs) this.edited.add(name);
    }
  }

  /** The step as it is now; `undefined` where it has to be worked out anew. */
  step<T>(anchor: ParsedNode, name: StepName, present: ToPresent<T>): Step | undefined {
    const start = this.kept.earlierStart(anchor);
    const steps = start === undefined ? undefined : this.state.steps.get(start);
    const step = steps && anchor.isCopyOf(steps.anchor) ? steps.byName.get(name) : undefined;
    if (!step || !this.isUnedited(step.lookedAt)) return undefined;
    try {
      const lookedAt = this.looked(step.lookedAt);
      // It was this step's own result.
      return lookedAt && { result: present(step.result as T, this), lookedAt };
    } catch (failure) {
      if (failure instanceof NotKept) return undefined;
      throw failure;
    }
  }

  private isUnedited({ names }: LookedAt): boolean {
    for (let i = 0; i < names.length; i++) if (this.edited.has(names[i]!)) return false;
    return true;
  }

  /** What a step looks at now; `undefined` where it isn't what it was. */
  private looked(at: LookedAt): LookedAt | undefined {
    if (at.types.length === 0 && at.taken.length === 0) return at;
    const taken = at.taken.map(({ node, isTaken }) => ({ node: this.node(node), isTaken }));
    if (taken.some(({ node, isTaken }) => this.isTaken(node) !== isTaken)) return undefined;
    for (const { scope, name, type } of at.types) {
      if (scope !== this.state.scope || this.types.of(this.scope, name) !== type) return undefined;
    }
    return { ...at, types: at.types.map((type) => ({ ...type, scope: this.scope })), taken };
  }

  node(node: Node): Node {
    return this.kept.now(node) ?? this.anew();
  }

  place(place: RelatedPlace): RelatedPlace {
    const { node, span } = place;
    const now = { ...place, node: node && this.node(node) };
    return span ? { ...now, span: this.kept.spanNow(span) ?? this.anew() } : now;
  }

  anew(): never {
    throw new NotKept();
  }
}

/** Says that something was edited that a result refers to. */
class NotKept extends Error {}

/** Is all the same but nodes of the main graph, and fused ops' functions, in which nothing is looked for? */
function isSameFrame(a: Model, b: Model): boolean {
  const others = [...a.functions, ...b.functions].filter(({ domain }) => domain !== FUSION_DOMAIN);
  return (
    others.length === 0 &&
    a.irVersion === b.irVersion &&
    a.opsetImports === b.opsetImports &&
    a.headerSpan === b.headerSpan &&
    a.graph.inputs === b.graph.inputs &&
    a.graph.outputs === b.graph.outputs &&
    a.graph.valueInfos === b.graph.valueInfos &&
    a.graph.initializers === b.graph.initializers &&
    a.graph.sparseInitializers === b.graph.sparseInitializers
  );
}

/** The nodes that edits kept; `undefined` where they changed a body in a node, whose names may mean others' outside. */
function keptNodes(before: Graph, now: Graph): KeptNodes | undefined {
  const kept = KeptNodes.between(before.nodes, now.nodes);
  const holdsGraph = (node: Node): boolean =>
    mayHoldGraphs(node) && node.attributes.some((attribute) => subgraphsOf(attribute).length > 0);
  return kept?.changed.some(holdsGraph) === true ? undefined : kept;
}
