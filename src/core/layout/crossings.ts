import type { Groups } from './graph';
import { groupBy } from './graph';
import type { LayeredGraph } from './layers';

/**
 * Counts crossings between neighbouring layers in their present order, with an accumulator tree (Barth, Jünger,
 * Mutzel, "Simple and Efficient Bilayer Cross Counting", 2002): O(segments · log nodes).
 */
export class CrossingCounter {
  /** Segments by their lower node. */
  readonly up: Groups;
  private tree = new Int32Array(64);

  constructor(private readonly graph: LayeredGraph) {
    this.up = groupBy(graph.segmentBottoms, graph.nodeCount);
  }

  /** Crossings between the layers `first` and `last`, both included. */
  count(first: number, last: number): number {
    let sum = 0;
    for (let layer = first + 1; layer <= last; layer++) sum += this.countAbove(layer);
    return sum;
  }

  private countAbove(layer: number): number {
    const { layers, segmentTops, position } = this.graph;
    const start = layers.start[layer]!;
    const end = layers.start[layer + 1]!;
    const upperCount = start - layers.start[layer - 1]!;
    if (end - start < 2 || upperCount < 2) return 0;
    if (this.tree.length <= upperCount) this.tree = new Int32Array(2 * upperCount + 1);
    const { tree, up } = this;
    tree.fill(0, 0, upperCount + 1);
    let inserted = 0;
    let crossings = 0;
    for (let i = start; i < end; i++) {
      const node = layers.items[i]!;
      const from = up.start[node]!;
      const to = up.start[node + 1]!;
      for (let k = from; k < to; k++) {
        let atOrBefore = 0;
        for (let p = position[segmentTops[up.items[k]!]!]! + 1; p > 0; p -= p & -p) atOrBefore += tree[p]!;
        crossings += inserted - atOrBefore;
      }
      for (let k = from; k < to; k++) {
        for (let p = position[segmentTops[up.items[k]!]!]! + 1; p <= upperCount; p += p & -p) tree[p]!++;
      }
      inserted += to - from;
    }
    return crossings;
  }
}
