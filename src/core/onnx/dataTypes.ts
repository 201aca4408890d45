/** Facts about `TensorProto.DataType` (onnx.proto, IR version 14). */
export interface DataType {
  readonly number: number;
  /** As written in ONNX text. */
  readonly name: string;
  /** Bits of one element in `raw_data`; 0 for strings. */
  readonly bits: number;
  /** How the typed fields and the text hold an element. */
  readonly storage: Storage;
}

/** The typed field of TensorProto that holds the elements. */
export type Storage = 'float_data' | 'double_data' | 'int32_data' | 'int64_data' | 'uint64_data' | 'string_data';

/** Numbers of TensorProto's fields that hold data. */
export const STORAGE_FIELD: Readonly<Record<Storage, number>> = {
  float_data: 4,
  int32_data: 5,
  string_data: 6,
  int64_data: 7,
  double_data: 10,
  uint64_data: 11,
};

const types: readonly (readonly [number, string, number, Storage])[] = [
  [1, 'float', 32, 'float_data'],
  [2, 'uint8', 8, 'int32_data'],
  [3, 'int8', 8, 'int32_data'],
  [4, 'uint16', 16, 'int32_data'],
  [5, 'int16', 16, 'int32_data'],
  [6, 'int32', 32, 'int32_data'],
  [7, 'int64', 64, 'int64_data'],
  [8, 'string', 0, 'string_data'],
  [9, 'bool', 8, 'int32_data'],
  [10, 'float16', 16, 'int32_data'],
  [11, 'double', 64, 'double_data'],
  [12, 'uint32', 32, 'uint64_data'],
  [13, 'uint64', 64, 'uint64_data'],
  [14, 'complex64', 64, 'float_data'],
  [15, 'complex128', 128, 'double_data'],
  [16, 'bfloat16', 16, 'int32_data'],
  [17, 'float8e4m3fn', 8, 'int32_data'],
  [18, 'float8e4m3fnuz', 8, 'int32_data'],
  [19, 'float8e5m2', 8, 'int32_data'],
  [20, 'float8e5m2fnuz', 8, 'int32_data'],
  [21, 'uint4', 4, 'int32_data'],
  [22, 'int4', 4, 'int32_data'],
  [23, 'float4e2m1', 4, 'int32_data'],
  [24, 'float8e8m0', 8, 'int32_data'],
  [25, 'uint2', 2, 'int32_data'],
  [26, 'int2', 2, 'int32_data'],
  [27, 'float6e2m3', 6, 'int32_data'],
  [28, 'float6e3m2', 6, 'int32_data'],
];

const byNumber = new Map<number, DataType>();
const byName = new Map<string, DataType>();
for (const [number, name, bits, storage] of types) {
  const type: DataType = { number, name, bits, storage };
  byNumber.set(number, type);
  byName.set(name, type);
}

/** Numbers of the element types that code asks about by name. */
export const DataTypes = { FLOAT: 1, INT32: 6, INT64: 7, STRING: 8, BOOL: 9, FLOAT16: 10, DOUBLE: 11 } as const;

/** The type with this number, or `undefined` for UNDEFINED and numbers of later ONNX versions. */
export function dataType(number: number): DataType | undefined {
  return byNumber.get(number);
}

/** All types, by number. */
export function dataTypes(): readonly DataType[] {
  return [...byNumber.values()];
}

/** The type that ONNX text spells `name`. */
export function dataTypeNamed(name: string): DataType | undefined {
  return byName.get(name);
}

export function elementCount(dims: readonly number[]): number {
  let count = 1;
  for (const dim of dims) count *= dim;
  return count;
}

/**
 * Bytes of `raw_data` that a tensor of these dimensions takes, or `undefined`
 * where that isn't fixed (strings, unknown types, negative dimensions).
 */
export function tensorByteSize(number: number, dims: readonly number[]): number | undefined {
  const type = byNumber.get(number);
  if (type === undefined || type.bits === 0 || dims.some((dim) => dim < 0)) return undefined;
  return Math.ceil((elementCount(dims) * type.bits) / 8);
}

/**
 * Values that a literal of these dimensions has: one an element, two for
 * complex numbers, one a byte for types of 2 and 4 bits.
 */
export function literalCount(type: DataType, dims: readonly number[]): number {
  const count = elementCount(dims);
  if (type.bits === 2 || type.bits === 4) return Math.ceil((count * type.bits) / 8);
  return type.number === 14 || type.number === 15 ? count * 2 : count;
}
