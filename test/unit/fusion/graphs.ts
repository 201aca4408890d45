/** Compares models as graphs. */
import assert from 'node:assert/strict';
import type { Attribute, FunctionProto, Graph, Model, Node } from '../../../src/core/onnx/model';
import { fixedInputs } from '../../../src/core/fusion/scope';
import { printModel, printNode } from '../../../src/core/text/print';
import { bytesSource } from '../../../src/core/wire/source';

/**
 * The model as text that is equal for models with the same nodes (names, ops,
 * attributes, and edges by name), initializers, inputs, outputs, functions and
 * imports, in whatever order they are written; the order of inputs counts.
 * Declared types of values in between and the IR version don't, nor do inputs
 * that an initializer has to have below IR version 4.
 */
export function graphKey(model: Model): string {
  const { opsetImports, functions } = model;
  const fixed = new Set(fixedInputs(model));
  const graph = { ...model.graph, inputs: model.graph.inputs.filter((input) => !fixed.has(input)) };
  const key = (entry: { readonly domain: string }): string => entry.domain;
  return printModel(
    {
      ...model,
      irVersion: 0,
      opsetImports: sorted(opsetImports, key),
      graph: sortedGraph(graph),
      functions: sorted(functions.map(sortedFunction), (fn) => `${fn.domain} ${fn.name}`),
    },
    bytesSource(new Uint8Array(0)),
    { fileName: '' },
  );
}

/** Asserts that the models are the same graph. */
export function assertSameGraph(actual: Model, expected: Model): void {
  assert.equal(graphKey(actual), graphKey(expected));
}

function sortedGraph(graph: Graph): Graph {
  const { initializers, nodes } = graph;
  const byName = sorted(initializers, (tensor) => tensor.name);
  return { ...graph, valueInfos: [], initializers: byName, nodes: sortedNodes(nodes) };
}

const sortedFunction = (fn: FunctionProto): FunctionProto => ({
  ...fn,
  opsetImports: sorted(fn.opsetImports, (entry) => entry.domain),
  valueInfos: [],
  nodes: sortedNodes(fn.nodes),
});

const sortedNodes = (nodes: readonly Node[]): Node[] =>
  sorted(
    nodes.map((node) => ({ ...node, attributes: sorted(node.attributes.map(sortedAttribute), ({ name }) => name) })),
    (node) => printNode(node),
  );

function sortedAttribute({ name, value }: Attribute): Attribute {
  return { name, value: value.type === 'GRAPH' ? { type: 'GRAPH', value: sortedGraph(value.value) } : value };
}

function sorted<T>(list: readonly T[], key: (item: T) => string): T[] {
  return [...list].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}
