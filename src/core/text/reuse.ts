import type { Model, Node, TextSpan } from '../onnx/model';
import { ParsedNode } from './parsedNode';
import type { KnownNodes, ParseError } from './scanner';

/** A text as it was read. */
export interface ParsedText {
  readonly text: string;
  /** Complete only when there are no errors. */
  readonly model: Model;
  /** Mistakes in the order found. */
  readonly errors: readonly ParseError[];
  /** Whether all in front of the main graph's nodes is without mistakes. */
  readonly isHeadWhole: boolean;
}

interface Body {
  readonly nodes: readonly Node[];
  readonly span: TextSpan;
}

/** What an earlier state of a text has in common with the present one. */
export class Reuse implements KnownNodes {
  /** The model as it was, where all in front of the main graph's nodes is the same and without mistakes. */
  readonly head: Model | undefined;
  /** Both texts are the same up to here. */
  private readonly start: number;
  /** From here on the present text is as the earlier one was `shift` characters before. */
  private readonly end: number;
  private readonly shift: number;
  /** The main graph's nodes and those of functions, in the order of the text. */
  private readonly bodies: readonly Body[];

  constructor({ text: before, model, isHeadWhole }: ParsedText, text: string) {
    const shortest = Math.min(before.length, text.length);
    this.start = commonStart(before, text, shortest);
    this.end = text.length - commonEnd(before, text, shortest - this.start);
    this.shift = text.length - before.length;
    this.bodies = [model.graph, ...model.functions].flatMap(({ nodes, bodySpan }) =>
      bodySpan ? [{ nodes, span: bodySpan }] : [],
    );
    const body = model.graph.bodySpan;
    this.head = isHeadWhole && body && body.start < this.start ? model : undefined;
  }

  take(pos: number, nodes: ParsedNode[]): number {
    const isBefore = pos < this.start;
    if (!isBefore && pos < this.end) return pos;
    const shift = isBefore ? 0 : this.shift;
    // The first character behind a node has to be the same too.
    const limit = isBefore ? this.start : Infinity;
    const body = this.bodyAround(pos - shift);
    if (body === undefined) return pos;
    let at = pos;
    for (let i = firstFrom(body.nodes, pos - shift); i < body.nodes.length; i++) {
      const node = body.nodes[i]!;
      if (!(node instanceof ParsedNode) || node.reach === 0 || node.start + shift !== at) break;
      if (at + node.reach >= limit) break;
      nodes.push(shift === 0 ? node : node.shifted(shift));
      at += node.reach;
    }
    return at;
  }

  private bodyAround(pos: number): Body | undefined {
    let low = 0;
    let high = this.bodies.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.bodies[middle]!.span.start <= pos) low = middle + 1;
      else high = middle;
    }
    return this.bodies[low - 1];
  }
}

/** The index of the first node that starts at or behind `pos`. */
function firstFrom(nodes: readonly Node[], pos: number): number {
  let low = 0;
  let high = nodes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const node = nodes[middle]!;
    if (node instanceof ParsedNode && node.start < pos) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Texts are compared in pieces of this many characters: comparing strings is far quicker than comparing characters. */
const PIECE = 1 << 14;

/** How many characters, at most `limit`, two texts have in common at the start. */
function commonStart(a: string, b: string, limit: number): number {
  let at = 0;
  for (let size = PIECE; size >= 1; size = Math.floor(size / 8)) {
    while (at + size <= limit && a.slice(at, at + size) === b.slice(at, at + size)) at += size;
  }
  return at;
}

/** How many characters, at most `limit`, two texts have in common at the end. */
function commonEnd(a: string, b: string, limit: number): number {
  let at = 0;
  for (let size = PIECE; size >= 1; size = Math.floor(size / 8)) {
    while (
      at + size <= limit &&
      a.slice(a.length - at - size, a.length - at) === b.slice(b.length - at - size, b.length - at)
    ) {
      at += size;
    }
  }
  return at;
}
