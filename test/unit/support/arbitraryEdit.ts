/** Random edits of a model's text, made to the model parsed from it. */
import fc from 'fast-check';
import { dataType, literalCount } from '../../../src/core/onnx/dataTypes';
import type {
  Attribute,
  AttributeValue,
  Graph,
  Model,
  Node,
  SparseTensor,
  Tensor,
  Type,
  ValueInfo,
} from '../../../src/core/onnx/model';
import { anyNode, anySparseTensor, anyString, anyTensor, anyType } from './arbitraryModel';

/** A change of the main graph, made to a model parsed from text. */
export type Edit = (model: Model) => Model;

const onNodes =
  (change: (nodes: readonly Node[]) => readonly Node[]): Edit =>
  (model) => ({
    ...model,
    graph: { ...model.graph, nodes: change(model.graph.nodes) },
  });

const onInitializers =
  (change: (tensors: readonly Tensor[]) => readonly Tensor[]): Edit =>
  (model) => ({
    ...model,
    graph: { ...model.graph, initializers: change(model.graph.initializers) },
  });

const at = <T>(list: readonly T[], index: number, change: (element: T) => T): T[] =>
  list.map((element, i) => (i === index % list.length ? change(element) : element));

/** A value gets another name wherever the main graph's nodes have it. */
const renameValue = (from: string, to: string): Edit =>
  onNodes((nodes) =>
    nodes.map((node) => {
      const rename = (names: readonly string[]) => names.map((name) => (name === from ? to : name));
      const has = [...node.inputs, ...node.outputs].includes(from);
      return has ? { ...node, inputs: rename(node.inputs), outputs: rename(node.outputs) } : node;
    }),
  );

const onValues =
  (side: 'inputs' | 'outputs', change: (values: readonly ValueInfo[]) => readonly ValueInfo[]): Edit =>
  (model) => ({ ...model, graph: { ...model.graph, [side]: change(model.graph[side]) } });

/** A tensor of floats with other values. */
function filled(tensor: Tensor, value: number): Tensor {
  const type = dataType(tensor.dataType);
  if (type?.storage !== 'float_data' && type?.storage !== 'double_data') return tensor;
  const values = Array.from({ length: literalCount(type, tensor.dims) }, (_, i) => value + i);
  return {
    ...tensor,
    data: { kind: 'values', values: type.storage === 'float_data' ? values.map(Math.fround) : values },
  };
}

export const anyEdit: fc.Arbitrary<Edit> = fc.oneof(
  anyString.map((from) => renameValue(from, 'renamed')),
  fc
    .tuple(fc.constantFrom('inputs' as const, 'outputs' as const), fc.nat(), anyType)
    .map(([side, i, type]) => onValues(side, (values) => at(values, i, (value) => ({ ...value, type })))),
  fc
    .tuple(fc.nat(), fc.double())
    .map(([i, value]) =>
      onInitializers((tensors) =>
        at(tensors, i, ({ name }) => ({ name, dataType: 11, dims: [], data: { kind: 'values', values: [value] } })),
      ),
    ),
  fc
    .tuple(fc.nat(), fc.float())
    .map(([i, value]) => onInitializers((tensors) => at(tensors, i, (tensor) => filled(tensor, value)))),
  fc.nat().map((i) =>
    onNodes((nodes) =>
      at(nodes, i, (node) => ({
        ...node,
        attributes: at(node.attributes, i, ({ name }) => ({ name, value: { type: 'INTS', value: [BigInt(i), -1n] } })),
      })),
    ),
  ),
  fc.tuple(fc.nat(), fc.string()).map(([i, name]) => onNodes((nodes) => at(nodes, i, (node) => ({ ...node, name })))),
  fc.nat().map((i) => onNodes((nodes) => at(nodes, i, (node) => ({ ...node, inputs: [...node.inputs, 'added'] })))),
  fc.nat().map((i) => onNodes((nodes) => nodes.filter((_, j) => j !== i % Math.max(nodes.length, 1)))),
  fc
    .tuple(fc.nat(), anyNode)
    .map(([i, node]) =>
      onNodes((nodes) => [...nodes.slice(0, i % (nodes.length + 1)), node, ...nodes.slice(i % (nodes.length + 1))]),
    ),
  fc.constant(onNodes((nodes) => [...nodes].reverse())),
  fc
    .tuple(fc.nat(), anyNode)
    .map(([i, { attributes }]) => onNodes((nodes) => at(nodes, i, (node) => ({ ...node, attributes })))),
  fc
    .nat()
    .map((i) => onInitializers((tensors) => at(tensors, i, (tensor) => ({ ...tensor, name: `renamed ${i % 9}` })))),
  fc.constant(onInitializers((tensors) => [...tensors].reverse())),
  fc.nat().map((i) => onInitializers((tensors) => tensors.filter((_, j) => j !== i % Math.max(tensors.length, 1)))),
  fc.constant<Edit>((model) => ({
    ...model,
    irVersion: model.irVersion + 1,
    functions: [...model.functions].reverse(),
  })),
);

