import type { AttributeTypeName, AttributeValue, Graph } from '../onnx/model';
import { encodeUtf8 } from '../wire/utf8';
import { ParsedAttribute } from './parsedNode';
import { atType, parseSparseTensor, parseTensorAfterType, parseType, toFloat32 } from './parseTensor';
import { bigIntOf, Char, SyntaxFailure, toBigInt, type Scanner } from './scanner';

/**
 * Parses the graph that is next, whose name may be quoted, `depth` deep in
 * graphs; given from outside, since graphs contain attributes.
 */
export type ParseGraph = (scanner: Scanner, depth: number) => Graph;

const annotations: ReadonlyMap<string, AttributeTypeName> = new Map(
  (
    [
      'FLOAT',
      'INT',
      'STRING',
      'TENSOR',
      'GRAPH',
      'SPARSE_TENSOR',
      'TYPE_PROTO',
      'FLOATS',
      'INTS',
      'STRINGS',
      'TENSORS',
      'GRAPHS',
      'SPARSE_TENSORS',
      'TYPE_PROTOS',
      'UNDEFINED',
    ] as const
  ).map((type) => [type.toLowerCase(), type]),
);

type Single = Extract<
  AttributeValue,
  { type: 'INT' | 'FLOAT' | 'STRING' | 'TENSOR' | 'GRAPH' | 'SPARSE_TENSOR' | 'TYPE_PROTO' | 'REFERENCE' }
>;

const listOf = {
  FLOAT: 'FLOATS',
  INT: 'INTS',
  STRING: 'STRINGS',
  TENSOR: 'TENSORS',
  GRAPH: 'GRAPHS',
  SPARSE_TENSOR: 'SPARSE_TENSORS',
  TYPE_PROTO: 'TYPE_PROTOS',
} as const;

const singleOf: Readonly<Partial<Record<AttributeTypeName, keyof typeof listOf>>> = {
  FLOATS: 'FLOAT',
  INTS: 'INT',
  STRINGS: 'STRING',
  TENSORS: 'TENSOR',
  GRAPHS: 'GRAPH',
  SPARSE_TENSORS: 'SPARSE_TENSOR',
  TYPE_PROTOS: 'TYPE_PROTO',
};

/** `name: type = value`. A graph that is its value lies `depth` deep in graphs. */
export function parseAttribute(scanner: Scanner, depth: number, parseGraph: ParseGraph): ParsedAttribute {
  scanner.peek();
  const start = scanner.pos;
  const name = scanner.name("an attribute's name");
  return parseAttributeAfterName(scanner, name, start, depth, parseGraph);
}

export function parseAttributeAfterName(
  scanner: Scanner,
  name: string,
  start: number,
  depth: number,
  parseGraph: ParseGraph,
): ParsedAttribute {
  let annotation: AttributeTypeName | undefined;
  if (scanner.matches(Char.Colon)) {
    scanner.peek();
    const at = scanner.pos;
    annotation = annotations.get(scanner.identifier());
    if (annotation === undefined) {
      scanner.pos = at;
      throw scanner.unexpected('an attribute type such as int, float, ints, tensor or graph');
    }
    const end = scanner.pos;
    if (annotation === 'UNDEFINED' && scanner.peek() !== Char.Equals) {
      scanner.pos = end;
      return new ParsedAttribute(name, { type: 'UNDEFINED' }, start, end);
    }
  }
  scanner.expect(Char.Equals, `after ${name}`);
  const value =
    scanner.peek() === Char.OpenBracket
      ? parseListValue(scanner, annotation, depth, parseGraph)
      : parseSingleValue(scanner, annotation, depth, parseGraph);
  return new ParsedAttribute(name, value, start, scanner.pos);
}

