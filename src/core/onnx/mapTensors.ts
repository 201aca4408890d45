import type { Attribute, AttributeValue, Graph, Model, Node, SparseTensor, Tensor } from './model';

/** The model with every tensor replaced: initializers and attributes, in subgraphs and functions too. */
export function mapTensors(model: Model, replace: (tensor: Tensor) => Tensor): Model {
  const sparse = (tensor: SparseTensor): SparseTensor => ({
    ...tensor,
    values: replace(tensor.values),
    indices: replace(tensor.indices),
  });
  const replaced = (value: AttributeValue): AttributeValue => {
    switch (value.type) {
      case 'TENSOR':
        return { ...value, value: replace(value.value) };
      case 'TENSORS':
        return { ...value, value: value.value.map(replace) };
      case 'SPARSE_TENSOR':
        return { ...value, value: sparse(value.value) };
      case 'SPARSE_TENSORS':
        return { ...value, value: value.value.map(sparse) };
      case 'GRAPH':
        return { ...value, value: graph(value.value) };
      case 'GRAPHS':
        return { ...value, value: value.value.map(graph) };
      default:
        return value;
    }
  };
  const attribute = (item: Attribute): Attribute => ({ ...item, value: replaced(item.value) });
  const node = (item: Node): Node => ({ ...item, attributes: item.attributes.map(attribute) });
  const graph = (item: Graph): Graph => ({
    ...item,
    initializers: item.initializers.map(replace),
    ...(item.sparseInitializers && { sparseInitializers: item.sparseInitializers.map(sparse) }),
    nodes: item.nodes.map(node),
  });
  return {
    ...model,
    graph: graph(model.graph),
    functions: model.functions.map((fn) => ({
      ...fn,
      attributeDefaults: fn.attributeDefaults.map(attribute),
      nodes: fn.nodes.map(node),
    })),
  };
}
