/** Fields that no version of ONNX has, put into the messages of a model. */
import { scanFields, type WireField } from '../../../src/core/wire/scan';
import { bytesSource, type ByteRange } from '../../../src/core/wire/source';
import { joinChunks, type Chunk } from '../../../src/core/wire/splice';
import { MessageWriter } from '../../../src/core/wire/writer';

/** The message types of onnx.proto (IR version 13), and which of their fields are messages. */
const schema = {
  ModelProto: {
    7: 'GraphProto',
    8: 'OperatorSetIdProto',
    14: 'StringStringEntryProto',
    20: 'TrainingInfoProto',
    25: 'FunctionProto',
    26: 'DeviceConfigurationProto',
  },
  DeviceConfigurationProto: {},
  OperatorSetIdProto: {},
  StringStringEntryProto: {},
  TrainingInfoProto: { 1: 'GraphProto', 2: 'GraphProto', 3: 'StringStringEntryProto', 4: 'StringStringEntryProto' },
  GraphProto: {
    1: 'NodeProto',
    5: 'TensorProto',
    11: 'ValueInfoProto',
    12: 'ValueInfoProto',
    13: 'ValueInfoProto',
    14: 'TensorAnnotation',
    15: 'SparseTensorProto',
    16: 'StringStringEntryProto',
  },
  TensorAnnotation: { 2: 'StringStringEntryProto' },
  NodeProto: { 5: 'AttributeProto', 9: 'StringStringEntryProto', 10: 'NodeDeviceConfigurationProto' },
  NodeDeviceConfigurationProto: { 2: 'ShardingSpecProto' },
  ShardingSpecProto: { 3: 'IntIntListEntryProto', 4: 'ShardedDimProto' },
  IntIntListEntryProto: {},
  ShardedDimProto: { 2: 'SimpleShardedDimProto' },
  SimpleShardedDimProto: {},
  AttributeProto: {
    5: 'TensorProto',
    6: 'GraphProto',
    10: 'TensorProto',
    11: 'GraphProto',
    14: 'TypeProto',
    15: 'TypeProto',
    22: 'SparseTensorProto',
    23: 'SparseTensorProto',
  },
  TensorProto: { 3: 'TensorProto.Segment', 13: 'StringStringEntryProto', 16: 'StringStringEntryProto' },
  'TensorProto.Segment': {},
  SparseTensorProto: { 1: 'TensorProto', 2: 'TensorProto' },
  ValueInfoProto: { 2: 'TypeProto', 4: 'StringStringEntryProto' },
  TypeProto: {
    1: 'TypeProto.Tensor',
    4: 'TypeProto.Sequence',
    5: 'TypeProto.Map',
    7: 'TypeProto.Opaque',
    8: 'TypeProto.SparseTensor',
    9: 'TypeProto.Optional',
  },
  'TypeProto.Tensor': { 2: 'TensorShapeProto' },
  'TypeProto.SparseTensor': { 2: 'TensorShapeProto' },
  'TypeProto.Sequence': { 1: 'TypeProto' },
  'TypeProto.Optional': { 1: 'TypeProto' },
  'TypeProto.Map': { 2: 'TypeProto' },
  'TypeProto.Opaque': {},
  TensorShapeProto: { 1: 'TensorShapeProto.Dimension' },
  'TensorShapeProto.Dimension': {},
  FunctionProto: {
    7: 'NodeProto',
    9: 'OperatorSetIdProto',
    11: 'AttributeProto',
    12: 'ValueInfoProto',
    14: 'StringStringEntryProto',
  },
} as const;

export type MessageName = keyof typeof schema;
export const messageNames = Object.keys(schema) as MessageName[];

/** How an unknown field is written: one way for each wire type. */
const fields = {
  varint: (writer, n) => writer.int(1000, n),
  'length-delimited': (writer, n) => writer.string(1001, `unknown ${n}`),
  '64-bit': (writer, n) => writer.double(1002, n),
  '32-bit': (writer, n) => writer.float(1003, n),
  // As only very old protobuf writers leave them: a group with a varint in it.
  group: (writer, n) => writer.chunk(Uint8Array.of(0xc3, 0x3e, 0x08, n & 127, 0xc4, 0x3e)),
} as const satisfies Record<string, (writer: MessageWriter, n: number) => MessageWriter>;

export type WireTypeName = keyof typeof fields;
export const wireTypeNames = Object.keys(fields) as WireTypeName[];

export interface UnknownFields {
  /** Messages that get them; all when not given. */
  readonly messages?: ReadonlySet<MessageName> | undefined;
  /** Their wire types; all when not given. */
  readonly wireTypes?: readonly WireTypeName[] | undefined;
}

/**
 * The model with more fields in its messages.
 * @param add is called for each message with its name and fields before its first field, behind that, and at its end.
 */
export function addFields(
  bytes: Uint8Array,
  add: (name: MessageName, writer: MessageWriter, fields: readonly WireField[]) => void,
): Uint8Array {
  return rewriteMessages(bytes, add, () => undefined);
}

/**
 * The model with fields in another form.
 * @param replace gives what stands in a field's place, or `undefined` where it stays.
 */
export function replaceFields(
  bytes: Uint8Array,
  replace: (name: MessageName, field: WireField, fields: readonly WireField[]) => Chunk[] | undefined,
): Uint8Array {
  return rewriteMessages(bytes, () => undefined, replace);
}

function rewriteMessages(
  bytes: Uint8Array,
  add: (name: MessageName, writer: MessageWriter, fields: readonly WireField[]) => void,
  replace: (name: MessageName, field: WireField, fields: readonly WireField[]) => Chunk[] | undefined,
): Uint8Array {
  const source = bytesSource(bytes);
  const rewrite = (name: MessageName, range: ByteRange): Chunk[] => {
    const writer = new MessageWriter();
    const inner: Readonly<Record<number, MessageName | undefined>> = schema[name];
    const own = scanFields(source, range);
    add(name, writer, own);
    own.forEach((field, i) => {
      if (i === 1) add(name, writer, own);
      const of = field.wireType === 2 ? inner[field.number] : undefined;
      const replaced = replace(name, field, own);
      if (replaced !== undefined) for (const chunk of replaced) writer.chunk(chunk);
      else if (of !== undefined) writer.message(field.number, rewrite(of, field.payload));
      else writer.chunk({ start: field.start, end: field.end });
    });
    add(name, writer, own);
    return writer.finish();
  };
  return joinChunks(rewrite('ModelProto', { start: 0, end: bytes.length }), source);
}

/**
 * The model with unknown fields in front of, between and behind each message's own.
 * @param reached gets the names of the messages that the model has.
 */
export function withUnknownFields(
  bytes: Uint8Array,
  { messages, wireTypes = wireTypeNames }: UnknownFields = {},
  reached?: Set<MessageName>,
): Uint8Array {
  let count = 0;
  return addFields(bytes, (name, writer) => {
    reached?.add(name);
    if (messages?.has(name) === false) return;
    for (const wireType of wireTypes) fields[wireType](writer, count++);
  });
}
