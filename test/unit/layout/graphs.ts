/** Graphs for layout tests, and what must hold of every layout. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { LayoutGraph } from '../../../src/core/layout/graph';
import type { GraphLayout } from '../../../src/core/layout/layout';
import { LINE } from '../../../src/core/layout/routes';

export type Edge = readonly [source: number, target: number, value?: number];

/** A graph of equal boxes; each edge carries its source's value unless it names one. */
export function graphOf(nodeCount: number, edges: readonly Edge[], width = 100, height = 40): LayoutGraph {
  return {
    nodeCount,
    widths: new Float64Array(nodeCount).fill(width),
    heights: new Float64Array(nodeCount).fill(height),
    edgeCount: edges.length,
    sources: Int32Array.from(edges, ([source]) => source),
    targets: Int32Array.from(edges, ([, target]) => target),
    values: Int32Array.from(edges, ([source, , value]) => value ?? source),
  };
}

/** Any graph at all: with cycles, loops, multiple edges and parts of its own, or without a single edge. */
export const anyGraph: fc.Arbitrary<LayoutGraph> = fc.integer({ min: 0, max: 40 }).chain((nodeCount) =>
  fc
    .tuple(
      fc.array(fc.tuple(node(nodeCount), node(nodeCount), fc.integer({ min: 0, max: 60 })), {
        maxLength: nodeCount === 0 ? 0 : 90,
      }),
      sizes(nodeCount, 20, 260),
      sizes(nodeCount, 20, 140),
    )
    .map(([edges, widths, heights]) => ({ ...graphOf(nodeCount, edges), widths, heights })),
);

/** As a model's graph: edges lead to later nodes, most of them near by, some far away. */
export const anyDag: fc.Arbitrary<LayoutGraph> = fc.integer({ min: 1, max: 120 }).chain((nodeCount) =>
  fc
    .tuple(
      fc.array(
        fc.tuple(node(nodeCount), fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 3 }) }, node(nodeCount))),
        {
          maxLength: 3 * nodeCount,
        },
      ),
      sizes(nodeCount, 20, 260),
      sizes(nodeCount, 20, 140),
    )
    .map(([steps, widths, heights]) => {
      const edges = steps.flatMap(([from, step]): Edge[] =>
        from + step < nodeCount && step > 0 ? [[from, from + step]] : [],
      );
      return { ...graphOf(nodeCount, edges), widths, heights };
    }),
);

function node(nodeCount: number): fc.Arbitrary<number> {
  return fc.integer({ min: 0, max: Math.max(0, nodeCount - 1) });
}

function sizes(count: number, min: number, max: number): fc.Arbitrary<Float64Array> {
  return fc
    .array(fc.integer({ min, max }), { minLength: count, maxLength: count })
    .map((numbers) => Float64Array.from(numbers));
}

/** Boxes lie within the drawing and apart from each other. */
export function assertBoxesApart(graph: LayoutGraph, layout: GraphLayout): void {
  const { x, y } = layout;
  const order = Array.from({ length: graph.nodeCount }, (_, i) => i);
  const top = (n: number): number => y[n]! - graph.heights[n]! / 2;
  order.sort((a, b) => top(a) - top(b));
  for (const [i, a] of order.entries()) {
    const [left, right] = [x[a]! - graph.widths[a]! / 2, x[a]! + graph.widths[a]! / 2];
    const bottom = y[a]! + graph.heights[a]! / 2;
    assert.ok(left >= -0.01 && right <= layout.width + 0.01, `node ${a} sticks out sideways`);
    assert.ok(top(a) >= -0.01 && bottom <= layout.height + 0.01, `node ${a} sticks out`);
    for (let j = i + 1; j < order.length && top(order[j]!) < bottom; j++) {
      const b = order[j]!;
      const gap = Math.abs(x[a]! - x[b]!) - (graph.widths[a]! + graph.widths[b]!) / 2;
      assert.ok(gap > 0, `nodes ${a} and ${b} overlap`);
    }
  }
}

