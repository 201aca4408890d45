import { CrossingCounter } from './crossings';
import type { Groups } from './graph';
import { groupBy } from './graph';
import type { LayeredGraph } from './layers';
import { updatePositions } from './layers';

/** Nodes looked at before the rest stays as it is: bounds the time for graphs of many long branches. */
const WORK = 20_000_000;

/**
 * Move branches that hang on the spine from its crowded side to the other one, where that makes no crossing.
 * Without this, branches that overlap a little each push the next one farther out.
 * @param spine a node of each layer.
 * @param extents room to the left and right of each node.
 */
export function balanceSides(
  graph: LayeredGraph,
  spine: Int32Array,
  extents: { readonly left: Float64Array; readonly right: Float64Array },
): void {
  const { layerOf, position, layers } = graph;
  const counter = new CrossingCounter(graph);
  const branches = findBranches(graph, spine);
  const order = layers.items.slice();
  let work = 0;
  for (let branch = 0; branch < branches.start.length - 1; branch++) {
    const nodes = branches.items.subarray(branches.start[branch], branches.start[branch + 1]);
    let first = Number.MAX_SAFE_INTEGER;
    let last = 0;
    let onRight = 0;
    for (const node of nodes) {
      first = Math.min(first, layerOf[node]!);
      last = Math.max(last, layerOf[node]!);
      if (position[node]! > position[spine[layerOf[node]!]!]!) onRight++;
    }
    if (onRight > 0 && onRight < nodes.length) continue;
    const from = layers.start[Math.max(0, first - 1)]!;
    const to = layers.start[Math.min(graph.layerCount, last + 2)]!;
    work += to - from;
    if (work > WORK) return;
    let left = 0;
    let right = 0;
    for (let layer = first; layer <= last; layer++) {
      const load = sideLoads(graph, layer, position[spine[layer]!]!, extents);
      left = Math.max(left, load.left);
      right = Math.max(right, load.right);
    }
    let own = 0;
    for (const node of nodes) own = Math.max(own, extents.left[node]! + extents.right[node]!);
    const surplus = onRight > 0 ? right - left : left - right;
    if (surplus <= own) continue;

    const inBranch = new Set(nodes);
    const firstGap = Math.max(0, first - 1);
    const lastGap = Math.min(graph.layerCount - 1, last + 1);
    const before = counter.count(firstGap, lastGap);
    order.set(layers.items.subarray(from, to), from);
    let done = false;
    for (const outermost of [false, true]) {
      for (let layer = first; layer <= last; layer++) mirror(graph, layer, spine[layer]!, inBranch, outermost, order);
      updatePositions(graph, first, last + 1);
      done = counter.count(firstGap, lastGap) <= before;
      if (done) break;
    }
    if (!done) {
      layers.items.set(order.subarray(from, to), from);
      updatePositions(graph, first, last + 1);
    }
  }
}

/** What is connected without the spine, by its first layer. */
function findBranches(graph: LayeredGraph, spine: Int32Array): Groups {
  const { nodeCount, segmentCount, segmentTops, segmentBottoms, layers } = graph;
  const onSpine = new Uint8Array(nodeCount);
  for (const node of spine) onSpine[node] = 1;
  const parent = new Int32Array(nodeCount);
  for (let node = 0; node < nodeCount; node++) parent[node] = node;
  const find = (node: number): number => {
    let at = node;
    while (parent[at] !== at) at = parent[at] = parent[parent[at]!]!;
    return at;
  };
  for (let s = 0; s < segmentCount; s++) {
    const top = segmentTops[s]!;
    const bottom = segmentBottoms[s]!;
    if (!onSpine[top] && !onSpine[bottom]) parent[find(bottom)] = find(top);
  }
  const branchOf = new Int32Array(nodeCount).fill(-1);
  const numberOf = new Int32Array(nodeCount).fill(-1);
  let count = 0;
  for (const node of layers.items) {
    if (onSpine[node]) continue;
    const root = find(node);
    if (numberOf[root]! < 0) numberOf[root] = count++;
    branchOf[node] = numberOf[root]!;
  }
  return groupBy(branchOf, count);
}

/** Room taken on either side of the spine on one layer. */
function sideLoads(
  graph: LayeredGraph,
  layer: number,
  spinePosition: number,
  extents: { readonly left: Float64Array; readonly right: Float64Array },
): { left: number; right: number } {
  const { layers } = graph;
  let left = 0;
  let right = 0;
  const start = layers.start[layer]!;
  for (let k = start; k < layers.start[layer + 1]!; k++) {
    const node = layers.items[k]!;
    const room = extents.left[node]! + extents.right[node]!;
    if (k - start < spinePosition) left += room;
    else if (k - start > spinePosition) right += room;
  }
  return { left, right };
}

/** Put a branch's nodes on the other side of the spine, mirrored: next to it, or outside all others. */
function mirror(
  graph: LayeredGraph,
  layer: number,
  spineNode: number,
  inBranch: ReadonlySet<number>,
  outermost: boolean,
  original: Int32Array,
): void {
  const { layers } = graph;
  const others: number[] = [];
  const moved: number[] = [];
  let spineSeen = false;
  let fromRight = false;
  for (let k = layers.start[layer]!; k < layers.start[layer + 1]!; k++) {
    const node = original[k]!;
    if (node === spineNode) spineSeen = true;
    if (inBranch.has(node)) {
      moved.push(node);
      fromRight = spineSeen;
    } else others.push(node);
  }
  if (moved.length === 0) return;
  moved.reverse();
  const spineAt = others.indexOf(spineNode);
  const at = fromRight ? (outermost ? 0 : spineAt) : outermost ? others.length : spineAt + 1;
  others.splice(at, 0, ...moved);
  layers.items.set(others, layers.start[layer]);
}
