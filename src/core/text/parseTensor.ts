import { dataType, dataTypeNamed, DataTypes } from '../onnx/dataTypes';
import type { Dimension, SparseTensor, StringEntry, Tensor, TensorData, TextSpan, Type } from '../onnx/model';
import { exact } from '../wire/exact';
import { Char, SyntaxFailure, toBigInt, type Scanner } from './scanner';
import { startsType } from './quote';

/** Types in types are read to this depth. */
const DEEPEST_TYPE = 100;

/** Whether a type is next. */
export function atType(scanner: Scanner): boolean {
  const code = scanner.peek();
  if (code === Char.Question) return true;
  return scanner.isIdentifierStart(code) && startsType(scanner.peekIdentifier());
}

/** The type that is next, if one is. */
export function parseTypeIfNext(scanner: Scanner): Type | undefined {
  scanner.peek();
  const start = scanner.pos;
  // Most types are followed by a space, have none inside, and occur many times. A bracket ends a type for certain.
  const end = scanner.text.indexOf(' ', start);
  const last = end - start < 64 ? scanner.text.charCodeAt(end - 1) : -1;
  const isShared = end > start && (last === Char.CloseBracket || last === Char.CloseParen);
  const key = isShared ? scanner.text.slice(start, end) : '';
  if (isShared) {
    const known = scanner.types.get(key);
    if (known !== undefined) {
      scanner.pos = end;
      return known;
    }
  }
  if (!atType(scanner)) return undefined;
  const type = parseType(scanner);
  if (isShared && scanner.pos === end) scanner.types.set(key, type);
  return type;
}

/** A type of the grammar, or one of the forms that `printType` adds to it. */
export function parseType(scanner: Scanner, depth = 1): Type {
  const code = scanner.peek();
  const start = scanner.pos;
  if (depth > DEEPEST_TYPE) {
    throw new SyntaxFailure(`Types are nested more than ${DEEPEST_TYPE} deep.`, { start, end: start + 1 });
  }
  if (code === Char.Question) {
    if (!/[-0-9]/.test(scanner.text.charAt(start + 1))) {
      scanner.pos++;
      return { kind: 'unset' };
    }
    return { kind: 'tensor', ...parseTensorType(scanner) };
  }
  const keyword = scanner.peekIdentifier();
  if (dataTypeNamed(keyword) !== undefined) return { kind: 'tensor', ...parseTensorType(scanner) };
  scanner.pos += keyword.length;
  switch (keyword) {
    case 'seq':
      return { kind: 'sequence', elementType: parseElementType(scanner, depth) };
    case 'optional':
      return { kind: 'optional', elementType: parseElementType(scanner, depth) };
    case 'sparse_tensor': {
      scanner.expect(Char.OpenParen, 'after sparse_tensor');
      const type = parseTensorType(scanner);
      scanner.expect(Char.CloseParen, 'after the type');
      return { kind: 'sparse_tensor', ...type };
    }
    case 'map': {
      scanner.expect(Char.OpenParen, 'after map');
      const keyType = parseDataType(scanner);
      const valueType = scanner.matches(Char.Comma) ? parseType(scanner, depth + 1) : undefined;
      scanner.expect(Char.CloseParen, 'after the type');
      return { kind: 'map', keyType, valueType };
    }
    case 'opaque':
      return parseOpaque(scanner);
    default:
      scanner.pos = start;
      throw scanner.unexpected('a type');
  }
}

function parseElementType(scanner: Scanner, depth: number): Type | undefined {
  scanner.expect(Char.OpenParen, 'before the element type');
  if (scanner.matches(Char.CloseParen)) return undefined;
  const type = parseType(scanner, depth + 1);
  scanner.expect(Char.CloseParen, 'after the type');
  return type;
}

function parseOpaque(scanner: Scanner): Type {
  scanner.expect(Char.OpenParen, 'after opaque');
  if (scanner.matches(Char.CloseParen)) return { kind: 'opaque', domain: '', name: '' };
  const first = parseDotted(scanner);
  let type: Type = { kind: 'opaque', domain: '', name: first };
  if (scanner.matches(Char.Comma)) type = { kind: 'opaque', domain: first, name: scanner.name('a name') };
  scanner.expect(Char.CloseParen, 'after the type');
  return type;
}

function parseDotted(scanner: Scanner): string {
  let name = scanner.name('a name');
  while (scanner.matches(Char.Dot)) name += `.${scanner.name('a name')}`;
  return name;
}

function parseDataType(scanner: Scanner): number {
  if (scanner.matches(Char.Question)) return Number(scanner.int64('the number of an element type'));
  const start = scanner.pos;
  const type = dataTypeNamed(scanner.identifier());
  if (type === undefined) {
    scanner.pos = start;
    throw scanner.unexpected('an element type such as float or int64');
  }
  return type.number;
}

interface TensorType {
  readonly elementType: number;
  readonly shape: readonly Dimension[] | undefined;
}