function parseListValue(
  scanner: Scanner,
  annotation: AttributeTypeName | undefined,
  depth: number,
  parseGraph: ParseGraph,
): AttributeValue {
  const start = scanner.pos;
  scanner.expect(Char.OpenBracket, 'before the values');
  if (scanner.matches(Char.CloseBracket)) {
    if (annotation === undefined || annotation === 'UNDEFINED') {
      throw new SyntaxFailure('An empty list needs its type, as in "axes: ints = []".', { start, end: scanner.pos });
    }
    if (singleOf[annotation] === undefined) {
      throw new SyntaxFailure(`A list can't be of type ${annotation.toLowerCase()}.`, { start, end: scanner.pos });
    }
    return { type: annotation, value: [] } as AttributeValue;
  }
  let expected: AttributeTypeName | undefined =
    annotation === undefined ? undefined : (singleOf[annotation] ?? annotation);
  const values: Single['value'][] = [];
  do {
    scanner.peek();
    const at = scanner.pos;
    const item = parseSingleValue(scanner, expected, depth, parseGraph);
    if (item.type === 'REFERENCE') {
      throw new SyntaxFailure("A list can't contain a reference.", { start: at, end: scanner.pos });
    }
    expected = item.type;
    values.push(item.value);
  } while (scanner.matches(Char.Comma));
  if (!scanner.matches(Char.CloseBracket)) throw scanner.unexpected(`',' or ']' after a value`);
  return { type: listOf[expected], value: values } as AttributeValue;
}

function parseSingleValue(
  scanner: Scanner,
  expected: AttributeTypeName | undefined,
  depth: number,
  parseGraph: ParseGraph,
): Single {
  const code = scanner.peek();
  const start = scanner.pos;
  if (code === Char.At) {
    scanner.pos++;
    const value = scanner.name('the name of a function attribute');
    return { type: 'REFERENCE', value, attributeType: expected ?? 'UNDEFINED' };
  }
  const value = parsePlainValue(scanner, code, expected, depth, parseGraph);
  if (expected !== undefined && expected !== 'UNDEFINED' && expected !== value.type) {
    throw new SyntaxFailure(
      `Expected a value of type ${expected.toLowerCase()}, found one of type ${value.type.toLowerCase()}.`,
      { start, end: scanner.pos },
    );
  }
  return value;
}

function parsePlainValue(
  scanner: Scanner,
  code: number,
  expected: AttributeTypeName | undefined,
  depth: number,
  parseGraph: ParseGraph,
): Single {
  const start = scanner.pos;
  if (code === Char.Quote || code === Char.Dollar) {
    const value = scanner.string('a string');
    if (scanner.peek() !== Char.OpenParen) return { type: 'STRING', value: encodeUtf8(value) };
    scanner.pos = start;
    return { type: 'GRAPH', value: parseGraph(scanner, depth) };
  }
  if (atType(scanner)) {
    const type = parseType(scanner);
    const end = scanner.pos;
    const next = scanner.peek();
    if (next === Char.OpenBrace || next === Char.Equals || scanner.atName()) {
      return { type: 'TENSOR', value: parseTensorAfterType(scanner, type, { start, end }) };
    }
    scanner.pos = end;
    return { type: 'TYPE_PROTO', value: type };
  }
  const short = expected === 'FLOAT' ? undefined : scanner.shortInteger();
  if (short !== undefined) return { type: 'INT', value: bigIntOf(short) };
  const word = scanner.peekIdentifier();
  if (word !== '' && !/^(inf|infinity|nan)$/i.test(word)) {
    if (word === 'sparse') {
      scanner.pos += word.length;
      if (scanner.peek() === Char.OpenBracket) {
        return { type: 'SPARSE_TENSOR', value: parseSparseTensor(scanner, start) };
      }
      scanner.pos = start;
    }
    return { type: 'GRAPH', value: parseGraph(scanner, depth) };
  }
  const { text, isFloat } = scanner.number('a value');
  const span = { start, end: scanner.pos };
  if (isFloat || expected === 'FLOAT') return { type: 'FLOAT', value: toFloat32(text, span) };
  const value = toBigInt(text);
  if (value !== BigInt.asIntN(64, value)) throw new SyntaxFailure(`${text} doesn't fit a 64-bit integer.`, span);
  return { type: 'INT', value };
}
