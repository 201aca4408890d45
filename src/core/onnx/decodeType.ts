import { ModelFormatError } from '../wire/errors';
import type { Type, ValueInfo } from './model';
import { DEEPEST_NESTING, type ModelReader } from './modelReader';

/** `ValueInfoProto` up to `end`. */
export function readValueInfo(reader: ModelReader, end: number): ValueInfo {
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

/** `TypeProto` up to `end`. @throws ModelFormatError when types are nested too deep. */
export function readType(reader: ModelReader, end: number, depth: number): Type {
  if (depth > DEEPEST_NESTING) {
    throw new ModelFormatError(`types are nested more than ${DEEPEST_NESTING} deep at byte ${reader.pos}`, reader.pos);
  }
  const payload = reader.peekPayload(end);
  const known = payload === undefined ? undefined : reader.types.get(payload);
  if (known !== undefined) {
    reader.pos = end;
    return known;
  }
  let type: Type = { kind: 'unset' };
  while (reader.pos < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 10: // tensor_type = 1
        type = readTensorType(reader, reader.lengthEnd(end), 'tensor');
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
        type = readTensorType(reader, reader.lengthEnd(end), 'sparse_tensor');
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

function readTensorType(reader: ModelReader, end: number, kind: 'tensor' | 'sparse_tensor'): Type {
  return reader.leaf('type', end, (payload) => reader.leaves.tensorType(kind, payload));
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
