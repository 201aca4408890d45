import type { Graph, SparseTensor, Tensor } from './model';

/**
 * A graph's initializers, sparse ones included: those as a tensor of the dense
 * shape whose data isn't stated.
 */
export function initializersOf(graph: Graph): readonly Tensor[] {
  const { initializers, sparseInitializers } = graph;
  return sparseInitializers === undefined ? initializers : [...initializers, ...sparseInitializers.map(asDense)];
}

function asDense({ values, dims, origin, span }: SparseTensor): Tensor {
  const { name, dataType, nameSpan } = values;
  return { name, dataType, dims, data: { kind: 'none' }, origin, span, nameSpan };
}
