import type { Groups } from './graph';
import { groupBy } from './graph';

/** The connected parts of a graph, each with its nodes ascending; parts in the order of their first nodes. */
export function connectedComponents(nodeCount: number, sources: Int32Array, targets: Int32Array): Groups {
  const parent = new Int32Array(nodeCount);
  for (let node = 0; node < nodeCount; node++) parent[node] = node;
  const find = (node: number): number => {
    let at = node;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]!]!;
      at = parent[at]!;
    }
    return at;
  };
  for (let edge = 0; edge < sources.length; edge++) {
    const a = find(sources[edge]!);
    const b = find(targets[edge]!);
    // The smaller number is the root, so that roots come in the order of first nodes.
    if (a < b) parent[b] = a;
    else parent[a] = b;
  }
  const component = new Int32Array(nodeCount);
  let count = 0;
  for (let node = 0; node < nodeCount; node++) {
    const root = find(node);
    component[node] = root === node ? count++ : component[root]!;
  }
  return groupBy(component, count);
}

/** The place of a rectangle. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

/**
 * Put rectangles on shelves: larger parts first, rows about as wide as the largest part or as a square of the
 * same area.
 * @param gap free space between rectangles, pixels.
 */
export function packShelves(widths: Float64Array, heights: Float64Array, weights: Int32Array, gap: number): Place[] {
  const order = Array.from(widths.keys()).sort((a, b) => weights[b]! - weights[a]! || a - b);
  let area = 0;
  let widest = 0;
  for (let i = 0; i < widths.length; i++) {
    area += (widths[i]! + gap) * (heights[i]! + gap);
    widest = Math.max(widest, widths[i]!);
  }
  const rowWidth = Math.max(widest, Math.sqrt(area) * 1.3);
  const places = new Array<Place>(widths.length);
  let x = 0;
  let y = 0;
  let rowHeight = 0;
  for (const i of order) {
    if (x > 0 && x + widths[i]! > rowWidth) {
      x = 0;
      y += rowHeight + gap;
      rowHeight = 0;
    }
    places[i] = { x, y };
    x += widths[i]! + gap;
    rowHeight = Math.max(rowHeight, heights[i]!);
  }
  return places;
}