/** The course of an edge as points, curves cut into short lines. */
export function pointsOf({ routes }: GraphLayout, edge: number): [x: number, y: number][] {
  const { points, verbs } = routes;
  let p = 2 * routes.pointStart[edge]!;
  const at = (k: number): [number, number] => [points[k]!, points[k + 1]!];
  const result = [at(p)];
  p += 2;
  for (let v = routes.verbStart[edge]!; v < routes.verbStart[edge + 1]!; v++) {
    if (verbs[v] === LINE) {
      result.push(at(p));
      p += 2;
      continue;
    }
    const [a, b, c, d] = [result.at(-1)!, at(p), at(p + 2), at(p + 4)];
    for (let step = 1; step <= 8; step++) {
      const t = step / 8;
      const s = 1 - t;
      const blend = (i: 0 | 1): number =>
        s * s * s * a[i] + 3 * s * s * t * b[i] + 3 * s * t * t * c[i] + t * t * t * d[i];
      result.push([blend(0), blend(1)]);
    }
    p += 6;
  }
  assert.equal(p, 2 * routes.pointStart[edge + 1]!, `edge ${edge} has points that no verb uses`);
  return result;
}

/** Every edge begins at its source's lower side, ends at its target's upper side, and touches no box in between. */
export function assertRoutesClear(graph: LayoutGraph, layout: GraphLayout): void {
  const { x, y } = layout;
  for (let edge = 0; edge < graph.edgeCount; edge++) {
    const source = graph.sources[edge]!;
    const target = graph.targets[edge]!;
    const points = pointsOf(layout, edge);
    const [startX, startY] = points[0]!;
    const [endX, endY] = points.at(-1)!;
    near(startY, y[source]! + graph.heights[source]! / 2, `edge ${edge} doesn't begin at its source`);
    near(endY, y[target]! - graph.heights[target]! / 2, `edge ${edge} doesn't end at its target`);
    assert.ok(Math.abs(startX - x[source]!) <= graph.widths[source]! / 2, `edge ${edge} begins beside its source`);
    assert.ok(Math.abs(endX - x[target]!) <= graph.widths[target]! / 2, `edge ${edge} ends beside its target`);
    for (let i = 1; i < points.length; i++) {
      for (let node = 0; node < graph.nodeCount; node++) {
        const inside = crosses(points[i - 1]!, points[i]!, [
          x[node]! - graph.widths[node]! / 2 + 0.5,
          y[node]! - graph.heights[node]! / 2 + 0.5,
          x[node]! + graph.widths[node]! / 2 - 0.5,
          y[node]! + graph.heights[node]! / 2 - 0.5,
        ]);
        assert.ok(!inside, `edge ${edge} (${source} → ${target}) runs through node ${node}`);
      }
    }
    for (const [px, py] of points) {
      assert.ok(px >= -0.1 && px <= layout.width + 0.1, `edge ${edge} leaves the drawing sideways`);
      assert.ok(py >= -0.1 && py <= layout.height + 0.1, `edge ${edge} leaves the drawing`);
    }
  }
}

function near(actual: number, expected: number, message: string): void {
  assert.ok(Math.abs(actual - expected) <= 0.05 + Math.abs(expected) * 1e-6, `${message}: ${actual}, not ${expected}`);
}

/** Does the line from a to b have a point inside the rectangle? Liang and Barsky's clipping. */
function crosses(
  [ax, ay]: readonly [number, number],
  [bx, by]: readonly [number, number],
  [left, top, right, bottom]: readonly [number, number, number, number],
): boolean {
  let from = 0;
  let to = 1;
  for (const [delta, low, high] of [
    [bx - ax, left - ax, right - ax],
    [by - ay, top - ay, bottom - ay],
  ] as const) {
    if (delta === 0) {
      if (low > 0 || high < 0) return false;
      continue;
    }
    const [near, far] = delta > 0 ? [low / delta, high / delta] : [high / delta, low / delta];
    from = Math.max(from, near);
    to = Math.min(to, far);
    if (from > to) return false;
  }
  return true;
}
