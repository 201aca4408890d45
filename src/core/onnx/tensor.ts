import type { ByteSource } from '../wire/source';
import { scanFields } from '../wire/scan';
import { WireReader } from '../wire/reader';
import { decodeUtf8 } from '../wire/utf8';
import { WireType } from '../wire/varint';
import { dataType, elementCount, STORAGE_FIELD, type DataType } from './dataTypes';
import type { Tensor, TensorValues } from './model';

/** A tensor's values can't be had: unknown element type, or values that the type doesn't hold. */
export class TensorError extends Error {
  override readonly name = 'TensorError';
}

/**
 * The tensor's values, as the text states them (see {@link TensorValues}).
 *
 * @returns `undefined` when the data lies in another file, or when the element
 *   type is unknown or its bytes don't come out even.
 * @throws ModelFormatError when the tensor's typed field is damaged.
 */
export function readTensor(tensor: Tensor, source: ByteSource): TensorValues | undefined {
  const { data } = tensor;
  switch (data.kind) {
    case 'values':
      return data.values;
    case 'external':
      return undefined;
    case 'none':
      return [];
    case 'embedded':
    case 'bytes': {
      const type = dataType(tensor.dataType);
      if (type === undefined || type.bits === 0) return undefined;
      const bytes = data.kind === 'bytes' ? data.bytes : source.read(data.bytes.start, data.bytes.end);
      const values = valuesOfBytes(type, bytes);
      // Three float6 elements take as many bytes as four.
      return type.bits === 6 ? values?.slice(0, elementCount(tensor.dims)) : values;
    }
    case 'typed':
      return readTyped(tensor, source);
  }
}

/**
 * The tensor's data as little-endian bytes, laid out as `raw_data` is.
 *
 * @returns `undefined` when the data lies in another file, or has no such form
 *   (strings, unknown element types).
 * @throws TensorError when a value doesn't fit the element type.
 */
export function tensorBytes(tensor: Tensor, source: ByteSource): Uint8Array | undefined {
  const { data } = tensor;
  if (data.kind === 'embedded') return source.read(data.bytes.start, data.bytes.end);
  if (data.kind === 'bytes') return data.bytes;
  const type = dataType(tensor.dataType);
  const values = readTensor(tensor, source);
  if (type === undefined || type.bits === 0 || values === undefined) return undefined;
  return bytesOfValues(type, values);
}

/** Bytes that the tensor's data takes in the file; 0 when it has none there. */
export function storedSize(tensor: Tensor, source: ByteSource): number {
  const { data } = tensor;
  if (data.kind === 'embedded') return data.bytes.end - data.bytes.start;
  if (data.kind === 'bytes') return data.bytes.length;
  if (data.kind !== 'typed' || tensor.origin === undefined) return 0;
  let size = 0;
  for (const field of scanFields(source, tensor.origin)) {
    if (isDataField(field.number)) size += field.end - field.start;
  }
  return size;
}

export function isDataField(number: number): boolean {
  return (number >= 4 && number <= 7) || (number >= 9 && number <= 11);
}

function readTyped(tensor: Tensor, source: ByteSource): TensorValues | undefined {
  const type = dataType(tensor.dataType);
  if (type === undefined || tensor.origin === undefined) return undefined;
  const number = STORAGE_FIELD[type.storage];
  const numbers: number[] = [];
  const integers: bigint[] = [];
  const strings: string[] = [];
  const { end } = tensor.origin;
  const reader = new WireReader(source, tensor.origin.start);
  const wide = type.storage === 'int64_data' || type.number === 13;
  const readOne = (limit: number): void => {
    if (type.storage === 'float_data') numbers.push(reader.float(limit));
    else if (type.storage === 'double_data') numbers.push(float64(reader.take(8, limit)));
    else if (type.storage === 'int32_data') numbers.push(reader.int32(limit));
    else if (type.storage === 'int64_data') integers.push(reader.int64(limit));
    else if (wide) integers.push(BigInt.asUintN(64, reader.int64(limit)));
    else numbers.push(reader.uint(limit));
  };
  const scalar =
    type.storage === 'float_data'
      ? WireType.Fixed32
      : type.storage === 'double_data'
        ? WireType.Fixed64
        : type.storage === 'string_data'
          ? WireType.Len
          : WireType.Varint;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === number * 8 + scalar) {
      if (scalar === WireType.Len) strings.push(decodeUtf8(reader.payload(end)));
      else readOne(end);
    } else if (tag === number * 8 + WireType.Len) {
      const limit = reader.lengthEnd(end);
      while (reader.pos < limit) readOne(limit);
    } else {
      reader.skip(tag, end);
    }
  }
  return type.storage === 'string_data' ? strings : wide ? integers : numbers;
}

function float64(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, true);
}

