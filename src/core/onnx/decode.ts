import type Long from 'long';
import { onnx } from 'onnx-proto';
import { ModelFormatError } from '../wire/errors';
import { LONGEST_PAYLOAD, PayloadCache } from '../wire/payloadCache';
import { WireReader } from '../wire/reader';
import type { ByteSource } from '../wire/source';
import { exact } from '../wire/exact';
import { attributeValue, typeOfTag, type AttributeFields } from './attributeFields';
import { readSparseTensor, readTensorProto } from './decodeTensor';
import { describeFile } from './fileKind';
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
  StringEntry,
  Tensor,
  Type,
  ValueInfo,
} from './model';

export { ModelFormatError } from '../wire/errors';

/** Graphs in graphs, and types in types, are read to this depth. */
export const DEEPEST_NESTING = 100;

/**
 * The structure of the ONNX model in `source`, read by scanning the protobuf
 * wire format. No weights are read: a tensor says where its data is.
 *
 * @throws ModelFormatError when the bytes aren't an ONNX model; the message
 *   says what is wrong where, and what the file seems to be.
 */
export function decodeModel(source: ByteSource): Model {
  try {
    if (source.size === 0) throw new ModelFormatError('there is nothing to read', 0);
    return readModel(new ModelReader(source), source.size);
  } catch (error) {
    if (!(error instanceof ModelFormatError)) throw error;
    const kind = describeFile(source);
    throw new ModelFormatError(
      kind === undefined
        ? `This isn't a complete ONNX model: ${error.message}. The file may be truncated or damaged.`
        : `This isn't an ONNX model: the file is ${kind}.`,
      error.offset,
    );
  }
}

/** A reader that shares what small messages of equal bytes say. */
class ModelReader extends WireReader {
  readonly types = new PayloadCache<Type>();
  readonly attributes = new PayloadCache<{ readonly name: string; readonly value: AttributeValue }>();
}

/** Decode the small message up to `end` with onnx-proto, whose own errors don't say where. */
function leaf<T>(message: { decode(bytes: Uint8Array): T }, name: string, reader: ModelReader, end: number): T {
  const at = reader.pos;
  const payload = reader.take(end - at, end);
  try {
    return message.decode(payload);
  } catch {
    throw new ModelFormatError(`the ${name} at byte ${at} is damaged`, at);
  }
}

function readModel(reader: ModelReader, end: number): Model {
  let irVersion = 0;
  let producerName = '';
  let producerVersion = '';
  let domain = '';
  let modelVersion = 0n;
  let docString = '';
  let graph: Graph | undefined;
  const opsetImports: OpsetImport[] = [];
  const metadataProps: StringEntry[] = [];
  const functions: FunctionProto[] = [];
  while (reader.pos < end) {
    const at = reader.pos;
    const tag = reader.tag(end);
    switch (tag) {
      case 8: // ir_version = 1
        irVersion = reader.int(end);
        break;
      case 18: // producer_name = 2
        producerName = reader.string(end);
        break;
      case 26: // producer_version = 3
        producerVersion = reader.string(end);
        break;
      case 34: // domain = 4
        domain = reader.string(end);
        break;
      case 40: // model_version = 5
        modelVersion = reader.int64(end);
        break;
      case 50: // doc_string = 6
        docString = reader.string(end);
        break;
      case 58: // graph = 7
        if (graph !== undefined) {
          throw new ModelFormatError(`a second graph starts at byte ${at}, as if two models had been joined`, at);
        }
        graph = readGraph(reader, reader.lengthEnd(end), 1);
        break;
      case 66: // opset_import = 8
        opsetImports.push(readOpset(reader, reader.lengthEnd(end)));
        break;
      case 114: // metadata_props = 14
        metadataProps.push(readEntry(reader, reader.lengthEnd(end)));
        break;
      case 202: // functions = 25
        functions.push(readFunction(reader, reader.lengthEnd(end)));
        break;
      default:
        reader.skip(tag, end);
    }
  }
  if (graph === undefined) throw new ModelFormatError('it has no graph', end);
  return {
    irVersion,
    opsetImports,
    producerName,
    producerVersion,
    domain,
    modelVersion,
    docString,
    metadataProps,
    graph,
    functions,
    origin: { start: 0, end },
  };
}