/** `float` is a scalar, `float[]` a tensor of unknown rank. */
function parseTensorType(scanner: Scanner): TensorType {
  const elementType = parseDataType(scanner);
  if (!scanner.matches(Char.OpenBracket)) return { elementType, shape: [] };
  if (scanner.matches(Char.CloseBracket)) return { elementType, shape: undefined };
  const shape: Dimension[] = [];
  do {
    const code = scanner.peek();
    if (code === Char.Question) {
      scanner.pos++;
      shape.push(undefined);
    } else if (scanner.atName()) {
      shape.push(scanner.name('a dimension'));
    } else {
      shape.push(scanner.shortInteger() ?? Number(scanner.int64('a dimension: a size, a name or ?')));
    }
  } while (scanner.matches(Char.Comma));
  scanner.expect(Char.CloseBracket, 'after the dimensions');
  return { elementType, shape: exact(shape) };
}

/** What stands before a tensor's data. */
export interface TensorHead {
  readonly type: Type | undefined;
  readonly typeSpan: TextSpan;
  readonly name: string;
  readonly nameSpan?: TextSpan | undefined;
}

/** The data of a tensor whose type and name have been read, and the tensor. */
export function parseTensorData(scanner: Scanner, head: TensorHead): Tensor {
  const { type, typeSpan } = head;
  if (type?.kind !== 'tensor') throw new SyntaxFailure('A tensor needs a type such as float[3].', typeSpan);
  const dims = sizesOf(type);
  if (dims === undefined) {
    throw new SyntaxFailure("A tensor's dimensions have to be numbers.", typeSpan);
  }
  const data = parseData(scanner, type.elementType);
  return {
    name: head.name,
    dataType: type.elementType,
    dims,
    data,
    span: { start: typeSpan.start, end: scanner.pos },
    nameSpan: head.nameSpan,
  };
}

/** The dimensions of a tensor's type, or `undefined` where one isn't a number. */
export function sizesOf(type: Type): readonly number[] | undefined {
  const shape = type.kind === 'tensor' ? type.shape : undefined;
  if (shape === undefined) return undefined;
  for (const dimension of shape) if (typeof dimension !== 'number') return undefined;
  return shape as readonly number[];
}

function parseData(scanner: Scanner, elementType: number): TensorData {
  const end = scanner.pos;
  const code = scanner.peek();
  if (code === Char.OpenBrace) return { kind: 'values', values: parseValues(scanner, elementType) };
  if (code === Char.OpenBracket) return { kind: 'external', entries: parseEntries(scanner) };
  scanner.pos = end;
  return { kind: 'none' };
}

function parseValues(scanner: Scanner, elementType: number): number[] | bigint[] | string[] {
  scanner.expect(Char.OpenBrace, 'before the values');
  if (scanner.matches(Char.CloseBrace)) return [];
  const type = dataType(elementType);
  if (type === undefined) {
    throw new SyntaxFailure('Values need a known element type.', { start: scanner.pos - 1, end: scanner.pos });
  }
  const close = (): boolean => {
    if (scanner.matches(Char.Comma)) return false;
    if (!scanner.matches(Char.CloseBrace)) throw scanner.unexpected(`',' or '}' after a value`);
    return true;
  };
  if (type.storage === 'string_data') {
    const strings: string[] = [];
    do strings.push(scanner.string('a string'));
    while (!close());
    return strings;
  }
  if (type.number === DataTypes.INT64 || type.number === 13) {
    const integers: bigint[] = [];
    do integers.push(type.number === DataTypes.INT64 ? scanner.int64('an integer') : parseUint64(scanner));
    while (!close());
    return integers;
  }
  const numbers: number[] = [];
  do {
    if (type.storage === 'float_data') numbers.push(parseFloat32(scanner));
    else if (type.storage === 'double_data') numbers.push(parseFloat64(scanner));
    else if (type.storage === 'uint64_data') numbers.push(Number(parseUint64(scanner)));
    else numbers.push(parseInt32(scanner));
  } while (!close());
  return numbers;
}

function parseUint64(scanner: Scanner): bigint {
  scanner.peek();
  const start = scanner.pos;
  const { text, isFloat } = scanner.number('an integer');
  const value = isFloat ? -1n : toBigInt(text);
  if (value !== BigInt.asUintN(64, value)) {
    throw new SyntaxFailure(`Expected an unsigned integer, found ${text}.`, { start, end: scanner.pos });
  }
  return value;
}

function parseInt32(scanner: Scanner): number {
  scanner.peek();
  const start = scanner.pos;
  const { text, isFloat } = scanner.number('an integer');
  const value = Number(text);
  if (isFloat || value !== (value | 0)) {
    throw new SyntaxFailure(`Expected a 32-bit integer, found ${text}.`, { start, end: scanner.pos });
  }
  return value;
}

/** A number as float32. @throws SyntaxFailure when it overflows. */
export function parseFloat32(scanner: Scanner): number {
  scanner.peek();
  const start = scanner.pos;
  return toFloat32(scanner.number('a number').text, { start, end: scanner.pos });
}

