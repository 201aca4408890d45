import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { LayoutGraph } from '../../../src/core/layout/graph';
import { layoutGraph } from '../../../src/core/layout/layout';
import { anyDag, anyGraph, assertBoxesApart, assertRoutesClear, graphOf, pointsOf, type Edge } from './graphs';

describe('layoutGraph', () => {
  it('keeps boxes apart and edges clear of boxes, in any graph', () => {
    fc.assert(
      fc.property(anyGraph, (graph) => {
        const layout = layoutGraph(graph);
        assertBoxesApart(graph, layout);
        assertRoutesClear(graph, layout);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps boxes apart and edges clear of boxes where many edges run on lanes', () => {
    const options = { nodeGap: 24, lineGap: 14, layerGap: 40, longestLayered: 2, componentGap: 48 };
    fc.assert(
      fc.property(anyDag, (graph) => {
        const layout = layoutGraph(graph, options);
        assertBoxesApart(graph, layout);
        assertRoutesClear(graph, layout);
      }),
      { numRuns: 150 },
    );
  });

  it('puts sources above their targets', () => {
    fc.assert(
      fc.property(anyDag, (graph) => {
        const { y } = layoutGraph(graph);
        for (let edge = 0; edge < graph.edgeCount; edge++) {
          const source = graph.sources[edge]!;
          const target = graph.targets[edge]!;
          const lower = y[source]! + graph.heights[source]! / 2;
          assert.ok(lower < y[target]! - graph.heights[target]! / 2, `edge ${source} → ${target} doesn't lead down`);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('gives the same layout for the same graph', () => {
    fc.assert(
      fc.property(anyGraph, (graph) => {
        assert.deepEqual(layoutGraph(graph), layoutGraph(graph));
      }),
      { numRuns: 50 },
    );
  });

  it('keeps the room that is asked for on either side', () => {
    const graph = graphOf(3, [
      [0, 1],
      [0, 2],
    ]);
    const extents = { leftExtents: Float64Array.of(0, 90, 90), rightExtents: Float64Array.of(0, 200, 200) };
    const { x } = layoutGraph({ ...graph, ...extents });
    assert.ok(Math.abs(x[1]! - x[2]!) >= 290);
  });

  it('lays out nothing, and a single node', () => {
    assert.deepEqual(size(layoutGraph(graphOf(0, []))), [0, 0]);
    assert.deepEqual(size(layoutGraph(graphOf(1, []))), [100, 40]);
  });

  it('draws a chain as a straight line', () => {
    const { x } = layoutGraph(graphOf(50, chain(50)));
    assert.deepEqual(new Set(x).size, 1);
  });

  it('keeps the main line straight where branches leave and join it', () => {
    const { x } = layoutGraph(graphOf(40, [...chain(40), [3, 9], [5, 7], [10, 30], [31, 33]]));
    assert.equal(new Set(x).size, 1);
  });

  it('lets the edges of one value share their line', () => {
    const layout = layoutGraph(graphOf(80, [...chain(80), [0, 40], [0, 70]]));
    const verticals = [79, 80].map((edge) => Math.max(...pointsOf(layout, edge).map(([x]) => x)));
    assert.equal(verticals[0], verticals[1]);
  });

  it('keeps the lines of different values apart', () => {
    const layout = layoutGraph(graphOf(80, [...chain(80), [0, 40], [1, 70]]));
    const right = (edge: number): number => Math.max(...pointsOf(layout, edge).map(([x]) => x));
    const left = (edge: number): number => Math.min(...pointsOf(layout, edge).map(([x]) => x));
    assert.ok(Math.abs(right(79) - right(80)) > 5 || Math.abs(left(79) - left(80)) > 5);
  });

  it('does not spread apart a ladder of branches that overlap', () => {
    // Each branch joins the main line in the middle of the next one.
    const edges: Edge[] = [...chain(60)];
    let next = 60;
    for (let join = 8; join < 60; join += 4) {
      for (let i = 0; i < 6; i++) edges.push([next + i, next + i + 1]);
      edges.push([next + 6, join]);
      next += 7;
    }
    const { width } = layoutGraph(graphOf(next, edges));
    assert.ok(width < 700, `${width} pixels wide`);
  });

  const large: Readonly<Record<string, () => LayoutGraph>> = {
    'a chain of 10,000': () => graphOf(10_000, chain(10_000)),
    'a star of 10,000': () =>
      graphOf(
        10_001,
        Array.from({ length: 10_000 }, (_, i): Edge => [0, i + 1]),
      ),
    'a star of 10,000 that joins': () =>
      graphOf(
        10_002,
        Array.from({ length: 10_000 }, (_, i): Edge[] => [
          [0, i + 1],
          [i + 1, 10_001],
        ]).flat(),
      ),
    '10,000 nodes without an edge': () => graphOf(10_000, []),
    '5,000 pairs': () =>
      graphOf(
        10_000,
        Array.from({ length: 5_000 }, (_, i): Edge => [2 * i, 2 * i + 1]),
      ),
    'a ring of 10,000': () => graphOf(10_000, [...chain(10_000), [9_999, 0]]),
    '10,000 long edges': () =>
      graphOf(10_000, [
        ...chain(10_000),
        ...Array.from({ length: 10_000 }, (_, i): Edge => [i % 4_000, 4_000 + ((i * 7_919) % 6_000)]),
      ]),
    'two layers with 20,000 edges between them': () =>
      graphOf(
        4_000,
        Array.from({ length: 20_000 }, (_, i): Edge => [(i * 7_919) % 2_000, 2_000 + ((i * 104_729) % 2_000)]),
      ),
    'a complete graph of 120': () =>
      graphOf(
        120,
        Array.from({ length: 120 * 120 }, (_, i): Edge => [Math.floor(i / 120), i % 120]),
      ),
  };
  for (const [name, make] of Object.entries(large)) {
    it(`lays out ${name} without overflow, in reasonable time`, function () {
      this.timeout(20_000);
      const graph = make();
      const start = performance.now();
      const layout = layoutGraph(graph);
      const taken = performance.now() - start;
      assert.ok(layout.width > 0 && layout.height > 0);
      assert.ok(layout.x.every(Number.isFinite) && layout.y.every(Number.isFinite));
      assert.equal(layout.routes.pointStart.length, graph.edgeCount + 1);
      assert.ok(taken < 10_000, `${Math.round(taken)} ms`);
    });
  }
});

function chain(length: number): Edge[] {
  return Array.from({ length: length - 1 }, (_, i): Edge => [i, i + 1]);
}

function size({ width, height }: { width: number; height: number }): [number, number] {
  return [width, height];
}