function readOpset(reader: ModelReader, end: number): OpsetImport {
  const start = reader.pos;
  const opset = leaf(onnx.OperatorSetIdProto, 'opset import', reader, end);
  return { domain: opset.domain, version: toNumber(opset.version), origin: { start, end } };
}

/** onnx-proto gives 64-bit integers as Long; its typings don't say where that comes from. */
function toNumber(value: unknown): number {
  return typeof value === 'number' ? value : (value as Long).toNumber();
}

function readEntry(reader: ModelReader, end: number): StringEntry {
  const { key, value } = leaf(onnx.StringStringEntryProto, 'metadata entry', reader, end);
  return { key, value };
}

function readGraph(reader: ModelReader, end: number, depth: number): Graph {
  const start = reader.pos;
  if (depth > DEEPEST_NESTING) {
    throw new ModelFormatError(`graphs are nested more than ${DEEPEST_NESTING} deep at byte ${start}`, start);
  }
  let name = '';
  const nodes: Node[] = [];
  const initializers: Tensor[] = [];
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  const valueInfos: ValueInfo[] = [];
  while (reader.pos < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 10: // node = 1
        nodes.push(readNode(reader, reader.lengthEnd(end), depth));
        break;
      case 18: // name = 2
        name = reader.string(end);
        break;
      case 42: // initializer = 5
        initializers.push(readTensorProto(reader, reader.lengthEnd(end)));
        break;
      case 90: // input = 11
        inputs.push(readValueInfo(reader, reader.lengthEnd(end)));
        break;
      case 98: // output = 12
        outputs.push(readValueInfo(reader, reader.lengthEnd(end)));
        break;
      case 106: // value_info = 13
        valueInfos.push(readValueInfo(reader, reader.lengthEnd(end)));
        break;
      default:
        reader.skip(tag, end);
    }
  }
  return {
    name,
    inputs: exact(inputs),
    outputs: exact(outputs),
    valueInfos: exact(valueInfos),
    initializers: exact(initializers),
    nodes: exact(nodes),
    origin: { start, end },
  };
}

function readFunction(reader: ModelReader, end: number): FunctionProto {
  const start = reader.pos;
  let name = '';
  let domain = '';
  let overload = '';
  let docString = '';
  const opsetImports: OpsetImport[] = [];
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: string[] = [];
  const attributeDefaults: Attribute[] = [];
  const valueInfos: ValueInfo[] = [];
  const nodes: Node[] = [];
  while (reader.pos < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 10: // name = 1
        name = reader.string(end);
        break;
      case 34: // input = 4
        inputs.push(reader.string(end));
        break;
      case 42: // output = 5
        outputs.push(reader.string(end));
        break;
      case 50: // attribute = 6
        attributes.push(reader.string(end));
        break;
      case 58: // node = 7
        nodes.push(readNode(reader, reader.lengthEnd(end), 1));
        break;
      case 66: // doc_string = 8
        docString = reader.string(end);
        break;
      case 74: // opset_import = 9
        opsetImports.push(readOpset(reader, reader.lengthEnd(end)));
        break;
      case 82: // domain = 10
        domain = reader.string(end);
        break;
      case 90: // attribute_proto = 11
        attributeDefaults.push(readAttribute(reader, reader.lengthEnd(end), 1));
        break;
      case 98: // value_info = 12
        valueInfos.push(readValueInfo(reader, reader.lengthEnd(end)));
        break;
      case 106: // overload = 13
        overload = reader.string(end);
        break;
      default:
        reader.skip(tag, end);
    }
  }
  return {
    name,
    domain,
    overload,
    docString,
    opsetImports,
    inputs,
    outputs,
    attributes,
    attributeDefaults,
    valueInfos,
    nodes,
    origin: { start, end },
  };
}

