import { readerIn, type Scope } from '../fusion/scope';
import type { Node } from '../onnx/model';

/**
 * Groups of nodes of the scope's body that each wait, through others, for
 * their own results. A node waits for what its subgraphs read, too. In the
 * order of the text. (Tarjan, "Depth-first search and linear graph
 * algorithms", 1972; iterative.)
 */
export function findCycles(scope: Scope): readonly (readonly Node[])[] {
  const { nodes } = scope.body;
  const numbers = new Map(nodes.map((node, i) => [node, i]));
  const readers = readersOf(scope, numbers);
  const order = new Int32Array(nodes.length).fill(-1);
  const low = new Int32Array(nodes.length);
  const onStack = new Uint8Array(nodes.length);
  const stack: number[] = [];
  const cycles: Node[][] = [];
  let visited = 0;
  const enter = (at: number) => {
    order[at] = low[at] = visited++;
    stack.push(at);
    onStack[at] = 1;
    return { at, next: 0 };
  };
  for (let root = 0; root < nodes.length; root++) {
    if (order[root]! >= 0) continue;
    const path = [enter(root)];
    for (let step = path.at(-1); step; step = path.at(-1)) {
      const { at } = step;
      const reader = readers[at]![step.next++];
      if (reader === undefined) {
        path.pop();
        const back = path.at(-1);
        if (back) low[back.at] = Math.min(low[back.at]!, low[at]!);
        if (low[at] === order[at]) {
          const group = stack.splice(stack.lastIndexOf(at));
          for (const member of group) onStack[member] = 0;
          if (group.length > 1 || readers[at]!.includes(at)) {
            cycles.push(group.sort((a, b) => a - b).map((member) => nodes[member]!));
          }
        }
      } else if (order[reader]! < 0) {
        path.push(enter(reader));
      } else if (onStack[reader] === 1) {
        low[at] = Math.min(low[at]!, order[reader]!);
      }
    }
  }
  return cycles;
}

/** For each node, the nodes that read one of its results, themselves or in a subgraph. */
function readersOf(scope: Scope, numbers: ReadonlyMap<Node, number>): readonly (readonly number[])[] {
  const readers: number[][] = scope.body.nodes.map(() => []);
  for (const [, { producer, uses }] of scope.values) {
    const from = producer && numbers.get(producer);
    if (from === undefined) continue;
    for (const use of uses) {
      const reader = readerIn(scope, use);
      const to = reader && numbers.get(reader);
      if (to !== undefined) readers[from]!.push(to);
    }
  }
  return readers;
}
