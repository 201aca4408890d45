/** Random models for property tests: every kind of element that the format has, with awkward names and values. */
import fc from 'fast-check';
import { literalCount, dataType } from '../../../src/core/onnx/dataTypes';
import type {
  Attribute,
  AttributeValue,
  Dimension,
  FunctionProto,
  Graph,
  Model,
  Node,
  SparseTensor,
  Tensor,
  TensorValues,
  Type,
  ValueInfo,
} from '../../../src/core/onnx/model';
import { encodeUtf8 } from '../../../src/core/wire/utf8';

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const float32 = fc.float({ noDefaultInfinity: false });

/** Any string that protobuf can hold; bytes that aren't UTF-8 as U+DC80–U+DCFF. */
export const anyString = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('x', 'y', 'conv.weight', '/a/b_0', '', 'float', 'seq', 'inf', 'a b', '"\\', 'sparse'),
  },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 8 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'a\r\nb',
      'tab\there',
      'line\nbreak',
      'nul\0',
      '\x01\v\f\x7f',
      '\x1b[1m',
      'é\udc80\udcff',
      '\\n',
      '# no',
      '{<(',
    ),
  },
);

const name = anyString;

const elementType = fc.constantFrom(...Array.from({ length: 28 }, (_, i) => i + 1));

const dimension: fc.Arbitrary<Dimension> = fc.oneof(
  fc.integer({ min: -1, max: 5 }),
  fc.constantFrom('N', 'batch size', 'float'),
  fc.constant(undefined),
);

const tensorType = fc
  .tuple(
    fc.constantFrom('tensor', 'sparse_tensor'),
    fc.oneof(elementType, fc.constantFrom(0, 99)),
    fc.option(fc.array(dimension, { maxLength: 4 }), { nil: undefined }),
  )
  .map(([kind, type, shape]): Type => ({ kind, elementType: type, shape }));

export const anyType: fc.Arbitrary<Type> = fc.letrec<{ type: Type }>((tie) => ({
  type: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tensorType,
    fc.record({
      kind: fc.constantFrom('sequence', 'optional'),
      elementType: fc.option(tie('type'), { nil: undefined }),
    }),
    fc.record({
      kind: fc.constant('map'),
      keyType: elementType,
      valueType: fc.option(tie('type'), { nil: undefined }),
    }),
    fc.record({ kind: fc.constant('opaque'), domain: name, name }),
    fc.constant<Type>({ kind: 'unset' }),
  ),
})).type;

function valuesOf(type: number, dims: readonly number[]): fc.Arbitrary<TensorValues> {
  const facts = dataType(type)!;
  const count = literalCount(facts, dims);
  const many = <T>(value: fc.Arbitrary<T>) => fc.array(value, { minLength: count, maxLength: count });
  if (facts.storage === 'string_data') return many(anyString);
  if (facts.storage === 'float_data') return many(float32);
  if (facts.storage === 'double_data') return many(fc.double());
  if (type === 7) return many(int64);
  if (type === 13) return many(uint64);
  if (type === 12) return many(fc.nat(0xffffffff));
  const bits = facts.bits === 6 ? 6 : Math.max(facts.bits, 8);
  const signed = facts.name.startsWith('int') && facts.bits >= 8;
  return many(signed ? fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 }) : fc.nat(2 ** bits - 1));
}

const numericTensor: fc.Arbitrary<Tensor> = fc
  .tuple(name, elementType, fc.array(fc.nat(3), { maxLength: 3 }))
  .chain(([tensorName, type, dims]) =>
    valuesOf(type, dims).map((values): Tensor => ({
      name: tensorName,
      dataType: type,
      dims,
      data: { kind: 'values', values },
    })),
  );

const externalTensor: fc.Arbitrary<Tensor> = fc
  .tuple(
    name,
    elementType,
    fc.array(fc.record({ key: fc.constantFrom('location', 'offset', 'x'), value: anyString }), { maxLength: 3 }),
  )
  .map(([tensorName, type, entries]): Tensor => ({
    name: tensorName,
    dataType: type,
    dims: [2],
    data: { kind: 'external', entries },
  }));

export const anyTensor: fc.Arbitrary<Tensor> = fc.oneof({ weight: 6, arbitrary: numericTensor }, externalTensor);

export const anySparseTensor: fc.Arbitrary<SparseTensor> = fc.record({
  values: numericTensor,
  indices: numericTensor,
  dims: fc.array(fc.nat(9), { maxLength: 3 }),
});

const sparseInitializers = fc.option(fc.array(anySparseTensor, { minLength: 1, maxLength: 2 }), {
  nil: undefined,
  freq: 2,
});

const bytes = fc.oneof(anyString.map(encodeUtf8), fc.uint8Array({ maxLength: 6 }));

