import type { Node, TextSpan } from '../onnx/model';
import { ParsedNode } from './parsedNode';

/** An edit of more nodes than that keeps too little to be worth a closer look. */
const MOST_CHANGED = 256;

/**
 * What edits of a text kept of a list of its nodes: those in front of what was
 * edited, which are the same objects, and those behind it, which are the same
 * or copies with other places.
 */
export class KeptNodes {
  /** Where the edited nodes start, and those behind them, in the earlier and in the present text. */
  private constructor(
    private readonly nodes: readonly ParsedNode[],
    /** The edited nodes as they were, and as they are. */
    readonly changed: readonly ParsedNode[],
    private readonly start: number,
    private readonly end: number,
    private readonly startNow: number,
    private readonly endNow: number,
  ) {}

  /** `undefined` where too much was edited, or the nodes aren't from a text. */
  static between(before: readonly Node[], now: readonly Node[]): KeptNodes | undefined {
    const most = Math.min(before.length, now.length);
    let first = 0;
    while (first < most && before[first] === now[first]) first++;
    let behind = 0;
    while (behind < most - first) {
      const old = before[before.length - 1 - behind];
      const copy = now[now.length - 1 - behind];
      if (!(old instanceof ParsedNode) || !(copy instanceof ParsedNode) || !copy.isCopyOf(old)) break;
      behind++;
    }
    const changed = [...before.slice(first, before.length - behind), ...now.slice(first, now.length - behind)];
    if (changed.length > MOST_CHANGED || !changed.every((node) => node instanceof ParsedNode)) return undefined;
    if (!areParsed(now)) return undefined;
    const startOf = (node: Node | undefined): number => (node instanceof ParsedNode ? node.start : Infinity);
    return new KeptNodes(
      now,
      changed,
      startOf(before[first]),
      startOf(before[before.length - behind]),
      startOf(now[first]),
      startOf(now[now.length - behind]),
    );
  }

  /** Where a node of the present list started before the edits; `undefined` for an edited one. */
  earlierStart({ start }: ParsedNode): number | undefined {
    if (start < this.startNow) return start;
    return start < this.endNow ? undefined : start - this.shift;
  }

  /** The node of the present list that a node of the earlier one is now; `undefined` where there is none. */
  now(node: Node): Node | undefined {
    if (!(node instanceof ParsedNode)) return undefined;
    if (node.start < this.start) return node;
    if (node.start < this.end) return undefined;
    const copy = this.nodes[this.firstFrom(node.start + this.shift)];
    return copy?.isCopyOf(node) === true ? copy : undefined;
  }

  /** Where a place of the earlier text is now; `undefined` for one that was edited. */
  spanNow(span: TextSpan): TextSpan | undefined {
    if (span.start < this.start) return span;
    if (span.start < this.end) return undefined;
    return { start: span.start + this.shift, end: span.end + this.shift };
  }

  private get shift(): number {
    return this.endNow - this.end;
  }

  private firstFrom(start: number): number {
    let low = 0;
    let high = this.nodes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.nodes[middle]!.start < start) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** All of them are when the first is: the parser makes nothing else. */
const areParsed = (nodes: readonly Node[]): nodes is readonly ParsedNode[] =>
  nodes.length === 0 || nodes[0] instanceof ParsedNode;