function readNode(reader: ModelReader, end: number, depth: number): Node {
  const start = reader.pos;
  let name = '';
  let domain = '';
  let opType = '';
  let overload = '';
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: Attribute[] = [];
  while (reader.pos < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 10: // input = 1
        inputs.push(reader.string(end));
        break;
      case 18: // output = 2
        outputs.push(reader.string(end));
        break;
      case 26: // name = 3
        name = reader.string(end);
        break;
      case 34: // op_type = 4
        opType = reader.string(end);
        break;
      case 42: // attribute = 5
        attributes.push(readAttribute(reader, reader.lengthEnd(end), depth));
        break;
      case 58: // domain = 7
        domain = reader.string(end);
        break;
      case 66: // overload = 8
        overload = reader.string(end);
        break;
      default:
        reader.skip(tag, end);
    }
  }
  return {
    name,
    domain,
    opType,
    overload,
    inputs: exact(inputs),
    outputs: exact(outputs),
    attributes: exact(attributes),
    origin: { start, end },
  };
}

function readAttribute(reader: ModelReader, end: number, depth: number): Attribute {
  const start = reader.pos;
  const payload = end - start <= LONGEST_PAYLOAD ? reader.take(end - start, end) : undefined;
  const known = payload === undefined ? undefined : reader.attributes.get(payload);
  if (known !== undefined) return { name: known.name, value: known.value, origin: { start, end } };
  reader.pos = start;
  let name = '';
  let reference = '';
  let type: AttributeTypeName | undefined;
  let valueTag = 0;
  const fields: AttributeFields = {
    f: undefined,
    i: undefined,
    s: undefined,
    floats: undefined,
    ints: undefined,
    strings: undefined,
    rare: undefined,
  };
  while (reader.pos < end) {
    const tag = reader.tag(end);
    const previous = valueTag;
    valueTag = tag;
    switch (tag) {
      case 10: // name = 1
        name = reader.string(end);
        valueTag = previous;
        break;
      case 21: // f = 2
        fields.f = reader.float(end);
        break;
      case 24: // i = 3
        fields.i = reader.int64(end);
        break;
      case 34: // s = 4
        fields.s = reader.payload(end).slice();
        break;
      case 42: // t = 5
        (fields.rare ??= {}).t = readTensorProto(reader, reader.lengthEnd(end));
        break;
      case 50: // g = 6
        (fields.rare ??= {}).g = readGraph(reader, reader.lengthEnd(end), depth + 1);
        break;
      case 61: // floats = 7
        (fields.floats ??= []).push(reader.float(end));
        break;
      case 58: {
        const packedEnd = reader.lengthEnd(end);
        const floats = (fields.floats ??= []);
        while (reader.pos < packedEnd) floats.push(reader.float(packedEnd));
        break;
      }
      case 64: // ints = 8
        (fields.ints ??= []).push(reader.int64(end));
        break;
      case 66: {
        const packedEnd = reader.lengthEnd(end);
        const ints = (fields.ints ??= []);
        while (reader.pos < packedEnd) ints.push(reader.int64(packedEnd));
        break;
      }
      case 74: // strings = 9
        (fields.strings ??= []).push(reader.payload(end).slice());
        break;
      case 82: // tensors = 10
        ((fields.rare ??= {}).tensors ??= []).push(readTensorProto(reader, reader.lengthEnd(end)));
        break;
      case 90: // graphs = 11
        ((fields.rare ??= {}).graphs ??= []).push(readGraph(reader, reader.lengthEnd(end), depth + 1));
        break;
      case 114: // tp = 14
        (fields.rare ??= {}).tp = readType(reader, reader.lengthEnd(end), 1);
        break;
      case 122: // type_protos = 15
        ((fields.rare ??= {}).types ??= []).push(readType(reader, reader.lengthEnd(end), 1));
        break;
      case 160: // type = 20
        type = onnx.AttributeProto.AttributeType[reader.int32(end)] as AttributeTypeName | undefined;
        valueTag = previous;
        break;
      case 170: // ref_attr_name = 21
        reference = reader.string(end);
        valueTag = previous;
        break;
      case 178: // sparse_tensor = 22
        (fields.rare ??= {}).sparse = readSparseTensor(reader, reader.lengthEnd(end));
        break;
      case 186: // sparse_tensors = 23
        ((fields.rare ??= {}).sparses ??= []).push(readSparseTensor(reader, reader.lengthEnd(end)));
        break;
      default:
        valueTag = previous;
        reader.skip(tag, end);
    }
  }
  type ??= 'UNDEFINED';
  const value: AttributeValue =
    reference === ''
      ? attributeValue(type === 'UNDEFINED' ? (typeOfTag.get(valueTag) ?? type) : type, fields)
      : { type: 'REFERENCE', value: reference, attributeType: type };
  if (payload !== undefined && !hasPlaces(value)) reader.attributes.set(payload, { name, value });
  return { name, value, origin: { start, end } };
}

