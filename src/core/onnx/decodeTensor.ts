import type { WireReader } from '../wire/reader';
import type { ByteRange } from '../wire/source';
import { exact } from '../wire/exact';
import { DataTypes } from './dataTypes';
import type { SparseTensor, StringEntry, Tensor, TensorData } from './model';

/** `TensorProto` up to `end`. Data is located, not read. */
export function readTensorProto(reader: WireReader, end: number): Tensor {
  const start = reader.pos;
  let name = '';
  let dataType = 0;
  let external = false;
  let raw: ByteRange | undefined;
  let floats: ByteRange | undefined;
  let doubles: ByteRange | undefined;
  let typedFields = 0;
  const dims: number[] = [];
  let entries: StringEntry[] | undefined;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 8: // dims = 1
        dims.push(reader.int(end));
        break;
      case 10: {
        const packedEnd = reader.lengthEnd(end);
        while (reader.pos < packedEnd) dims.push(reader.int(packedEnd));
        break;
      }
      case 16: // data_type = 2
        dataType = reader.int32(end);
        break;
      case 34: // float_data = 4, packed
        floats = reader.range(end);
        if (floats.end > floats.start) typedFields++;
        break;
      case 82: // double_data = 10, packed
        doubles = reader.range(end);
        if (doubles.end > doubles.start) typedFields++;
        break;
      case 37: // float_data, one element
      case 40: // int32_data = 5, one element
      case 56: // int64_data = 7, one element
      case 81: // double_data, one element
      case 88: // uint64_data = 11, one element
        typedFields++;
        reader.skip(tag, end);
        break;
      case 42: // int32_data, packed
      case 50: // string_data = 6
      case 58: // int64_data, packed
      case 90: // uint64_data, packed
        typedFields++;
        reader.skip(tag, end);
        break;
      case 66: // name = 8
        name = reader.string(end);
        break;
      case 74: // raw_data = 9
        raw = reader.range(end);
        break;
      case 106: // external_data = 13
        (entries ??= []).push(readStringEntry(reader, reader.lengthEnd(end)));
        break;
      case 112: // data_location = 14
        external = reader.int32(end) === 1;
        break;
      default:
        reader.skip(tag, end);
    }
  }
  let data: TensorData;
  if (external) data = { kind: 'external', entries: entries ?? [] };
  else if (raw !== undefined) data = { kind: 'embedded', bytes: raw };
  else if (typedFields === 0) data = { kind: 'none' };
  else {
    const whole =
      dataType === DataTypes.FLOAT || dataType === 14
        ? floats
        : dataType === DataTypes.DOUBLE || dataType === 15
          ? doubles
          : undefined;
    data = typedFields === 1 && whole !== undefined ? { kind: 'embedded', bytes: whole } : { kind: 'typed' };
  }
  return { name, dataType, dims: exact(dims), data, origin: { start, end } };
}

/** `SparseTensorProto` up to `end`. */
export function readSparseTensor(reader: WireReader, end: number): SparseTensor {
  const start = reader.pos;
  let values = emptyTensor;
  let indices = emptyTensor;
  const dims: number[] = [];
  while (reader.pos < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 10: // values = 1
        values = readTensorProto(reader, reader.lengthEnd(end));
        break;
      case 18: // indices = 2
        indices = readTensorProto(reader, reader.lengthEnd(end));
        break;
      case 24: // dims = 3
        dims.push(reader.int(end));
        break;
      case 26: {
        const packedEnd = reader.lengthEnd(end);
        while (reader.pos < packedEnd) dims.push(reader.int(packedEnd));
        break;
      }
      default:
        reader.skip(tag, end);
    }
  }
  return { values, indices, dims, origin: { start, end } };
}

/** What an absent TensorProto reads as. */
export const emptyTensor: Tensor = { name: '', dataType: 0, dims: [], data: { kind: 'none' } };

/** `StringStringEntryProto` up to `end`. */
function readStringEntry(reader: WireReader, end: number): StringEntry {
  let key = '';
  let value = '';
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === 10) key = reader.string(end);
    else if (tag === 18) value = reader.string(end);
    else reader.skip(tag, end);
  }
  return { key, value };
}
