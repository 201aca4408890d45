import type { Node } from '../onnx/model';

/** Positions of a body's nodes, looked up when first asked for. */
export class NodeOrder {
  private indexes: Map<Node, number> | undefined;

  constructor(private readonly nodes: readonly Node[]) {}

  of(node: Node): number {
    this.indexes ??= new Map(this.nodes.map((other, index) => [other, index]));
    return this.indexes.get(node)!;
  }

  /** The first in the body's order of a set that isn't empty. */
  first(set: ReadonlySet<Node>): Node {
    let first: Node | undefined;
    for (const node of set) if (!first || this.of(node) < this.of(first)) first = node;
    return first!;
  }
}
