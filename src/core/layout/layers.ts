import type { Groups } from './graph';
import { groupBy } from './graph';

/**
 * Nodes on layers, every segment between neighbouring layers. Where an edge passes a layer it has a virtual
 * node there; edges that carry the same value share their virtual nodes.
 */
export interface LayeredGraph {
  /** Nodes below this number are real, the others virtual. */
  readonly realCount: number;
  readonly nodeCount: number;
  readonly layerCount: number;
  readonly layerOf: Int32Array;
  /** Nodes by layer; the order within a layer is the order they are drawn in. */
  readonly layers: Groups;
  /** Index of each node in its layer. */
  readonly position: Int32Array;
  readonly segmentCount: number;
  readonly segmentTops: Int32Array;
  readonly segmentBottoms: Int32Array;
  /** For each edge the first virtual node of its line, or -1; the following ones have the following numbers. */
  readonly chainStart: Int32Array;
}

/** How an edge is drawn. */
export const enum EdgeKind {
  /** Downwards through the layers. */
  Layered = 0,
  /** On a lane beside the layers. */
  Lane = 1,
  /** From a node to itself. */
  Loop = 2,
}

/**
 * Choose the edges to take out of the layers: those that lead up, and those that pass so many layers that their
 * virtual nodes would outnumber all the rest (in a transformer stack 7 % of the edges make 99 % of them).
 * @param longest the largest number of ranks an edge in the layers may span; lowered in graphs with very many
 *   long edges, so that virtual nodes stay proportional to the graph.
 */
export function classifyEdges(
  rank: Int32Array,
  sources: Int32Array,
  targets: Int32Array,
  back: Uint8Array,
  longest: number,
): Uint8Array {
  const kinds = new Uint8Array(sources.length);
  const bySpan = new Int32Array(longest + 1);
  for (let edge = 0; edge < sources.length; edge++) {
    const span = rank[targets[edge]!]! - rank[sources[edge]!]!;
    if (sources[edge] === targets[edge]) kinds[edge] = EdgeKind.Loop;
    else if (back[edge] || span > longest) kinds[edge] = EdgeKind.Lane;
    else bySpan[span]!++;
  }
  const budget = 4 * rank.length + 4000;
  let limit = 1;
  let virtualNodes = 0;
  while (limit < longest && virtualNodes + bySpan[limit + 1]! * limit <= budget) {
    virtualNodes += bySpan[limit + 1]! * limit;
    limit++;
  }
  for (let edge = 0; edge < sources.length; edge++) {
    if (kinds[edge] === EdgeKind.Layered && rank[targets[edge]!]! - rank[sources[edge]!]! > limit) {
      kinds[edge] = EdgeKind.Lane;
    }
  }
  return kinds;
}

/** Put the nodes and the `Layered` edges on layers, ordered by depth-first search (see `orderLayers` for better). */
export function buildLayers(
  rank: Int32Array,
  sources: Int32Array,
  targets: Int32Array,
  values: Int32Array,
  kinds: Uint8Array,
): LayeredGraph {
  const realCount = rank.length;
  let layerCount = 0;
  for (const r of rank) layerCount = Math.max(layerCount, r + 1);

  // Edges of one value make one chain, as long as the longest of them needs.
  const chainKey = values.map((value, edge) => (kinds[edge] === EdgeKind.Layered ? value : -1));
  let valueCount = 0;
  for (const value of values) valueCount = Math.max(valueCount, value + 1);
  const chains = groupBy(chainKey, valueCount);
  const chainStart = new Int32Array(sources.length).fill(-1);
  const chainLength = new Int32Array(valueCount);
  let nodeCount = realCount;
  let segmentCount = 0;
  for (let value = 0; value < valueCount; value++) {
    for (let k = chains.start[value]!; k < chains.start[value + 1]!; k++) {
      const edge = chains.items[k]!;
      chainLength[value] = Math.max(chainLength[value]!, rank[targets[edge]!]! - rank[sources[edge]!]! - 1);
      chainStart[edge] = nodeCount;
      segmentCount++;
    }
    nodeCount += chainLength[value]!;
    segmentCount += chainLength[value]!;
  }

  const layerOf = new Int32Array(nodeCount);
  layerOf.set(rank);
  const segmentTops = new Int32Array(segmentCount);
  const segmentBottoms = new Int32Array(segmentCount);
  let segment = 0;
  for (let value = 0; value < valueCount; value++) {
    const first = chains.start[value]!;
    if (first === chains.start[value + 1]!) continue;
    const source = sources[chains.items[first]!]!;
    const head = chainStart[chains.items[first]!]!;
    for (let i = 0; i < chainLength[value]!; i++) {
      layerOf[head + i] = rank[source]! + 1 + i;
      segmentTops[segment] = i === 0 ? source : head + i - 1;
      segmentBottoms[segment++] = head + i;
    }
    for (let k = first; k < chains.start[value + 1]!; k++) {
      const target = targets[chains.items[k]!]!;
      const passed = rank[target]! - rank[source]! - 1;
      segmentTops[segment] = passed === 0 ? source : head + passed - 1;
      segmentBottoms[segment++] = target;
    }
  }

  const layers = groupBy(layerOf, layerCount);
  const graph: LayeredGraph = {
    realCount,
    nodeCount,
    layerCount,
    layerOf,
    layers,
    position: new Int32Array(nodeCount),
    segmentCount,
    segmentTops,
    segmentBottoms,
    chainStart,
  };
  orderDepthFirst(graph);
  return graph;
}

/** Order each layer by the time a depth-first search from the top reaches its nodes. */
function orderDepthFirst(graph: LayeredGraph): void {
  const { layers, layerOf, nodeCount, layerCount, segmentBottoms } = graph;
  const down = groupBy(graph.segmentTops, nodeCount);
  const next = layers.start.slice(0, layerCount);
  const byLayer = layers.items.slice();
  const seen = new Uint8Array(nodeCount);
  const cursor = down.start.slice(0, nodeCount);
  const stack = new Int32Array(nodeCount);
  const place = (node: number): void => {
    seen[node] = 1;
    layers.items[next[layerOf[node]!]!++] = node;
  };
  for (const root of byLayer) {
    if (seen[root]) continue;
    let depth = 0;
    stack[depth++] = root;
    place(root);
    while (depth > 0) {
      const node = stack[depth - 1]!;
      if (cursor[node]! === down.start[node + 1]!) {
        depth--;
        continue;
      }
      const child = segmentBottoms[down.items[cursor[node]!++]!]!;
      if (seen[child]) continue;
      place(child);
      stack[depth++] = child;
    }
  }
  updatePositions(graph, 0, layerCount);
}

/** Renumber the positions on the layers `[first, end)`. */
export function updatePositions(graph: LayeredGraph, first: number, end: number): void {
  const { layers, position } = graph;
  for (let layer = first; layer < end; layer++) {
    const start = layers.start[layer]!;
    for (let k = start; k < layers.start[layer + 1]!; k++) position[layers.items[k]!] = k - start;
  }
}
