import type { Groups } from './graph';
import { groupBy } from './graph';
import type { LayeredGraph } from './layers';

export interface Blocks {
  readonly blockOf: Int32Array;
  /** The nodes of each block, at most one on each layer. */
  readonly blocks: Groups;
  /** The block that runs through all layers. */
  readonly spine: number;
}

/** Weights of segments: those of the spine first, then long lines, then the chains of real nodes. */
const SPINE = 1 << 20;
const LINE = 64;
const PREFERRED_BY_BOTH = 16;
const PREFERRED_BY_ONE = 4;

/**
 * Align nodes in vertical blocks: between two layers the aligned segments are the heaviest set in which no two
 * cross or share a node.
 * @param spine a node of each layer, connected from top to bottom.
 */
export function alignBlocks(graph: LayeredGraph, spine: Int32Array): Blocks {
  const { nodeCount, segmentCount, segmentTops, segmentBottoms } = graph;
  const down = downwardSegments(graph);
  const aligned = alignedSegments(graph, down, segmentWeights(graph, down, spine));
  const below = new Int32Array(nodeCount).fill(-1);
  const first = new Uint8Array(nodeCount).fill(1);
  for (let s = 0; s < segmentCount; s++) {
    if (!aligned[s]) continue;
    below[segmentTops[s]!] = segmentBottoms[s]!;
    first[segmentBottoms[s]!] = 0;
  }
  const blockOf = new Int32Array(nodeCount);
  let count = 0;
  for (let node = 0; node < nodeCount; node++) {
    if (!first[node]) continue;
    for (let at = node; at >= 0; at = below[at]!) blockOf[at] = count;
    count++;
  }
  return { blockOf, blocks: groupBy(blockOf, count), spine: blockOf[spine[0]!]! };
}

/** A longest path of real nodes: it has a node on each layer, since without one the layers would be fewer. */
export function findSpine(graph: LayeredGraph): Int32Array {
  const { layerCount, layers, segmentBottoms } = graph;
  const down = downwardSegments(graph);
  const { bestDown, below } = longestWays(graph, down);
  let node = layers.items[0]!;
  for (let k = layers.start[0]!; k < layers.start[1]!; k++) {
    if (below[layers.items[k]!]! > below[node]!) node = layers.items[k]!;
  }
  const spine = new Int32Array(layerCount);
  for (let layer = 0; layer < layerCount; layer++) {
    spine[layer] = node;
    if (bestDown[node]! >= 0) node = segmentBottoms[bestDown[node]!]!;
  }
  return spine;
}

/** Segments by their upper node, each list ordered by the position of the lower node. */
function downwardSegments(graph: LayeredGraph): Groups {
  const { nodeCount, segmentCount, segmentTops, segmentBottoms, layers } = graph;
  const byBottom = groupBy(segmentBottoms, nodeCount);
  const { start } = groupBy(segmentTops, nodeCount);
  const next = start.slice(0, nodeCount);
  const items = new Int32Array(segmentCount);
  for (const node of layers.items) {
    for (let k = byBottom.start[node]!; k < byBottom.start[node + 1]!; k++) {
      const segment = byBottom.items[k]!;
      items[next[segmentTops[segment]!]!++] = segment;
    }
  }
  return { start, items };
}

interface Ways {
  /** The segment each node's longest way up and down begins with, or -1. */
  readonly bestUp: Int32Array;
  readonly bestDown: Int32Array;
  /** Number of real nodes on the longest way down, the node itself included. */
  readonly below: Int32Array;
}

