import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CrossingCounter } from '../../../src/core/layout/crossings';
import { buildLayers, classifyEdges, EdgeKind, type LayeredGraph } from '../../../src/core/layout/layers';
import { orderLayers } from '../../../src/core/layout/order';
import { assignRanks, findBackEdges } from '../../../src/core/layout/rank';
import type { LayoutGraph } from '../../../src/core/layout/graph';
import { anyDag, anyGraph, graphOf, type Edge } from './graphs';

function rankOf({ nodeCount, sources, targets, values }: LayoutGraph): { rank: Int32Array; back: Uint8Array } {
  const back = findBackEdges(nodeCount, sources, targets);
  return { rank: assignRanks(nodeCount, sources, targets, values, back), back };
}

function layersOf(graph: LayoutGraph, longest = 24): LayeredGraph {
  const { rank, back } = rankOf(graph);
  const kinds = classifyEdges(rank, graph.sources, graph.targets, back, longest);
  return buildLayers(rank, graph.sources, graph.targets, graph.values, kinds);
}

describe('findBackEdges', () => {
  it('leaves a graph without cycles', () => {
    fc.assert(
      fc.property(anyGraph, (graph) => {
        const { rank, back } = rankOf(graph);
        for (let edge = 0; edge < graph.edgeCount; edge++) {
          if (!back[edge]) assert.ok(rank[graph.sources[edge]!]! < rank[graph.targets[edge]!]!);
        }
      }),
    );
  });

  it('takes no edge out of a graph that has no cycle', () => {
    fc.assert(
      fc.property(anyDag, ({ nodeCount, sources, targets }) => {
        assert.ok(!findBackEdges(nodeCount, sources, targets).includes(1));
      }),
    );
  });
});

describe('assignRanks', () => {
  it('leaves no rank empty', () => {
    fc.assert(
      fc.property(anyGraph, (graph) => {
        const used = [...new Set(rankOf(graph).rank)].sort((a, b) => a - b);
        assert.deepEqual(used, Array.from(used.keys()));
      }),
    );
  });

  it('moves an input down to where it is read', () => {
    const { rank } = rankOf(graphOf(12, [...Array.from({ length: 10 }, (_, i): Edge => [i, i + 1]), [11, 9]]));
    assert.equal(rank[11], 8);
  });

  it('moves a chain that starts with an input down as a whole', () => {
    const main = Array.from({ length: 10 }, (_, i): Edge => [i, i + 1]);
    const { rank } = rankOf(graphOf(14, [...main, [11, 12], [12, 13], [13, 9]]));
    assert.deepEqual([rank[11], rank[12], rank[13]], [6, 7, 8]);
  });
});

describe('classifyEdges', () => {
  it('puts edges on lanes that lead up or span too much, and keeps the virtual nodes few', () => {
    const count = 2_000;
    const chain = Array.from({ length: count - 1 }, (_, i): Edge => [i, i + 1]);
    const skips = Array.from({ length: 1_900 }, (_, i): Edge => [i, Math.min(count - 1, i + 2 + (i % 90))]);
    const graph = graphOf(count, [...chain, ...skips, [5, 5], [9, 3]]);
    const { rank, back } = rankOf(graph);
    const kinds = classifyEdges(rank, graph.sources, graph.targets, back, 24);
    assert.equal(kinds.at(-2), EdgeKind.Loop);
    assert.equal(kinds.at(-1), EdgeKind.Lane);
    const layered = buildLayers(rank, graph.sources, graph.targets, graph.values, kinds);
    assert.ok(layered.nodeCount < 6 * count, `${layered.nodeCount} nodes`);
    assert.deepEqual(new Set<number>(kinds.subarray(0, count - 1)), new Set<number>([EdgeKind.Layered]));
  });
});

describe('CrossingCounter', () => {
  it('counts as comparing every pair of segments does', () => {
    fc.assert(
      fc.property(anyDag, (graph) => {
        const layered = layersOf(graph);
        const { segmentTops, segmentBottoms, position, layerOf } = layered;
        let expected = 0;
        for (let a = 0; a < layered.segmentCount; a++) {
          for (let b = a + 1; b < layered.segmentCount; b++) {
            if (layerOf[segmentTops[a]!] !== layerOf[segmentTops[b]!]) continue;
            const above = position[segmentTops[a]!]! - position[segmentTops[b]!]!;
            const below = position[segmentBottoms[a]!]! - position[segmentBottoms[b]!]!;
            if (above * below < 0) expected++;
          }
        }
        assert.equal(new CrossingCounter(layered).count(0, layered.layerCount - 1), expected);
      }),
    );
  });
});

describe('orderLayers', () => {
  it('never makes more crossings than there were', () => {
    fc.assert(
      fc.property(anyDag, (graph) => {
        const layered = layersOf(graph);
        const before = new CrossingCounter(layered).count(0, layered.layerCount - 1);
        orderLayers(layered);
        assert.ok(new CrossingCounter(layered).count(0, layered.layerCount - 1) <= before);
      }),
    );
  });

  it('keeps every node on its layer, at the position it says', () => {
    fc.assert(
      fc.property(anyDag, (graph) => {
        const layered = layersOf(graph);
        orderLayers(layered);
        const seen = new Set<number>();
        for (let layer = 0; layer < layered.layerCount; layer++) {
          for (let k = layered.layers.start[layer]!; k < layered.layers.start[layer + 1]!; k++) {
            const node = layered.layers.items[k]!;
            seen.add(node);
            assert.equal(layered.layerOf[node], layer);
            assert.equal(layered.position[node], k - layered.layers.start[layer]!);
          }
        }
        assert.equal(seen.size, layered.nodeCount);
      }),
    );
  });

  it('draws trees without crossings', () => {
    const edges: Edge[] = [];
    for (let node = 1; node < 364; node++) edges.push([Math.floor((node - 1) / 3), node, node]);
    // The files' order says nothing about who belongs together.
    const shuffled = edges.map(([a, b, v]): Edge => [(a * 101) % 364, (b * 101) % 364, v!]);
    const layered = layersOf(graphOf(364, shuffled));
    orderLayers(layered);
    assert.equal(new CrossingCounter(layered).count(0, layered.layerCount - 1), 0);
  });

  it('untangles branches that start in the wrong order', () => {
    const edges: Edge[] = [];
    for (let branch = 0; branch < 6; branch++)
      edges.push([0, 1 + branch], [1 + branch, 12 - branch], [12 - branch, 13]);
    const layered = layersOf(graphOf(14, edges));
    orderLayers(layered);
    assert.equal(new CrossingCounter(layered).count(0, layered.layerCount - 1), 0);
  });
});