/** A literal as float32. @throws SyntaxFailure when it overflows. */
export function toFloat32(text: string, span: TextSpan): number {
  const value = toFloat64(text, span);
  const single = Math.fround(value);
  if (Number.isFinite(value) && !Number.isFinite(single)) {
    throw new SyntaxFailure(`${text} is too large for a 32-bit float.`, span);
  }
  return single;
}

function parseFloat64(scanner: Scanner): number {
  scanner.peek();
  const start = scanner.pos;
  return toFloat64(scanner.number('a number').text, { start, end: scanner.pos });
}

function toFloat64(text: string, span: TextSpan): number {
  const value = Number(text);
  if (Number.isFinite(value)) return value;
  if (Number.isNaN(value)) {
    if (/nan$/i.test(text)) return NaN;
    return text.startsWith('-') ? -Infinity : Infinity;
  }
  if (/inf/i.test(text)) return value;
  throw new SyntaxFailure(`${text} is too large for a 64-bit float.`, span);
}

/** `["key": "value", …]`. */
export function parseEntries(scanner: Scanner): readonly StringEntry[] {
  scanner.expect(Char.OpenBracket, 'before the entries');
  const entries: StringEntry[] = [];
  if (scanner.matches(Char.CloseBracket)) return entries;
  do {
    const key = scanner.string('a key in quotes');
    scanner.expect(Char.Colon, 'after the key');
    const value = scanner.string('a value in quotes');
    entries.push(shareEntry(scanner, entries.length, key, value));
  } while (scanner.matches(Char.Comma));
  scanner.expect(Char.CloseBracket, 'after the entries');
  return exact(entries);
}

/** Tensors mostly have the location, and often the length, in common with the one before. */
export function shareEntry(scanner: Scanner, index: number, key: string, value: string): StringEntry {
  const before = scanner.lastEntries[index];
  if (before?.key === key && before.value === value) return before;
  return (scanner.lastEntries[index] = { key, value });
}

/** `type name? =? data`: a tensor that is an attribute's value. */
export function parseTensor(scanner: Scanner): Tensor {
  scanner.peek();
  const start = scanner.pos;
  const type = parseType(scanner);
  return parseTensorAfterType(scanner, type, { start, end: scanner.pos });
}

export function parseTensorAfterType(scanner: Scanner, type: Type, typeSpan: TextSpan): Tensor {
  let name = '';
  let nameSpan: TextSpan | undefined;
  if (scanner.atName()) {
    const start = scanner.pos;
    name = scanner.name('a name');
    nameSpan = { start, end: scanner.pos };
  }
  scanner.matches(Char.Equals);
  return parseTensorData(scanner, { type, typeSpan, name, nameSpan });
}

const LETTER_S = 115;

/** Whether a sparse tensor is next. */
export function atSparse(scanner: Scanner): boolean {
  return (
    scanner.peek() === LETTER_S &&
    scanner.peekIdentifier() === 'sparse' &&
    /^\s*\[/.test(scanner.text.slice(scanner.pos + 6, scanner.pos + 80))
  );
}

/** `sparse[dims] (values, indices)`, behind the word `sparse`. */
export function parseSparseTensor(scanner: Scanner, start: number): SparseTensor {
  const dims = parseSparseDims(scanner);
  return { ...parseSparseContent(scanner), dims, span: { start, end: scanner.pos } };
}

/** `sparse[dims] name = (values, indices)`. */
export function parseSparseInitializer(scanner: Scanner): SparseTensor {
  scanner.peek();
  const start = scanner.pos;
  scanner.identifier();
  const dims = parseSparseDims(scanner);
  scanner.peek();
  const nameStart = scanner.pos;
  const name = scanner.name("the sparse initializer's name");
  const nameSpan = { start: nameStart, end: scanner.pos };
  scanner.expect(Char.Equals, 'before the values and indices');
  const { values, indices } = parseSparseContent(scanner);
  if (values.nameSpan !== undefined) {
    throw new SyntaxFailure("A sparse initializer's name stands before '=', not at its values.", values.nameSpan);
  }
  return { values: { ...values, name, nameSpan }, indices, dims, span: { start, end: scanner.pos } };
}

function parseSparseDims(scanner: Scanner): number[] {
  const dims: number[] = [];
  scanner.expect(Char.OpenBracket, 'after sparse');
  if (scanner.matches(Char.CloseBracket)) return dims;
  do dims.push(Number(scanner.int64('a dimension')));
  while (scanner.matches(Char.Comma));
  scanner.expect(Char.CloseBracket, 'after the dimensions');
  return dims;
}

/** `(values, indices)`. */
function parseSparseContent(scanner: Scanner): { values: Tensor; indices: Tensor } {
  scanner.expect(Char.OpenParen, 'before the values and indices');
  const values = parseTensor(scanner);
  scanner.expect(Char.Comma, 'between values and indices');
  const indices = parseTensor(scanner);
  scanner.expect(Char.CloseParen, 'after the indices');
  return { values, indices };
}
