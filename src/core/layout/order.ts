import { CrossingCounter } from './crossings';
import type { Groups } from './graph';
import { groupBy } from './graph';
import type { LayeredGraph } from './layers';
import { updatePositions } from './layers';

/** Sweeps without a better result after which a block is left as it is. */
const PATIENCE = 6;
/** Segments looked at before a block is left as it is: bounds the time for very wide layers. */
const WORK_PER_BLOCK = 6_000_000;
/** Above this product of degrees two neighbours aren't compared for switching. */
const SWITCH_LIMIT = 4096;

/**
 * Order the nodes of each layer to have few crossings: barycenter sweeps (Sugiyama, Tagawa, Toda, 1981), then
 * greedy switching of neighbours. Where a layer has a single node, what is above and below can't cross: such
 * blocks are ordered each on its own, which keeps the best order of every block instead of the best compromise.
 */
export function orderLayers(graph: LayeredGraph): void {
  const { layers, layerCount } = graph;
  const sorter = new BlockSorter(graph);
  let first = 0;
  let widest = 0;
  for (let layer = 0; layer < layerCount; layer++) {
    const size = layers.start[layer + 1]! - layers.start[layer]!;
    widest = Math.max(widest, size);
    if (size > 1 && layer < layerCount - 1) continue;
    if (widest > 1) sorter.sort(first, layer);
    first = layer;
    widest = size;
  }
}

class BlockSorter {
  private readonly up: Groups;
  private readonly down: Groups;
  private readonly counter: CrossingCounter;
  private readonly weight: Float64Array;
  private slots = new Int32Array(64);

  constructor(private readonly graph: LayeredGraph) {
    this.counter = new CrossingCounter(graph);
    this.up = this.counter.up;
    this.down = groupBy(graph.segmentTops, graph.nodeCount);
    this.weight = new Float64Array(graph.nodeCount);
  }

  /** Order the layers `first` to `last`, both included. */
  sort(first: number, last: number): void {
    const { layers } = this.graph;
    const from = layers.start[first]!;
    const to = layers.start[last + 1]!;
    let best = this.counter.count(first, last);
    if (best === 0) return;
    let bestOrder = layers.items.slice(from, to);
    const initial = bestOrder;

    let segments = 0;
    for (let k = from; k < to; k++) {
      const node = layers.items[k]!;
      segments += this.up.start[node + 1]! - this.up.start[node]! + 1;
    }
    const maxSweeps = Math.max(4, Math.min(48, Math.floor(WORK_PER_BLOCK / (segments * 4))));

    // The mirrored start breaks ties the other way round, which often untangles what the first can't.
    for (const mirrored of [false, true]) {
      if (best === 0) break;
      if (mirrored) {
        layers.items.set(initial, from);
        for (let layer = first; layer <= last; layer++) {
          layers.items.subarray(layers.start[layer], layers.start[layer + 1]).reverse();
        }
        updatePositions(this.graph, first, last + 1);
      }
      let stale = 0;
      for (let sweep = 0; sweep < maxSweeps && stale < PATIENCE && best > 0; sweep++) {
        const rightmost = sweep % 4 >= 2;
        if (sweep % 2 === 0) for (let layer = first + 1; layer <= last; layer++) this.sortLayer(layer, true, rightmost);
        else for (let layer = last - 1; layer >= first; layer--) this.sortLayer(layer, false, rightmost);
        this.switchNeighbours(first, last, 2);
        const crossings = this.counter.count(first, last);
        if (crossings < best) {
          best = crossings;
          bestOrder = layers.items.slice(from, to);
          stale = 0;
        } else stale++;
      }
    }
    layers.items.set(bestOrder, from);
    updatePositions(this.graph, first, last + 1);
    if (best > 0) this.switchNeighbours(first, last, 10);
  }

