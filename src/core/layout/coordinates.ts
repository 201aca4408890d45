import type { Blocks } from './align';
import { alignBlocks, findSpine } from './align';
import { balanceSides } from './balance';
import type { Groups } from './graph';
import { groupBy } from './graph';
import type { LayeredGraph } from './layers';

/** Room around each node's centre line: to its left, to its right, and between neighbours. */
export interface Extents {
  readonly left: Float64Array;
  readonly right: Float64Array;
  /** Free space between two real nodes, pixels. */
  readonly nodeGap: number;
  /** Free space between a line and a line or node, pixels. */
  readonly lineGap: number;
}

const RELAXATIONS = 12;
/** A block is bent where that brings an end at least this much nearer to the spine, pixels: at a node, in a line. */
const BEND_AT_NODE = 120;
const BEND_IN_LINE = 320;

/**
 * Centre line of every node (virtual ones included). Nodes are aligned in vertical blocks as in Brandes and Köpf,
 * "Fast and Simple Horizontal Coordinate Assignment", 2001, but by weight, so that one block, the spine, runs
 * straight from the top to the bottom along a longest path. The other blocks are packed against it from both
 * sides, then moved towards the blocks they are connected with. Linear but for the alignment's O(n log n).
 * What hangs on the spine may change sides: the order on the layers is the drawing order only afterwards.
 */
export function assignCoordinates(graph: LayeredGraph, extents: Extents): Float64Array {
  const spineNodes = findSpine(graph);
  balanceSides(graph, spineNodes, extents);
  const aligned = alignBlocks(graph, spineNodes);
  const bent = new BlockPlacement(graph, extents, aligned).bend();
  const x = new BlockPlacement(graph, extents, bent).place();
  return Float64Array.from(bent.blockOf, (block) => x[block]!);
}

class BlockPlacement {
  private readonly blockOf: Int32Array;
  private readonly blocks: Groups;
  private readonly spine: number;
  private readonly x: Float64Array;
  /** Left and right neighbour of each node on its layer, or -1. */
  private readonly before: Int32Array;
  private readonly after: Int32Array;
  /** Blocks from the spine outwards, those on its right and those on its left. */
  private readonly outwards: { right: Int32Array; left: Int32Array };

  constructor(
    private readonly graph: LayeredGraph,
    private readonly extents: Extents,
    { blockOf, blocks, spine }: Blocks,
  ) {
    const { layers, layerCount, nodeCount } = graph;
    this.blockOf = blockOf;
    this.blocks = blocks;
    this.spine = spine;
    this.x = new Float64Array(blocks.start.length - 1);
    this.before = new Int32Array(nodeCount).fill(-1);
    this.after = new Int32Array(nodeCount).fill(-1);
    for (let layer = 0; layer < layerCount; layer++) {
      for (let k = layers.start[layer]! + 1; k < layers.start[layer + 1]!; k++) {
        this.after[layers.items[k - 1]!] = layers.items[k]!;
        this.before[layers.items[k]!] = layers.items[k - 1]!;
      }
    }
    this.outwards = {
      right: this.blocksOutwards(this.before, this.after),
      left: this.blocksOutwards(this.after, this.before),
    };
  }

  /** Centre line of each block. */
  place(): Float64Array {
    for (const block of this.outwards.right) this.x[block] = this.innerLimit(block, 1);
    for (const block of this.outwards.left) this.x[block] = this.innerLimit(block, -1);
    const segments = new SegmentEnds(this.graph, this.blockOf, this.blocks.start.length - 1);
    for (let i = 0; i < RELAXATIONS; i++) {
      let moved = false;
      for (const [blocks, side] of [
        [this.outwards.right, 1],
        [this.outwards.left, -1],
      ] as const) {
        // The outermost first: they make room for the others.
        for (let k = blocks.length - 1; k >= 0; k--) {
          const block = blocks[k]!;
          const wanted = segments.median(block, this.x, side);
          if (wanted === undefined) continue;
          const inner = this.innerLimit(block, side);
          const outer = this.outerLimit(block, side);
          const target = side > 0 ? Math.max(inner, Math.min(outer, wanted)) : Math.min(inner, Math.max(outer, wanted));
          if (Math.abs(target - this.x[block]!) > 0.25) {
            this.x[block] = target;
            moved = true;
          }
        }
      }
      if (!moved) break;
    }
    return this.x;
  }