function longestWays(graph: LayeredGraph, down: Groups): Ways {
  const { nodeCount, segmentBottoms, realCount, layers } = graph;
  const above = new Int32Array(nodeCount);
  const below = new Int32Array(nodeCount);
  const bestUp = new Int32Array(nodeCount).fill(-1);
  const bestDown = new Int32Array(nodeCount).fill(-1);
  for (const node of layers.items) {
    above[node]! += node < realCount ? 1 : 0;
    for (let k = down.start[node]!; k < down.start[node + 1]!; k++) {
      const child = segmentBottoms[down.items[k]!]!;
      if (bestUp[child] !== -1 && above[node]! <= above[child]!) continue;
      above[child] = above[node]!;
      bestUp[child] = down.items[k]!;
    }
  }
  for (let i = nodeCount - 1; i >= 0; i--) {
    const node = layers.items[i]!;
    const start = down.start[node]!;
    const end = down.start[node + 1]!;
    let longest = 0;
    for (let k = start; k < end; k++) longest = Math.max(longest, below[segmentBottoms[down.items[k]!]!]!);
    below[node] = longest + (node < realCount ? 1 : 0);
    // Of equally long ways the middle one: the others then spread to both sides.
    let ways = 0;
    for (let k = start; k < end; k++) if (below[segmentBottoms[down.items[k]!]!] === longest) ways++;
    let skip = ways >> 1;
    for (let k = start; k < end; k++) {
      if (below[segmentBottoms[down.items[k]!]!] !== longest) continue;
      if (skip-- === 0) bestDown[node] = down.items[k]!;
    }
  }
  return { bestUp, bestDown, below };
}

function segmentWeights(graph: LayeredGraph, down: Groups, spine: Int32Array): Int32Array {
  const { segmentCount, segmentTops, segmentBottoms, realCount, layerOf } = graph;
  const { bestUp, bestDown } = longestWays(graph, down);
  const weights = new Int32Array(segmentCount);
  for (let s = 0; s < segmentCount; s++) {
    const top = segmentTops[s]!;
    const bottom = segmentBottoms[s]!;
    if (spine[layerOf[top]!] === top && spine[layerOf[bottom]!] === bottom) weights[s] = SPINE;
    else if (top >= realCount && bottom >= realCount) weights[s] = LINE;
    else {
      const preferences = (bestDown[top] === s ? 1 : 0) + (bestUp[bottom] === s ? 1 : 0);
      weights[s] = preferences === 2 ? PREFERRED_BY_BOTH : preferences === 1 ? PREFERRED_BY_ONE : 1;
    }
  }
  return weights;
}

/** For each pair of layers the heaviest increasing sequence of segments (Fenwick tree of maxima). */
function alignedSegments(graph: LayeredGraph, down: Groups, weights: Int32Array): Uint8Array {
  const { layers, layerCount, position, segmentBottoms, segmentCount } = graph;
  const aligned = new Uint8Array(segmentCount);
  const total = new Float64Array(segmentCount);
  const previous = new Int32Array(segmentCount);
  let tree = new Int32Array(64);
  for (let layer = 0; layer + 1 < layerCount; layer++) {
    const lowerCount = layers.start[layer + 2]! - layers.start[layer + 1]!;
    if (tree.length <= lowerCount) tree = new Int32Array(2 * lowerCount + 1);
    tree.fill(-1, 0, lowerCount + 1);
    let best = -1;
    for (let k = layers.start[layer]!; k < layers.start[layer + 1]!; k++) {
      const node = layers.items[k]!;
      // From the right, so that segments of one node never follow each other.
      for (let i = down.start[node + 1]! - 1; i >= down.start[node]!; i--) {
        const segment = down.items[i]!;
        const at = position[segmentBottoms[segment]!]! + 1;
        let before = -1;
        for (let p = at - 1; p > 0; p -= p & -p) {
          if (tree[p]! >= 0 && (before < 0 || total[tree[p]!]! > total[before]!)) before = tree[p]!;
        }
        previous[segment] = before;
        total[segment] = weights[segment]! + (before < 0 ? 0 : total[before]!);
        for (let p = at; p <= lowerCount; p += p & -p) {
          if (tree[p]! < 0 || total[segment] > total[tree[p]!]!) tree[p] = segment;
        }
        if (best < 0 || total[segment] > total[best]!) best = segment;
      }
    }
    for (let segment = best; segment >= 0; segment = previous[segment]!) aligned[segment] = 1;
  }
  return aligned;
}