const leafValue: fc.Arbitrary<AttributeValue> = fc.oneof(
  fc.record({ type: fc.constant('INT' as const), value: int64 }),
  fc.record({ type: fc.constant('FLOAT' as const), value: float32 }),
  fc.record({ type: fc.constant('STRING' as const), value: bytes }),
  fc.record({ type: fc.constant('INTS' as const), value: fc.array(int64, { maxLength: 4 }) }),
  fc.record({ type: fc.constant('FLOATS' as const), value: fc.array(float32, { maxLength: 4 }) }),
  fc.record({ type: fc.constant('STRINGS' as const), value: fc.array(bytes, { maxLength: 3 }) }),
  fc.record({ type: fc.constant('TENSOR' as const), value: anyTensor }),
  fc.record({ type: fc.constant('TENSORS' as const), value: fc.array(anyTensor, { maxLength: 2 }) }),
  fc.record({ type: fc.constant('TYPE_PROTO' as const), value: anyType }),
  fc.record({ type: fc.constant('TYPE_PROTOS' as const), value: fc.array(anyType, { maxLength: 2 }) }),
  fc.record({ type: fc.constant('SPARSE_TENSOR' as const), value: anySparseTensor }),
  fc.record({ type: fc.constant('SPARSE_TENSORS' as const), value: fc.array(anySparseTensor, { maxLength: 2 }) }),
  fc.record({
    type: fc.constant('REFERENCE' as const),
    value: anyString.filter((text) => text !== ''),
    attributeType: fc.constantFrom('FLOAT' as const, 'INTS' as const, 'UNDEFINED' as const),
  }),
  fc.constant<AttributeValue>({ type: 'UNDEFINED' }),
);

const valueInfo: fc.Arbitrary<ValueInfo> = fc.record({ name, type: fc.option(anyType, { nil: undefined }) });

type Parts = {
  attribute: Attribute;
  node: Node;
  graph: Graph;
};

const parts = fc.letrec<Parts>((tie) => ({
  attribute: fc.record({
    name,
    value: fc.oneof(
      { depthSize: 'small' },
      { weight: 8, arbitrary: leafValue },
      { weight: 1, arbitrary: fc.record({ type: fc.constant('GRAPH' as const), value: tie('graph') }) },
      {
        weight: 1,
        arbitrary: fc.record({ type: fc.constant('GRAPHS' as const), value: fc.array(tie('graph'), { maxLength: 2 }) }),
      },
    ),
  }),
  node: fc.record({
    name,
    domain: fc.oneof(fc.constant(''), fc.constantFrom('ai.onnx.ml', 'com.my-company', 'a..b'), name),
    opType: fc.oneof(fc.constantFrom('Conv', 'Relu', 'aten::add'), name),
    overload: fc.oneof({ weight: 4, arbitrary: fc.constant('') }, name),
    inputs: fc.array(name, { maxLength: 3 }),
    outputs: fc.array(name, { maxLength: 2 }),
    attributes: fc.uniqueArray(tie('attribute'), { maxLength: 3, selector: (attribute) => attribute.name }),
  }),
  graph: fc.record({
    name,
    inputs: fc.array(valueInfo, { maxLength: 2 }),
    outputs: fc.array(valueInfo, { maxLength: 2 }),
    valueInfos: fc.array(valueInfo, { maxLength: 2 }),
    initializers: fc.array(anyTensor, { maxLength: 3 }),
    sparseInitializers,
    nodes: fc.array(tie('node'), { maxLength: 3 }),
  }),
}));

const opset = fc.record({ domain: anyString, version: fc.integer({ min: 0, max: 30 }) });

const anyFunction: fc.Arbitrary<FunctionProto> = fc.record({
  name,
  domain: name,
  overload: name,
  docString: anyString,
  opsetImports: fc.array(opset, { maxLength: 2 }),
  inputs: fc.array(name, { maxLength: 2 }),
  outputs: fc.array(name, { maxLength: 2 }),
  attributes: fc.array(name, { maxLength: 2 }),
  attributeDefaults: fc.array(parts.attribute, { maxLength: 2 }),
  valueInfos: fc.array(valueInfo, { maxLength: 2 }),
  nodes: fc.array(parts.node, { maxLength: 2 }),
});

export const anyNode: fc.Arbitrary<Node> = parts.node;

const listValue: fc.Arbitrary<AttributeValue> = fc.oneof(
  leafValue.filter(({ type }) => type.endsWith('S')),
  fc.record({ type: fc.constant('TENSORS' as const), value: fc.array(anyTensor, { minLength: 1, maxLength: 4 }) }),
  fc.record({ type: fc.constant('GRAPHS' as const), value: fc.array(parts.graph, { minLength: 1, maxLength: 3 }) }),
);

/** A node with lists as values of its attributes. */
export const anyListNode: fc.Arbitrary<Node> = fc
  .tuple(
    parts.node,
    fc.uniqueArray(fc.record({ name, value: listValue }), {
      minLength: 1,
      maxLength: 3,
      selector: (attribute) => attribute.name,
    }),
  )
  .map(([node, attributes]) => ({ ...node, attributes }));

export const anyModel: fc.Arbitrary<Model> = fc.record({
  irVersion: fc.nat(20),
  opsetImports: fc.array(opset, { maxLength: 2 }),
  producerName: anyString,
  producerVersion: anyString,
  domain: anyString,
  modelVersion: int64,
  docString: anyString,
  metadataProps: fc.array(fc.record({ key: anyString, value: anyString }), { maxLength: 2 }),
  graph: fc.record({
    name,
    inputs: fc.array(valueInfo, { maxLength: 3 }),
    outputs: fc.array(valueInfo, { maxLength: 3 }),
    valueInfos: fc.array(valueInfo, { maxLength: 3 }),
    initializers: fc.array(anyTensor, { maxLength: 4 }),
    sparseInitializers,
    nodes: fc.array(parts.node, { maxLength: 6 }),
  }),
  functions: fc.array(anyFunction, { maxLength: 2 }),
});