  /** Sort one layer by the mean position of the neighbours above or below; nodes without any keep their place. */
  private sortLayer(layer: number, byUpper: boolean, rightmost: boolean): void {
    const { layers, position, segmentTops, segmentBottoms } = this.graph;
    const start = layers.start[layer]!;
    const end = layers.start[layer + 1]!;
    if (end - start < 2) return;
    const groups = byUpper ? this.up : this.down;
    const others = byUpper ? segmentTops : segmentBottoms;
    if (this.slots.length < end - start) this.slots = new Int32Array(2 * (end - start));
    let count = 0;
    const items = layers.items;
    for (let k = start; k < end; k++) {
      const node = items[k]!;
      const from = groups.start[node]!;
      const to = groups.start[node + 1]!;
      if (from === to) continue;
      let sum = 0;
      for (let s = from; s < to; s++) sum += position[others[groups.items[s]!]!]!;
      this.weight[node] = sum / (to - from);
      this.slots[count++] = node;
    }
    if (count < 2) return;
    const weight = this.weight;
    const sorted = this.slots.subarray(0, count);
    const tie = rightmost ? -1 : 1;
    if (count <= 12) insertionSort(sorted, weight, rightmost);
    else sorted.sort((a, b) => weight[a]! - weight[b]! || tie * (position[a]! - position[b]!));
    let next = 0;
    for (let k = start; k < end; k++) {
      const node = items[k]!;
      if (groups.start[node]! !== groups.start[node + 1]!) items[k] = sorted[next++]!;
    }
    for (let k = start; k < end; k++) position[items[k]!] = k - start;
  }

  /** Switch neighbours on a layer where that saves crossings, until nothing does or `passes` are over. */
  private switchNeighbours(first: number, last: number, passes: number): void {
    const { layers, position } = this.graph;
    const items = layers.items;
    for (let pass = 0; pass < passes; pass++) {
      let improved = false;
      for (let layer = first; layer <= last; layer++) {
        const start = layers.start[layer]!;
        const end = layers.start[layer + 1]!;
        for (let k = start; k + 1 < end; k++) {
          const left = items[k]!;
          const right = items[k + 1]!;
          if (this.switchGain(left, right, layer > first, layer < last) > 0) {
            items[k] = right;
            items[k + 1] = left;
            position[right] = k - start;
            position[left] = k - start + 1;
            improved = true;
          }
        }
      }
      if (!improved) return;
    }
  }

  /** Crossings saved when `left` and its right neighbour change places. */
  private switchGain(left: number, right: number, above: boolean, below: boolean): number {
    let gain = 0;
    if (above) gain += this.pairGain(left, right, this.up, this.graph.segmentTops);
    if (below) gain += this.pairGain(left, right, this.down, this.graph.segmentBottoms);
    return gain;
  }

  private pairGain(left: number, right: number, groups: Groups, others: Int32Array): number {
    const { position } = this.graph;
    const leftStart = groups.start[left]!;
    const leftEnd = groups.start[left + 1]!;
    const rightStart = groups.start[right]!;
    const rightEnd = groups.start[right + 1]!;
    if ((leftEnd - leftStart) * (rightEnd - rightStart) > SWITCH_LIMIT) return 0;
    let gain = 0;
    for (let i = leftStart; i < leftEnd; i++) {
      const a = position[others[groups.items[i]!]!]!;
      for (let j = rightStart; j < rightEnd; j++) {
        const b = position[others[groups.items[j]!]!]!;
        if (a > b) gain++;
        else if (a < b) gain--;
      }
    }
    return gain;
  }
}

/** Stable for the nodes' present order, or its reverse. */
function insertionSort(nodes: Int32Array, weight: Float64Array, reversed: boolean): void {
  if (reversed) nodes.reverse();
  for (let i = 1; i < nodes.length; i++) {
    const node = nodes[i]!;
    let k = i - 1;
    while (k >= 0 && weight[nodes[k]!]! > weight[node]!) {
      nodes[k + 1] = nodes[k]!;
      k--;
    }
    nodes[k + 1] = node;
  }
}
