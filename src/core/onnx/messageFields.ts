/**
 * The messages of onnx.proto (IR version 13): which of their fields the text
 * shows, and what those are called that it doesn't.
 */
export interface MessageFields {
  /** Shown fields by tag (field number × 8 + wire type): `true`, or the message in it. */
  readonly shown: Readonly<Record<number, true | InnerMessage | undefined>>;
  /** Names of fields that aren't shown, or not always, by number; others are fields of versions to come. */
  readonly hidden: Readonly<Record<number, string | undefined>>;
  /** Number of the field that tells one such message from another. */
  readonly label?: number | undefined;
  /** What decides which of several fields for a value the text shows. */
  readonly value?: 'attribute' | 'tensor' | undefined;
}

interface InnerMessage {
  readonly name: string;
  readonly fields: MessageFields;
  /** The message has a place of its own in the text. */
  readonly isElement?: true | undefined;
}

/** `StringStringEntryProto`. */
export const ENTRY: MessageFields = { shown: { 10: true, 18: true }, hidden: {}, label: 1 };

const opset: MessageFields = { shown: { 10: true, 16: true }, hidden: {}, label: 1 };

const dimension: MessageFields = { shown: { 8: true, 18: true }, hidden: { 3: 'denotation' } };
const shape: MessageFields = { shown: { 10: { name: 'dim', fields: dimension } }, hidden: {} };
const tensorType: MessageFields = { shown: { 8: true, 18: { name: 'shape', fields: shape } }, hidden: {} };
const type: { shown: Record<number, InnerMessage>; hidden: Record<number, string> } = {
  shown: {},
  hidden: { 6: 'denotation' },
};
const elementType: MessageFields = { shown: { 10: { name: 'elem_type', fields: type } }, hidden: {} };
Object.assign(type.shown, {
  10: { name: 'tensor_type', fields: tensorType },
  34: { name: 'sequence_type', fields: elementType },
  42: {
    name: 'map_type',
    fields: { shown: { 8: true, 18: { name: 'value_type', fields: type } }, hidden: {} },
  },
  58: { name: 'opaque_type', fields: { shown: { 10: true, 18: true }, hidden: {} } },
  66: { name: 'sparse_tensor_type', fields: tensorType },
  74: { name: 'optional_type', fields: elementType },
});

const valueInfo: MessageFields = {
  shown: { 10: true, 18: { name: 'type', fields: type } },
  hidden: { 3: 'doc_string', 4: 'metadata_props' },
  label: 1,
};

/** Tags of `TensorProto` that hold data other than `raw_data`. */
export const TYPED_DATA_TAGS: readonly number[] = [34, 37, 40, 42, 50, 56, 58, 81, 82, 88, 90];

const tensor: MessageFields = {
  shown: {
    8: true,
    10: true,
    16: true,
    66: true,
    74: true,
    106: { name: 'external_data', fields: ENTRY },
    112: true,
    ...Object.fromEntries(TYPED_DATA_TAGS.map((tag) => [tag, true] as const)),
  },
  hidden: {
    3: 'segment',
    4: 'float_data',
    5: 'int32_data',
    6: 'string_data',
    7: 'int64_data',
    9: 'raw_data',
    10: 'double_data',
    11: 'uint64_data',
    12: 'doc_string',
    13: 'external_data',
    16: 'metadata_props',
  },
  label: 8,
  value: 'tensor',
};

const sparseTensor: MessageFields = {
  shown: { 10: { name: 'values', fields: tensor }, 18: { name: 'indices', fields: tensor }, 24: true, 26: true },
  hidden: {},
};

const attribute: { shown: Record<number, true | InnerMessage>; hidden: Record<number, string> } & MessageFields = {
  shown: { 10: true, 160: true, 170: true },
  hidden: {
    2: 'f',
    3: 'i',
    4: 's',
    5: 't',
    6: 'g',
    7: 'floats',
    8: 'ints',
    9: 'strings',
    10: 'tensors',
    11: 'graphs',
    13: 'doc_string',
    14: 'tp',
    15: 'type_protos',
    20: 'type',
    22: 'sparse_tensor',
    23: 'sparse_tensors',
  },
  label: 1,
  value: 'attribute',
};

const node: MessageFields = {
  shown: {
    10: true,
    18: true,
    26: true,
    34: true,
    42: { name: 'attribute', fields: attribute },
    58: true,
    66: true,
  },
  hidden: { 6: 'doc_string', 9: 'metadata_props', 10: 'device_configurations' },
};

const graph: MessageFields = {
  shown: {
    10: { name: 'node', fields: node, isElement: true },
    18: true,
    42: { name: 'initializer', fields: tensor, isElement: true },
    90: { name: 'input', fields: valueInfo },
    98: { name: 'output', fields: valueInfo },
    106: { name: 'value_info', fields: valueInfo, isElement: true },
    122: { name: 'sparse_initializer', fields: sparseTensor, isElement: true },
  },
  hidden: { 10: 'doc_string', 14: 'quantization_annotation', 16: 'metadata_props' },
  label: 2,
};

Object.assign(attribute.shown, {
  ...Object.fromEntries([21, 24, 34, 58, 61, 64, 66, 74].map((tag) => [tag, true] as const)),
  42: { name: 't', fields: tensor },
  50: { name: 'g', fields: graph },
  82: { name: 'tensors', fields: tensor },
  90: { name: 'graphs', fields: graph },
  114: { name: 'tp', fields: type },
  122: { name: 'type_protos', fields: type },
  178: { name: 'sparse_tensor', fields: sparseTensor },
  186: { name: 'sparse_tensors', fields: sparseTensor },
});

const functionProto: MessageFields = {
  shown: {
    10: true,
    34: true,
    42: true,
    50: true,
    58: { name: 'node', fields: node, isElement: true },
    66: true,
    74: { name: 'opset_import', fields: opset },
    82: true,
    90: { name: 'attribute_proto', fields: attribute },
    98: { name: 'value_info', fields: valueInfo, isElement: true },
    106: true,
  },
  hidden: { 14: 'metadata_props' },
  label: 1,
};

/** `ModelProto`. */
export const MODEL: MessageFields = {
  shown: {
    8: true,
    18: true,
    26: true,
    34: true,
    40: true,
    50: true,
    58: { name: 'graph', fields: graph, isElement: true },
    66: { name: 'opset_import', fields: opset },
    114: { name: 'metadata_props', fields: ENTRY },
    202: { name: 'functions', fields: functionProto, isElement: true },
  },
  hidden: { 20: 'training_info', 26: 'configuration' },
};