  /**
   * Bend blocks whose upper or lower part could lie much nearer to the spine than the whole: straight blocks that
   * overlap a little push each other outwards like a staircase.
   */
  bend(): Blocks {
    const { blocks, spine } = this;
    const blockOf = this.blockOf.slice();
    const x = new Float64Array(this.graph.nodeCount).fill(Number.NaN);
    for (let k = blocks.start[spine]!; k < blocks.start[spine + 1]!; k++) x[blocks.items[k]!] = 0;
    let count = blocks.start.length - 1;
    for (const [list, side] of [
      [this.outwards.right, 1],
      [this.outwards.left, -1],
    ] as const) {
      const inner = side > 0 ? this.before : this.after;
      for (const block of list) {
        const nodes = blocks.items.slice(blocks.start[block], blocks.start[block + 1]);
        nodes.sort((a, b) => this.graph.layerOf[a]! - this.graph.layerOf[b]!);
        const limits = Float64Array.from(nodes, (node) => {
          const other = inner[node]!;
          return side * x[other]! + this.distance(other, node, side);
        });
        const [from, to] = this.stiffPart(nodes, limits);
        for (const [start, end] of [
          [0, from],
          [from, to],
          [to, nodes.length],
        ] as const) {
          if (start === end) continue;
          let place = Number.NEGATIVE_INFINITY;
          for (let i = start; i < end; i++) place = Math.max(place, limits[i]!);
          for (let i = start; i < end; i++) x[nodes[i]!] = side * place;
          if (start === from) continue;
          for (let i = start; i < end; i++) blockOf[nodes[i]!] = count;
          count++;
        }
      }
    }
    return { blockOf, blocks: groupBy(blockOf, count), spine };
  }

  /** The part of a block to keep straight: `[from, to)` of its nodes; what is before and after bends inwards. */
  private stiffPart(nodes: Int32Array, limits: Float64Array): [from: number, to: number] {
    const { realCount } = this.graph;
    let farthest = Number.NEGATIVE_INFINITY;
    for (const limit of limits) farthest = Math.max(farthest, limit);
    const gain = (inside: number, outside: number): number =>
      nodes[inside]! < realCount || nodes[outside]! < realCount ? BEND_AT_NODE : BEND_IN_LINE;
    let to = nodes.length;
    let reach = Number.NEGATIVE_INFINITY;
    for (let i = nodes.length - 1; i > 0; i--) {
      reach = Math.max(reach, limits[i]!);
      if (farthest - reach < BEND_AT_NODE) break;
      if (farthest - reach >= gain(i - 1, i)) to = i;
    }
    let from = 0;
    reach = Number.NEGATIVE_INFINITY;
    for (let i = 0; i + 1 < to; i++) {
      reach = Math.max(reach, limits[i]!);
      if (farthest - reach < BEND_AT_NODE) break;
      if (farthest - reach >= gain(i, i + 1)) from = i + 1;
    }
    return [from, to];
  }

  /** Nearest place to the spine that its inner neighbours leave to a block. */
  private innerLimit(block: number, side: 1 | -1): number {
    const inner = side > 0 ? this.before : this.after;
    let limit = Number.NEGATIVE_INFINITY;
    for (let k = this.blocks.start[block]!; k < this.blocks.start[block + 1]!; k++) {
      const node = this.blocks.items[k]!;
      const other = inner[node]!;
      if (other >= 0) limit = Math.max(limit, side * this.x[this.blockOf[other]!]! + this.distance(other, node, side));
    }
    return side * limit;
  }

  /** Farthest place from the spine that its outer neighbours leave to a block. */
  private outerLimit(block: number, side: 1 | -1): number {
    const outer = side > 0 ? this.after : this.before;
    let limit = Number.POSITIVE_INFINITY;
    for (let k = this.blocks.start[block]!; k < this.blocks.start[block + 1]!; k++) {
      const node = this.blocks.items[k]!;
      const other = outer[node]!;
      if (other >= 0) limit = Math.min(limit, side * this.x[this.blockOf[other]!]! - this.distance(node, other, side));
    }
    return side * limit;
  }

