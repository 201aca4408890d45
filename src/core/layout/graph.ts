/** The graph as the layout sees it: boxes and the edges between them, in typed arrays. Lengths are in pixels at scale 1. */
export interface LayoutGraph {
  readonly nodeCount: number;
  readonly widths: Float64Array;
  readonly heights: Float64Array;
  /**
   * Room to keep free on either side of each node's centre line, for what hangs over its box: labels, outlines,
   * badges. What is less than half the width counts as half the width.
   */
  readonly leftExtents?: Float64Array | undefined;
  readonly rightExtents?: Float64Array | undefined;
  readonly edgeCount: number;
  readonly sources: Int32Array;
  readonly targets: Int32Array;
  /** The value an edge carries. Edges from one source with the same value share one line for as long as they can. */
  readonly values: Int32Array;
}

/** Items grouped by key: those of `k` are `items[start[k]] … items[start[k + 1] - 1]`. */
export interface Groups {
  readonly start: Int32Array;
  readonly items: Int32Array;
}

/**
 * Group the numbers `0 … keys.length - 1` by their key, ascending within a group.
 * Negative keys are left out.
 */
export function groupBy(keys: Int32Array, keyCount: number): Groups {
  const start = new Int32Array(keyCount + 1);
  let kept = 0;
  for (const key of keys) {
    if (key < 0) continue;
    start[key + 1]!++;
    kept++;
  }
  for (let k = 0; k < keyCount; k++) start[k + 1]! += start[k]!;
  const next = start.slice(0, keyCount);
  const items = new Int32Array(kept);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    if (key >= 0) items[next[key]!++] = i;
  }
  return { start, items };
}

/** The numbers `0 … length - 1`. */
export function range(length: number): Int32Array {
  const numbers = new Int32Array(length);
  for (let i = 0; i < length; i++) numbers[i] = i;
  return numbers;
}
