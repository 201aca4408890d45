import { ModelFormatError } from '../wire/errors';
import { exact } from '../wire/exact';
import { SingularMessage } from '../wire/singularMessage';
import type { Dimension, Type, ValueInfo } from './model';
import { DEEPEST_NESTING, type ModelReader } from './modelReader';

/** `ValueInfoProto` up to `end`. */
export function readValueInfo(reader: ModelReader, end: number): ValueInfo {
  const start = reader.pos;
  let name = '';
  let type: Type | undefined;
  let typeStart = 0;
  let typeEnd = 0;
  let types: SingularMessage | undefined;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === 10) name = reader.string(end);
    else if (tag === 18 && type === undefined) {
      typeEnd = reader.lengthEnd(end);
      typeStart = reader.pos;
      type = readType(reader, typeEnd, 1);
    } else if (tag === 18) {
      types ??= new SingularMessage({ start: typeStart, end: typeEnd });
      types.add(reader.range(end));
    } else reader.skip(tag, end);
  }
  if (types !== undefined) type = readSingularType(reader, types, 1);
  return { name, type, origin: { start, end } };
}

/** The type in a field that holds one, or `undefined` where the field is absent. */
export function readSingularType(reader: ModelReader, field: SingularMessage, depth: number): Type | undefined {
  return reader.readSingular(field, (inner, end) => readType(inner, end, depth));
}

/** `TypeProto` up to `end`. @throws ModelFormatError when types are nested too deep. */
export function readType(reader: ModelReader, end: number, depth: number): Type {
  if (depth > DEEPEST_NESTING) {
    throw new ModelFormatError(`types are nested more than ${DEEPEST_NESTING} deep at byte ${reader.pos}`, reader.pos);
  }
  const key = reader.sharedKey(end);
  const known = key === undefined ? undefined : reader.types.get(key);
  if (known !== undefined) {
    reader.pos = end;
    return known;
  }
  let kind = 0;
  const content = new SingularMessage();
  while (reader.pos < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 10: // tensor_type = 1
      case 34: // sequence_type = 4
      case 42: // map_type = 5
      case 58: // opaque_type = 7
      case 66: // sparse_tensor_type = 8
      case 74: // optional_type = 9
        if (tag !== kind) content.clear();
        kind = tag;
        content.add(reader.range(end));
        break;
      default:
        reader.skip(tag, end);
    }
  }
  const type = reader.readSingular(content, (inner, innerEnd) => readKind(inner, innerEnd, kind, depth));
  const read: Type = type ?? { kind: 'unset' };
  if (key !== undefined) reader.types.set(key, read);
  return read;
}

/** What a TypeProto has in the field of this tag. */
function readKind(reader: ModelReader, end: number, tag: number, depth: number): Type {
  switch (tag) {
    case 10:
      return readTensorType(reader, end, 'tensor');
    case 34:
      return { kind: 'sequence', elementType: readElementType(reader, end, depth) };
    case 42:
      return readMapType(reader, end, depth);
    case 58:
      return readOpaqueType(reader, end);
    case 66:
      return readTensorType(reader, end, 'sparse_tensor');
    default:
      return { kind: 'optional', elementType: readElementType(reader, end, depth) };
  }
}

/** `TypeProto.Tensor` and `TypeProto.SparseTensor`; merged shapes have the dimensions of all. */
function readTensorType(reader: ModelReader, end: number, kind: 'tensor' | 'sparse_tensor'): Type {
  let elementType = 0;
  let shape: Dimension[] | undefined;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === 8) elementType = reader.int32(end);
    else if (tag === 18) readShape(reader, reader.lengthEnd(end), (shape ??= []));
    else reader.skip(tag, end);
  }
  return { kind, elementType, shape: shape && exact(shape) };
}

/** `TensorShapeProto` up to `end`. */
function readShape(reader: ModelReader, end: number, into: Dimension[]): void {
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === 10) into.push(readDimension(reader, reader.lengthEnd(end)));
    else reader.skip(tag, end);
  }
}

/** `TensorShapeProto.Dimension` up to `end`: of value and symbol, the last counts. */
function readDimension(reader: ModelReader, end: number): Dimension {
  let dimension: Dimension;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === 8) dimension = reader.int(end);
    else if (tag === 18) dimension = reader.string(end);
    else reader.skip(tag, end);
  }
  return dimension;
}

/** `TypeProto.Sequence` and `TypeProto.Optional`: an `elem_type` and nothing else. */
function readElementType(reader: ModelReader, end: number, depth: number): Type | undefined {
  const elementType = new SingularMessage();
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === 10) elementType.add(reader.range(end));
    else reader.skip(tag, end);
  }
  return readSingularType(reader, elementType, depth + 1);
}

function readMapType(reader: ModelReader, end: number, depth: number): Type {
  let keyType = 0;
  const valueType = new SingularMessage();
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === 8) keyType = reader.int32(end);
    else if (tag === 18) valueType.add(reader.range(end));
    else reader.skip(tag, end);
  }
  return { kind: 'map', keyType, valueType: readSingularType(reader, valueType, depth + 1) };
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