/** Values of little-endian bytes, or `undefined` when they aren't whole elements. */
export function valuesOfBytes(type: DataType, bytes: Uint8Array): TensorValues | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (type.bits === 6) return unpack6(bytes);
  const size = unitSize(type);
  if (bytes.length % size !== 0) return undefined;
  const count = bytes.length / size;
  if (type.storage === 'int64_data' || type.number === 13) {
    const integers = new Array<bigint>(count);
    for (let i = 0; i < count; i++) {
      integers[i] = type.number === 13 ? view.getBigUint64(i * 8, true) : view.getBigInt64(i * 8, true);
    }
    return integers;
  }
  const read = readers[type.number] ?? readersBySize[size]!;
  const values = new Array<number>(count);
  for (let i = 0; i < count; i++) values[i] = read(view, i * size);
  return values;
}

/** Bytes of one value of the text's literal. */
function unitSize(type: DataType): number {
  if (type.bits < 8) return 1;
  return type.number === 14 || type.number === 15 ? type.bits / 16 : type.bits / 8;
}

type Read = (view: DataView, at: number) => number;
const readers: Readonly<Record<number, Read>> = {
  1: (view, at) => view.getFloat32(at, true),
  14: (view, at) => view.getFloat32(at, true),
  11: (view, at) => view.getFloat64(at, true),
  15: (view, at) => view.getFloat64(at, true),
  3: (view, at) => view.getInt8(at),
  5: (view, at) => view.getInt16(at, true),
  6: (view, at) => view.getInt32(at, true),
};
const readersBySize: Readonly<Record<number, Read>> = {
  1: (view, at) => view.getUint8(at),
  2: (view, at) => view.getUint16(at, true),
  4: (view, at) => view.getUint32(at, true),
};

/** float6 elements: four in three bytes, least significant bits first. */
function unpack6(bytes: Uint8Array): number[] {
  const count = Math.floor((bytes.length * 8) / 6);
  const values = new Array<number>(count);
  for (let i = 0; i < count; i++) {
    const bit = i * 6;
    const pair = bytes[bit >> 3]! | ((bytes[(bit >> 3) + 1] ?? 0) << 8);
    values[i] = (pair >> (bit & 7)) & 0x3f;
  }
  return values;
}

/**
 * Little-endian bytes of values; inverse of {@link valuesOfBytes}. Where `base`
 * holds the same value at the same place, its bytes are kept (a NaN's payload).
 * @throws TensorError when a value doesn't fit the element type.
 */
export function bytesOfValues(type: DataType, values: TensorValues, base?: Uint8Array): Uint8Array {
  if (type.bits === 6) return pack6(type, values);
  const size = unitSize(type);
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  const before = base?.length === bytes.length ? valuesOfBytes(type, base) : undefined;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (before !== undefined && sameValue(before[i]!, value)) {
      bytes.set(base!.subarray(i * size, (i + 1) * size), i * size);
    } else {
      writeValue(view, i * size, type, size, value);
    }
  }
  return bytes;
}

/** The same value: NaN equals NaN, -0 and 0 differ, an integer equals itself as number and as bigint. */
export function sameValue(a: number | bigint | string, b: number | bigint | string): boolean {
  if (Object.is(a, b)) return true;
  return typeof a !== typeof b && typeof a !== 'string' && typeof b !== 'string' && a == b;
}

function writeValue(view: DataView, at: number, type: DataType, size: number, value: number | bigint | string): void {
  if (typeof value === 'string') throw new TensorError(`a string can't be an element of type ${type.name}`);
  if (type.storage === 'float_data') {
    view.setFloat32(at, Number(value), true);
    return;
  }
  if (type.storage === 'double_data') {
    view.setFloat64(at, Number(value), true);
    return;
  }
  const signed = type.name.startsWith('int') && type.bits >= 8;
  const bits = BigInt(size * 8);
  const integer = toInteger(value, type);
  if (integer !== (signed ? BigInt.asIntN(Number(bits), integer) : BigInt.asUintN(Number(bits), integer))) {
    throw new TensorError(
      type.bits < 8
        ? `${integer} doesn't fit a byte: ${type.name} values are written as packed bytes`
        : `${integer} doesn't fit ${type.name}`,
    );
  }
  if (size === 8) view.setBigUint64(at, BigInt.asUintN(64, integer), true);
  else if (size === 4) view.setUint32(at, Number(BigInt.asUintN(32, integer)), true);
  else if (size === 2) view.setUint16(at, Number(BigInt.asUintN(16, integer)), true);
  else view.setUint8(at, Number(BigInt.asUintN(8, integer)));
}

function toInteger(value: number | bigint, type: DataType): bigint {
  if (typeof value === 'bigint') return value;
  if (!Number.isInteger(value)) throw new TensorError(`${value} isn't an integer, as type ${type.name} needs`);
  return BigInt(value);
}

function pack6(type: DataType, values: TensorValues): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((values.length * 6) / 8));
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    if (!(value >= 0 && value < 64)) throw new TensorError(`${value} doesn't fit the 6 bits of ${type.name}`);
    const bit = i * 6;
    const shifted = value << (bit & 7);
    bytes[bit >> 3]! |= shifted & 0xff;
    if (shifted > 0xff) bytes[(bit >> 3) + 1]! |= shifted >> 8;
  }
  return bytes;
}