  /** Least distance of the centre lines of neighbours, `inner` being nearer to the spine. */
  private distance(inner: number, outer: number, side: 1 | -1): number {
    const { left, right, nodeGap, lineGap } = this.extents;
    const { realCount } = this.graph;
    const gap = inner < realCount && outer < realCount ? nodeGap : lineGap;
    return gap + (side > 0 ? right[inner]! + left[outer]! : left[inner]! + right[outer]!);
  }

  /** The blocks on one side of the spine, each after the inner neighbours of all its nodes. */
  private blocksOutwards(inner: Int32Array, outer: Int32Array): Int32Array {
    const { blocks, blockOf } = this;
    const blockCount = blocks.start.length - 1;
    const reached = new Uint8Array(blockCount);
    const stack = [this.spine];
    reached[this.spine] = 1;
    for (let block = stack.pop(); block !== undefined; block = stack.pop()) {
      for (let k = blocks.start[block]!; k < blocks.start[block + 1]!; k++) {
        const next = outer[blocks.items[k]!]!;
        if (next < 0 || reached[blockOf[next]!]) continue;
        reached[blockOf[next]!] = 1;
        stack.push(blockOf[next]!);
      }
    }
    const waiting = new Int32Array(blockCount);
    for (let block = 0; block < blockCount; block++) {
      if (!reached[block] || block === this.spine) continue;
      for (let k = blocks.start[block]!; k < blocks.start[block + 1]!; k++) {
        if (inner[blocks.items[k]!]! >= 0) waiting[block]!++;
      }
    }
    const order = new Int32Array(blockCount);
    let ordered = 0;
    const finish = (block: number): void => {
      for (let k = blocks.start[block]!; k < blocks.start[block + 1]!; k++) {
        const next = outer[blocks.items[k]!]!;
        if (next >= 0 && --waiting[blockOf[next]!]! === 0) order[ordered++] = blockOf[next]!;
      }
    };
    finish(this.spine);
    for (let i = 0; i < ordered; i++) finish(order[i]!);
    return order.subarray(0, ordered);
  }
}

/** For each block the blocks at the other ends of its segments. */
class SegmentEnds {
  private readonly start: Int32Array;
  private readonly others: Int32Array;
  private places = new Float64Array(64);

  constructor(graph: LayeredGraph, blockOf: Int32Array, blockCount: number) {
    const { segmentCount, segmentTops, segmentBottoms } = graph;
    this.start = new Int32Array(blockCount + 1);
    for (let s = 0; s < segmentCount; s++) {
      const top = blockOf[segmentTops[s]!]!;
      const bottom = blockOf[segmentBottoms[s]!]!;
      if (top === bottom) continue;
      this.start[top + 1]!++;
      this.start[bottom + 1]!++;
    }
    for (let block = 0; block < blockCount; block++) this.start[block + 1]! += this.start[block]!;
    const next = this.start.slice(0, blockCount);
    this.others = new Int32Array(this.start[blockCount]!);
    for (let s = 0; s < segmentCount; s++) {
      const top = blockOf[segmentTops[s]!]!;
      const bottom = blockOf[segmentBottoms[s]!]!;
      if (top === bottom) continue;
      this.others[next[top]!++] = bottom;
      this.others[next[bottom]!++] = top;
    }
  }

  /** Median place of the connected blocks; of two middle ones that nearer to the spine. */
  median(block: number, x: Float64Array, side: 1 | -1): number | undefined {
    const start = this.start[block]!;
    const count = this.start[block + 1]! - start;
    if (count === 0) return undefined;
    if (count > this.places.length) this.places = new Float64Array(2 * count);
    for (let k = 0; k < count; k++) this.places[k] = side * x[this.others[start + k]!]!;
    const places = this.places.subarray(0, count).sort();
    return side * places[(count - 1) >> 1]!;
  }
}
