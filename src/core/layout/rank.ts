import type { Groups } from './graph';
import { groupBy } from './graph';

/**
 * Mark the edges that close a cycle (self loops included), found by depth-first search from the nodes in
 * their order: without them the graph is acyclic.
 * @returns 1 for each edge to leave out, else 0.
 */
export function findBackEdges(nodeCount: number, sources: Int32Array, targets: Int32Array): Uint8Array {
  const back = new Uint8Array(sources.length);
  const out = groupBy(sources, nodeCount);
  const state = new Uint8Array(nodeCount); // 0 unseen, 1 on the stack, 2 done
  const cursor = out.start.slice(0, nodeCount);
  const stack = new Int32Array(nodeCount);
  const inDegree = new Int32Array(nodeCount);
  for (const target of targets) inDegree[target]!++;

  const visit = (root: number): void => {
    let depth = 0;
    stack[depth++] = root;
    state[root] = 1;
    while (depth > 0) {
      const node = stack[depth - 1]!;
      if (cursor[node]! === out.start[node + 1]!) {
        state[node] = 2;
        depth--;
        continue;
      }
      const edge = out.items[cursor[node]!++]!;
      const target = targets[edge]!;
      if (state[target] === 1) back[edge] = 1;
      else if (state[target] === 0) {
        state[target] = 1;
        stack[depth++] = target;
      }
    }
  };
  for (let node = 0; node < nodeCount; node++) if (inDegree[node] === 0 && state[node] === 0) visit(node);
  for (let node = 0; node < nodeCount; node++) if (state[node] === 0) visit(node);
  return back;
}

/** Moves farther than this many ranks put the edge on a lane, where edges of one value cost no more than one. */
const FAR = 12;
const MAX_PASSES = 8;

/**
 * Give every node a rank so that each edge leads to a higher rank, and keep edges short: longest path first,
 * then nodes move towards the side where they have more edges until nothing moves (Gansner et al., "A Technique
 * for Drawing Directed Graphs", 1993, section 2, with local moves in place of the network simplex).
 * @param values the value each edge carries.
 * @param ignored 1 for each edge to leave out; the others must be acyclic.
 * @returns ranks from 0, none of them empty.
 */
export function assignRanks(
  nodeCount: number,
  sources: Int32Array,
  targets: Int32Array,
  values: Int32Array,
  ignored: Uint8Array,
): Int32Array {
  const keptSources = sources.slice();
  const keptTargets = targets.slice();
  for (let edge = 0; edge < ignored.length; edge++) if (ignored[edge]) keptSources[edge] = keptTargets[edge] = -1;
  const out = groupBy(keptSources, nodeCount);
  const into = groupBy(keptTargets, nodeCount);
  const { rank, order } = longestPaths(nodeCount, targets, into, out);

  // Edges that have their value to themselves.
  const readers = new Map<number, number>();
  for (const value of values) readers.set(value, (readers.get(value) ?? 0) + 1);
  const ownInputs = new Int32Array(nodeCount);
  for (let edge = 0; edge < values.length; edge++) if (readers.get(values[edge]!) === 1) ownInputs[targets[edge]!]!++;
  const inCost = (node: number, distance: number): number =>
    distance > FAR ? ownInputs[node]! : into.start[node + 1]! - into.start[node]!;

  // Nodes that gain nothing either way go down with what they feed, so that the constants and inputs above them
  // can follow, and come up again where nothing followed.
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    let moved = false;
    for (let i = nodeCount - 1; i >= 0; i--) {
      const node = order[i]!;
      const outDegree = out.start[node + 1]! - out.start[node]!;
      if (outDegree === 0) continue;
      let lowest = Number.MAX_SAFE_INTEGER;
      for (let k = out.start[node]!; k < out.start[node + 1]!; k++) {
        lowest = Math.min(lowest, rank[targets[out.items[k]!]!]!);
      }
      const distance = lowest - 1 - rank[node]!;
      if (distance > 0 && outDegree >= inCost(node, distance)) {
        rank[node] = lowest - 1;
        moved = true;
      }
    }
    if (!moved) break;
    for (let i = 0; i < nodeCount; i++) {
      const node = order[i]!;
      if (into.start[node] === into.start[node + 1]) continue;
      const outDegree = out.start[node + 1]! - out.start[node]!;
      let highest = 0;
      for (let k = into.start[node]!; k < into.start[node + 1]!; k++) {
        highest = Math.max(highest, rank[sources[into.items[k]!]!]! + 1);
      }
      const distance = rank[node]! - highest;
      if (distance > 0 && inCost(node, distance) >= outDegree) rank[node] = highest;
    }
  }
  return withoutEmptyRanks(rank);
}

/** Each node's distance from the top, and the nodes in topological order. */
function longestPaths(
  nodeCount: number,
  targets: Int32Array,
  into: Groups,
  out: Groups,
): { rank: Int32Array; order: Int32Array } {
  const rank = new Int32Array(nodeCount);
  const order = new Int32Array(nodeCount);
  const waiting = new Int32Array(nodeCount);
  let ordered = 0;
  for (let node = 0; node < nodeCount; node++) {
    waiting[node] = into.start[node + 1]! - into.start[node]!;
    if (waiting[node] === 0) order[ordered++] = node;
  }
  for (let i = 0; i < ordered; i++) {
    const node = order[i]!;
    for (let k = out.start[node]!; k < out.start[node + 1]!; k++) {
      const target = targets[out.items[k]!]!;
      rank[target] = Math.max(rank[target]!, rank[node]! + 1);
      if (--waiting[target]! === 0) order[ordered++] = target;
    }
  }
  return { rank, order };
}

function withoutEmptyRanks(rank: Int32Array): Int32Array {
  let maxRank = -1;
  for (const r of rank) maxRank = Math.max(maxRank, r);
  const used = new Int32Array(maxRank + 1);
  for (const r of rank) used[r] = 1;
  let next = 0;
  for (let r = 0; r <= maxRank; r++) used[r] = used[r] ? next++ : -1;
  return rank.map((r) => used[r]!);
}
