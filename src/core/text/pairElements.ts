import type { FunctionProto, Graph, Located, Model, Node } from '../onnx/model';
import { matchFunctions, matchItems, matchNamed, matchNodes } from './match';
import type { Matching } from './pairing';

/**
 * The elements of two models that are the same by name, outputs or place (see
 * match.ts), by the offsets at which their messages start: models, main graphs,
 * functions, nodes, and initializers and values, in subgraphs too.
 */
export function pairElements(one: Model, other: Model): ReadonlyMap<number, number> {
  const pairs = new Map<number, number>();
  const pair = (a: Located, b: Located): void => {
    if (a.origin && b.origin) pairs.set(a.origin.start, b.origin.start);
  };
  const all = <T>(list: readonly T[], others: readonly T[], matching: Matching, visit: (a: T, b: T) => void): void => {
    list.forEach((element, i) => {
      const index = matching[i]!;
      if (index >= 0) visit(element, others[index]!);
    });
  };
  const nodes = (list: readonly Node[], others: readonly Node[]): void => {
    all(list, others, matchNodes(list, others), (a, b) => {
      pair(a, b);
      subgraphs(a, b);
    });
  };
  const subgraphs = (a: Node, b: Node): void => {
    if (a.attributes.length === 0) return;
    all(a.attributes, b.attributes, matchNamed(a.attributes, b.attributes), ({ value }, { value: otherValue }) => {
      const [own, others] = [graphsOf(value), graphsOf(otherValue)];
      all(
        own,
        others,
        matchItems(own, others, ({ name }) => name),
        graphs,
      );
    });
  };
  const graphs = (a: Graph, b: Graph): void => {
    all(a.initializers, b.initializers, matchNamed(a.initializers, b.initializers), pair);
    const [sparse, otherSparse] = [a.sparseInitializers ?? [], b.sparseInitializers ?? []];
    all(
      sparse,
      otherSparse,
      matchItems(sparse, otherSparse, ({ values }) => values.name),
      pair,
    );
    all(a.valueInfos, b.valueInfos, matchNamed(a.valueInfos, b.valueInfos), pair);
    nodes(a.nodes, b.nodes);
  };
  const functions = (a: FunctionProto, b: FunctionProto): void => {
    pair(a, b);
    all(a.valueInfos, b.valueInfos, matchNamed(a.valueInfos, b.valueInfos), pair);
    nodes(a.nodes, b.nodes);
  };
  pair(one, other);
  pair(one.graph, other.graph);
  graphs(one.graph, other.graph);
  all(one.functions, other.functions, matchFunctions(one.functions, other.functions), functions);
  return pairs;
}

function graphsOf(value: Node['attributes'][number]['value']): readonly Graph[] {
  if (value.type === 'GRAPH') return [value.value];
  return value.type === 'GRAPHS' ? value.value : [];
}
