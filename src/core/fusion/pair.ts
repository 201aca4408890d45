import type { Node } from '../onnx/model';
import type { Tail } from './after';
import type { FusedPad, Reason, RelatedPlace } from './finding';
import type { Normalization } from './normalization';
import type { Scope } from './scope';

/** A convolution and a normalisation after it. */
export interface Pair {
  /** The scope of the convolution, where it isn't that of the normalisation. */
  readonly outer?: Scope | undefined;
  readonly convolution: Node;
  readonly form: Normalization;
  /** From the convolution to the end of the normalisation. */
  readonly chain: readonly Node[];
  readonly isGroup: boolean;
  /** What is in the way. */
  readonly reason: Reason | undefined;
}

/** What stands before and after a pair: the Pad that fuses along, and why something else doesn't. */
export interface Around {
  readonly pad?: FusedPad | undefined;
  readonly left?: readonly Reason[] | undefined;
}

/** From an earlier state of a text to the present one; what was edited in between throws. */
export interface Present {
  /** What the node is now. */
  node(node: Node): Node;
  /** Where the place is now. */
  place(place: RelatedPlace): RelatedPlace;
  /** Throws: what was found has to be found anew. */
  anew(): never;
}

/** The pair with the present nodes and places; itself where it has no others. */
export function presentPair(pair: Pair, to: Present): Pair {
  // Another body's scope is of the state that it was found in.
  if (pair.outer) return to.anew();
  const convolution = to.node(pair.convolution);
  const chain = presentNodes(pair.chain, to);
  const form = presentForm(pair.form, to);
  const reason = pair.reason && presentReason(pair.reason, to);
  const isSame =
    convolution === pair.convolution && chain === pair.chain && form === pair.form && reason === pair.reason;
  return isSame ? pair : { ...pair, convolution, chain, form, reason };
}

function presentForm(form: Normalization, to: Present): Normalization {
  const anchor = to.node(form.anchor);
  const last = to.node(form.last);
  const nodes = presentNodes(form.nodes, to);
  const view = form.view && to.node(form.view);
  const departure = form.departure && withPresentNode(form.departure, to);
  const isSame =
    anchor === form.anchor &&
    last === form.last &&
    nodes === form.nodes &&
    view === form.view &&
    departure === form.departure;
  return isSame ? form : { ...form, anchor, last, nodes, view, departure };
}

/** The same of what follows a pair. */
export function presentTail(tail: Tail, to: Present): Tail {
  const nodes = presentNodes(tail.nodes, to);
  if (nodes === tail.nodes) return tail;
  const { residual, activation } = tail;
  return {
    nodes,
    residual: residual && withPresentNode(residual, to),
    activation: activation && withPresentNode(activation, to),
  };
}

/** The same of what stands around a pair. */
export function presentAround(around: Around, to: Present): Around {
  const { pad, left } = around;
  if (!pad && !left) return around;
  return { pad: pad && withPresentNode(pad, to), left: left?.map((reason) => presentReason(reason, to)) };
}

const presentReason = (reason: Reason, to: Present): Reason => ({
  ...reason,
  related: reason.related.map((place) => to.place(place)),
});

function withPresentNode<T extends { readonly node: Node }>(part: T, to: Present): T {
  const node = to.node(part.node);
  return node === part.node ? part : { ...part, node };
}

function presentNodes(nodes: readonly Node[], to: Present): readonly Node[] {
  let now: Node[] | undefined;
  for (let i = 0; i < nodes.length; i++) {
    const node = to.node(nodes[i]!);
    if (node === nodes[i]) continue;
    now ??= [...nodes];
    now[i] = node;
  }
  return now ?? nodes;
}
