import { scanFields } from '../wire/scan';
import type { Chunk } from '../wire/splice';
import type { ByteSource } from '../wire/source';
import { MessageWriter } from '../wire/writer';
import { DataTypes, dataType, STORAGE_FIELD } from './dataTypes';
import type {
  Attribute,
  AttributeTypeName,
  AttributeValue,
  Dimension,
  FunctionProto,
  Graph,
  Model,
  Node,
  OpsetImport,
  SparseTensor,
  StringEntry,
  Tensor,
  TensorValues,
  Type,
  ValueInfo,
} from './model';
import { bytesOfValues, isDataField, TensorError } from './tensor';

/**
 * Encoders of ONNX messages. Each gives the message's payload as chunks;
 * ranges in them are ranges of the file that the model's embedded tensors refer
 * to. Fields are written in field-number order; defaults are left out.
 */

/** `AttributeProto.AttributeType`. */
export const ATTRIBUTE_TYPE: Readonly<Record<AttributeTypeName, number>> = {
  UNDEFINED: 0,
  FLOAT: 1,
  INT: 2,
  STRING: 3,
  TENSOR: 4,
  GRAPH: 5,
  FLOATS: 6,
  INTS: 7,
  STRINGS: 8,
  TENSORS: 9,
  GRAPHS: 10,
  SPARSE_TENSOR: 11,
  SPARSE_TENSORS: 12,
  TYPE_PROTO: 13,
  TYPE_PROTOS: 14,
};

/**
 * The whole model as the chunks of a `.onnx` file.
 *
 * @param source the file that embedded and typed tensors lie in; needed for typed ones only.
 * @throws TensorError when a tensor's values don't fit its element type, or a
 *   typed tensor has no file to copy from.
 */
export function encodeModel(model: Model, source?: ByteSource): Chunk[] {
  const writer = new MessageWriter();
  if (model.irVersion !== 0) writer.int(1, model.irVersion);
  optionalString(writer, 2, model.producerName);
  optionalString(writer, 3, model.producerVersion);
  optionalString(writer, 4, model.domain);
  if (model.modelVersion !== 0n) writer.int(5, model.modelVersion);
  optionalString(writer, 6, model.docString);
  writer.message(7, encodeGraph(model.graph, source));
  for (const opset of model.opsetImports) writer.message(8, encodeOpset(opset));
  for (const entry of model.metadataProps) writer.message(14, encodeEntry(entry));
  for (const fn of model.functions) writer.message(25, encodeFunction(fn, source));
  return writer.finish();
}

function optionalString(writer: MessageWriter, field: number, value: string): void {
  if (value !== '') writer.string(field, value);
}

/** `OperatorSetIdProto`. */
export function encodeOpset(opset: OpsetImport): Chunk[] {
  return new MessageWriter().string(1, opset.domain).int(2, opset.version).finish();
}

/** `StringStringEntryProto`. */
export function encodeEntry(entry: StringEntry): Chunk[] {
  return new MessageWriter().string(1, entry.key).string(2, entry.value).finish();
}

/** `GraphProto`. */
export function encodeGraph(graph: Graph, source?: ByteSource): Chunk[] {
  const writer = new MessageWriter();
  for (const node of graph.nodes) writer.message(1, encodeNode(node, source));
  writer.string(2, graph.name);
  for (const tensor of graph.initializers) writer.message(5, encodeTensor(tensor, source));
  for (const value of graph.inputs) writer.message(11, encodeValueInfo(value));
  for (const value of graph.outputs) writer.message(12, encodeValueInfo(value));
  for (const value of graph.valueInfos) writer.message(13, encodeValueInfo(value));
  for (const tensor of graph.sparseInitializers ?? []) writer.message(15, encodeSparseTensor(tensor, source));
  return writer.finish();
}