/** Where a list stands: the main graph's node, and its attribute. */
const listsOf = ({ graph }: Model): (readonly [number, number])[] =>
  graph.nodes.flatMap(({ attributes }, i) =>
    attributes.flatMap(({ value }, j) => ('value' in value && isList(value) ? [[i, j] as const] : [])),
  );

const isList = ({ type }: AttributeValue): boolean => type.endsWith('S');

/** What to put into a list: one of each type of element. */
interface Elements {
  readonly int: bigint;
  readonly float: number;
  readonly bytes: Uint8Array;
  readonly tensor: Tensor;
  readonly graph: Graph;
  readonly type: Type;
  readonly sparse: SparseTensor;
}

type Splice = <T>(list: readonly T[], element: T, changed: (element: T) => T) => readonly T[];

function spliced(value: AttributeValue, splice: Splice, elements: Elements): AttributeValue {
  const { tensor, graph, sparse } = elements;
  switch (value.type) {
    case 'INTS':
      return { ...value, value: splice(value.value, elements.int, () => elements.int) };
    case 'FLOATS':
      return { ...value, value: splice(value.value, elements.float, () => elements.float) };
    case 'STRINGS':
      return { ...value, value: splice(value.value, elements.bytes, () => elements.bytes) };
    case 'TENSORS':
      return { ...value, value: splice(value.value, tensor, (before) => filled(before, elements.float)) };
    case 'GRAPHS':
      return { ...value, value: splice(value.value, graph, (before) => ({ ...before, nodes: graph.nodes })) };
    case 'TYPE_PROTOS':
      return { ...value, value: splice(value.value, elements.type, () => elements.type) };
    case 'SPARSE_TENSORS':
      return { ...value, value: splice(value.value, sparse, (before) => ({ ...before, dims: sparse.dims })) };
    default:
      return value;
  }
}

const anyElements: fc.Arbitrary<Elements> = fc.record({
  int: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  float: fc.float(),
  bytes: fc.uint8Array({ maxLength: 3 }),
  tensor: anyTensor,
  graph: fc.record({
    name: anyString,
    inputs: fc.constant([]),
    outputs: fc.constant([]),
    valueInfos: fc.constant([]),
    initializers: fc.array(anyTensor, { maxLength: 1 }),
    nodes: fc.array(anyNode, { maxLength: 2 }),
  }),
  type: anyType,
  sparse: anySparseTensor,
});

const anySplice: fc.Arbitrary<Splice> = fc
  .tuple(fc.constantFrom('insert', 'delete', 'change'), fc.nat())
  .map(([kind, place]): Splice => (list, element, changed) => {
    if (kind === 'insert') {
      const index = place % (list.length + 1);
      return [...list.slice(0, index), element, ...list.slice(index)];
    }
    const index = place % Math.max(list.length, 1);
    if (kind === 'delete') return list.filter((_, i) => i !== index);
    return list.map((item, i) => (i === index ? changed(item) : item));
  });

/** Inserts, deletes or changes an element of a list that is an attribute's value. */
export const anyListEdit: fc.Arbitrary<Edit> = fc
  .tuple(fc.nat(), anySplice, anyElements)
  .map(([which, splice, elements]): Edit => (model) => {
    const lists = listsOf(model);
    const place = lists[which % Math.max(lists.length, 1)];
    if (place === undefined) return model;
    const [i, j] = place;
    const edit = ({ name, value }: Attribute): Attribute => ({ name, value: spliced(value, splice, elements) });
    return onNodes((nodes) => at(nodes, i, (node) => ({ ...node, attributes: at(node.attributes, j, edit) })))(model);
  });