/** Whether a value contains messages that know their place in the file. */
function hasPlaces({ type }: AttributeValue): boolean {
  return type.startsWith('TENSOR') || type.startsWith('GRAPH') || type.startsWith('SPARSE');
}

function readValueInfo(reader: ModelReader, end: number): ValueInfo {
  const start = reader.pos;
  let name = '';
  let type: Type | undefined;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === 10) name = reader.string(end);
    else if (tag === 18) type = readType(reader, reader.lengthEnd(end), 1);
    else reader.skip(tag, end);
  }
  return { name, type, origin: { start, end } };
}

function readType(reader: ModelReader, end: number, depth: number): Type {
  if (depth > DEEPEST_NESTING) {
    throw new ModelFormatError(`types are nested more than ${DEEPEST_NESTING} deep at byte ${reader.pos}`, reader.pos);
  }
  const start = reader.pos;
  const payload = end - start <= LONGEST_PAYLOAD ? reader.take(end - start, end) : undefined;
  const known = payload === undefined ? undefined : reader.types.get(payload);
  if (known !== undefined) return known;
  reader.pos = start;
  let type: Type = { kind: 'unset' };
  while (reader.pos < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 10: // tensor_type = 1
        type = tensorType('tensor', leaf(onnx.TypeProto.Tensor, 'tensor type', reader, reader.lengthEnd(end)));
        break;
      case 34: // sequence_type = 4
        type = { kind: 'sequence', elementType: readElementType(reader, reader.lengthEnd(end), depth) };
        break;
      case 42: // map_type = 5
        type = readMapType(reader, reader.lengthEnd(end), depth);
        break;
      case 58: // opaque_type = 7
        type = readOpaqueType(reader, reader.lengthEnd(end));
        break;
      case 66: // sparse_tensor_type = 8
        type = tensorType('sparse_tensor', leaf(onnx.TypeProto.SparseTensor, 'type', reader, reader.lengthEnd(end)));
        break;
      case 74: // optional_type = 9
        type = { kind: 'optional', elementType: readElementType(reader, reader.lengthEnd(end), depth) };
        break;
      default:
        reader.skip(tag, end);
    }
  }
  if (payload !== undefined) reader.types.set(payload, type);
  return type;
}

function tensorType(
  kind: 'tensor' | 'sparse_tensor',
  proto: onnx.TypeProto.Tensor | onnx.TypeProto.SparseTensor,
): Type {
  const shape = proto.shape?.dim?.map((dim): Dimension => {
    if (typeof dim.dimParam === 'string' && Object.hasOwn(dim, 'dimParam')) return dim.dimParam;
    return Object.hasOwn(dim, 'dimValue') && dim.dimValue != null ? toNumber(dim.dimValue) : undefined;
  });
  return { kind, elementType: proto.elemType, shape };
}

/** `TypeProto.Sequence` and `TypeProto.Optional`: an `elem_type` and nothing else. */
function readElementType(reader: ModelReader, end: number, depth: number): Type | undefined {
  let elementType: Type | undefined;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === 10) elementType = readType(reader, reader.lengthEnd(end), depth + 1);
    else reader.skip(tag, end);
  }
  return elementType;
}

function readMapType(reader: ModelReader, end: number, depth: number): Type {
  let keyType = 0;
  let valueType: Type | undefined;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === 8) keyType = reader.int32(end);
    else if (tag === 18) valueType = readType(reader, reader.lengthEnd(end), depth + 1);
    else reader.skip(tag, end);
  }
  return { kind: 'map', keyType, valueType };
}

function readOpaqueType(reader: ModelReader, end: number): Type {
  let domain = '';
  let name = '';
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === 10) domain = reader.string(end);
    else if (tag === 18) name = reader.string(end);
    else reader.skip(tag, end);
  }
  return { kind: 'opaque', domain, name };
}