/** `FunctionProto`. */
export function encodeFunction(fn: FunctionProto, source?: ByteSource): Chunk[] {
  const writer = new MessageWriter();
  writer.string(1, fn.name);
  for (const input of fn.inputs) writer.string(4, input);
  for (const output of fn.outputs) writer.string(5, output);
  for (const attribute of fn.attributes) writer.string(6, attribute);
  for (const node of fn.nodes) writer.message(7, encodeNode(node, source));
  optionalString(writer, 8, fn.docString);
  for (const opset of fn.opsetImports) writer.message(9, encodeOpset(opset));
  optionalString(writer, 10, fn.domain);
  for (const attribute of fn.attributeDefaults) writer.message(11, encodeAttribute(attribute, source));
  for (const value of fn.valueInfos) writer.message(12, encodeValueInfo(value));
  optionalString(writer, 13, fn.overload);
  return writer.finish();
}

/** `NodeProto`. */
export function encodeNode(node: Node, source?: ByteSource): Chunk[] {
  const writer = new MessageWriter();
  for (const input of node.inputs) writer.string(1, input);
  for (const output of node.outputs) writer.string(2, output);
  optionalString(writer, 3, node.name);
  writer.string(4, node.opType);
  for (const attribute of node.attributes) writer.message(5, encodeAttribute(attribute, source));
  optionalString(writer, 7, node.domain);
  optionalString(writer, 8, node.overload);
  return writer.finish();
}

/** `AttributeProto`. */
export function encodeAttribute(attribute: Attribute, source?: ByteSource): Chunk[] {
  const writer = new MessageWriter().string(1, attribute.name);
  const { value } = attribute;
  for (const field of attributeFields(value, source)) writer.chunk(field);
  if (value.type === 'REFERENCE') writer.int(20, ATTRIBUTE_TYPE[value.attributeType]).string(21, value.value);
  else if (value.type !== 'UNDEFINED') writer.int(20, ATTRIBUTE_TYPE[value.type]);
  return writer.finish();
}

/** The field, or fields, that hold an attribute's value: whole fields, tags included. */
export function attributeFields(value: AttributeValue, source?: ByteSource): Chunk[] {
  const writer = new MessageWriter();
  switch (value.type) {
    case 'FLOAT':
      writer.float(2, value.value);
      break;
    case 'INT':
      writer.int(3, value.value);
      break;
    case 'STRING':
      writer.bytes(4, value.value);
      break;
    case 'TENSOR':
      writer.message(5, encodeTensor(value.value, source));
      break;
    case 'GRAPH':
      writer.message(6, encodeGraph(value.value, source));
      break;
    case 'FLOATS':
      for (const item of value.value) writer.float(7, item);
      break;
    case 'INTS':
      for (const item of value.value) writer.int(8, item);
      break;
    case 'STRINGS':
      for (const item of value.value) writer.bytes(9, item);
      break;
    case 'TENSORS':
      for (const item of value.value) writer.message(10, encodeTensor(item, source));
      break;
    case 'GRAPHS':
      for (const item of value.value) writer.message(11, encodeGraph(item, source));
      break;
    case 'TYPE_PROTO':
      writer.message(14, encodeType(value.value));
      break;
    case 'TYPE_PROTOS':
      for (const item of value.value) writer.message(15, encodeType(item));
      break;
    case 'SPARSE_TENSOR':
      writer.message(22, encodeSparseTensor(value.value, source));
      break;
    case 'SPARSE_TENSORS':
      for (const item of value.value) writer.message(23, encodeSparseTensor(item, source));
      break;
    case 'REFERENCE':
    case 'UNDEFINED':
      break;
  }
  return writer.finish();
}

/** `ValueInfoProto`. */
export function encodeValueInfo(value: ValueInfo): Chunk[] {
  const writer = new MessageWriter().string(1, value.name);
  if (value.type !== undefined) writer.message(2, encodeType(value.type));
  return writer.finish();
}

/** `TypeProto`. */
export function encodeType(type: Type): Chunk[] {
  const writer = new MessageWriter();
  switch (type.kind) {
    case 'tensor':
      writer.message(1, encodeTensorType(type.elementType, type.shape));
      break;
    case 'sequence':
      writer.message(4, encodeElementType(type.elementType));
      break;
    case 'map': {
      const map = new MessageWriter().int(1, type.keyType);
      if (type.valueType !== undefined) map.message(2, encodeType(type.valueType));
      writer.message(5, map.finish());
      break;
    }
    case 'opaque': {
      const opaque = new MessageWriter();
      optionalString(opaque, 1, type.domain);
      optionalString(opaque, 2, type.name);
      writer.message(7, opaque.finish());
      break;
    }
    case 'sparse_tensor':
      writer.message(8, encodeTensorType(type.elementType, type.shape));
      break;
    case 'optional':
      writer.message(9, encodeElementType(type.elementType));
      break;
    case 'unset':
      break;
  }
  return writer.finish();
}

/** `TypeProto.Tensor` and `TypeProto.SparseTensor`. */
function encodeTensorType(elementType: number, shape: readonly Dimension[] | undefined): Chunk[] {
  const writer = new MessageWriter().int(1, elementType);
  if (shape !== undefined) writer.message(2, encodeShape(shape));
  return writer.finish();
}

/** `TensorShapeProto`. */
export function encodeShape(shape: readonly Dimension[]): Chunk[] {
  const writer = new MessageWriter();
  for (const dimension of shape) writer.message(1, encodeDimension(dimension));
  return writer.finish();
}

/** `TensorShapeProto.Dimension`. */
export function encodeDimension(dimension: Dimension): Chunk[] {
  const writer = new MessageWriter();
  if (typeof dimension === 'number') writer.int(1, dimension);
  else if (dimension !== undefined) writer.string(2, dimension);
  return writer.finish();
}

function encodeElementType(elementType: Type | undefined): Chunk[] {
  const writer = new MessageWriter();
  if (elementType !== undefined) writer.message(1, encodeType(elementType));
  return writer.finish();
}

/** `SparseTensorProto`. */
export function encodeSparseTensor(tensor: SparseTensor, source?: ByteSource): Chunk[] {
  const writer = new MessageWriter();
  writer.message(1, encodeTensor(tensor.values, source));
  writer.message(2, encodeTensor(tensor.indices, source));
  for (const dim of tensor.dims) writer.int(3, dim);
  return writer.finish();
}

/**
 * `TensorProto`. Values go to `raw_data`, strings to `string_data`.
 * @throws TensorError see {@link encodeModel}.
 */
export function encodeTensor(tensor: Tensor, source?: ByteSource): Chunk[] {
  const writer = new MessageWriter();
  for (const dim of tensor.dims) writer.int(1, dim);
  writer.int(2, tensor.dataType);
  const data = tensorDataFields(tensor, source);
  // In field-number order: strings (6) before the name (8), raw_data (9) and external_data (13) after.
  const dataFirst = tensor.data.kind === 'typed' || tensor.dataType === DataTypes.STRING;
  if (dataFirst) for (const field of data) writer.chunk(field);
  optionalString(writer, 8, tensor.name);
  if (!dataFirst) for (const field of data) writer.chunk(field);
  return writer.finish();
}

/** The fields that hold the tensor's data: whole fields, tags included. */
export function tensorDataFields(tensor: Tensor, source?: ByteSource): Chunk[] {
  const { data } = tensor;
  const writer = new MessageWriter();
  switch (data.kind) {
    case 'none':
      break;
    case 'values':
      writeValues(writer, tensor.dataType, data.values);
      break;
    case 'embedded':
      writer.message(9, [data.bytes]);
      break;
    case 'bytes':
      writer.message(9, [data.bytes]);
      break;
    case 'typed':
      if (tensor.origin === undefined || source === undefined) {
        throw new TensorError(`the data of "${tensor.name}" can't be copied without the file it lies in`);
      }
      for (const field of scanFields(source, tensor.origin)) {
        if (isDataField(field.number)) writer.chunk({ start: field.start, end: field.end });
      }
      break;
    case 'external':
      for (const entry of data.entries) writer.message(13, encodeEntry(entry));
      writer.int(14, 1);
      break;
  }
  return writer.finish();
}

function writeValues(writer: MessageWriter, number: number, values: TensorValues): void {
  if (values.length === 0) return;
  const type = dataType(number);
  if (type === undefined) throw new TensorError(`values of the unknown element type ${number} can't be encoded`);
  if (type.number === DataTypes.STRING) {
    for (const value of values) writer.string(STORAGE_FIELD.string_data, String(value));
  } else {
    writer.bytes(9, bytesOfValues(type, values));
  }
}
