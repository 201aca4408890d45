/**
 * Reads lines as `printModel` writes them, each by one regular expression.
 * That is native code from the start, while code that reads token by token is
 * slow until it has been compiled, which is when a first model has been read.
 * Whatever reads otherwise, mistakes included, is left to the parsers of the
 * grammar.
 */
import type { Tensor, Type, ValueInfo } from '../onnx/model';
import { makeNode, noAttributes, parseAttributes } from './parseNode';
import type { ParseGraph } from './parseAttribute';
import { ABSENT, type ParsedAttribute, type ParsedNode } from './parsedNode';
import { ParsedTensor, ParsedValue } from './parsedValue';
import { parseType, shareEntry, sizesOf } from './parseTensor';
import { Char, SyntaxFailure, type Scanner } from './scanner';

const STRING = String.raw`"[^"\\\r\n]*"`;
const IDENTIFIER = '[A-Za-z_][A-Za-z0-9_]*';
const NAMES = `(?:${STRING}|${IDENTIFIER})(?:, (?:${STRING}|${IDENTIFIER}))*`;
const LINE_END = String.raw`[ \t]*\r?\n *`;
/** Attributes without graphs and sparse tensors: what they say depends on no context. */
const ATTRIBUTE_TEXT = String.raw`[^<>(){}"$#\\\r\n]*`;

/** A type, a name in quotes or a bare one, and the location, offset and length of an initializer's data; a comma. */
const DECLARATION = new RegExp(
  String.raw`([a-z][a-z0-9_]*(?:\[[^\]"\r\n]*\])?) (?:"([^"\\\r\n]*)"|(${IDENTIFIER}))` +
    String.raw`(?: = \["location": "([^"\\\r\n]*)", "offset": "([0-9]+)", "length": "([0-9]+)"\])?,${LINE_END}`,
  'y',
);

/** A node's name, outputs, domain, op, attributes and inputs; what follows is no attribute. */
const NODE = new RegExp(
  String.raw`(?:\[(?:"([^"\\\r\n]*)"|(${IDENTIFIER}))\] )?(${NAMES}) = ((?:${IDENTIFIER}\.)*)(${IDENTIFIER})` +
    String.raw`(?: (<${ATTRIBUTE_TEXT}(?:${STRING}${ATTRIBUTE_TEXT})*>))? \((${NAMES}|)\)${LINE_END}(?![\s<#])`,
  'y',
);

/**
 * Read the declaration that is next, with the comma behind it, into `values` or `initializers`.
 * @returns whether one was read; if not, nothing was consumed.
 */
export function readDeclaration(scanner: Scanner, values: ValueInfo[], initializers: Tensor[]): boolean {
  const { text, pos: start } = scanner;
  DECLARATION.lastIndex = start;
  const match = DECLARATION.exec(text);
  if (match === null) return false;
  const typeText = match[1]!;
  const quoted = match[2];
  const location = match[4];
  const type = typeOf(scanner, typeText, start);
  if (type === undefined) return false;
  const nameStart = start + typeText.length + 1;
  const nameEnd = nameStart + (quoted === undefined ? match[3]!.length : quoted.length + 2);
  const name = scanner.own(quoted ?? match[3]!);
  if (location === undefined) {
    values.push(new ParsedValue(name, type, start, nameStart, nameEnd));
  } else {
    const dims = sizesOf(type);
    if (type.kind !== 'tensor' || dims === undefined) return false;
    const entries = [
      shareEntry(scanner, 0, 'location', scanner.own(location)),
      shareEntry(scanner, 1, 'offset', scanner.own(match[5]!)),
      shareEntry(scanner, 2, 'length', scanner.own(match[6]!)),
    ];
    const end = text.lastIndexOf(']', DECLARATION.lastIndex - 1) + 1;
    const data = { kind: 'external', entries } as const;
    initializers.push(new ParsedTensor(name, type.elementType, dims, data, start, nameStart, nameEnd, end));
  }
  scanner.pos = DECLARATION.lastIndex;
  return true;
}

/** The type of this text at `start`, or `undefined` where it isn't one. */
function typeOf(scanner: Scanner, typeText: string, start: number): Type | undefined {
  const known = scanner.types.get(typeText);
  if (known !== undefined) return known;
  const type = parsedWhole(scanner, start, start + typeText.length + 1, () => {
    const read = parseType(scanner);
    scanner.peek();
    return read;
  });
  if (type !== undefined) scanner.types.set(typeText, type);
  return type;
}

/** What `parse` reads from `start` to `end`, or `undefined` where that has a mistake; the scanner stays where it is. */
function parsedWhole<T>(scanner: Scanner, start: number, end: number, parse: () => T): T | undefined {
  const { pos } = scanner;
  scanner.pos = start;
  try {
    const read = parse();
    return scanner.pos === end ? read : undefined;
  } catch (failure) {
    if (!(failure instanceof SyntaxFailure)) throw failure;
    return undefined;
  } finally {
    scanner.pos = pos;
  }
}

/** The node that is next, or `undefined` where it reads otherwise, and nothing was consumed. */
export function readNode(scanner: Scanner, depth: number, parseGraph: ParseGraph): ParsedNode | undefined {
  const { text, nameStack, pos: start } = scanner;
  NODE.lastIndex = start;
  const match = NODE.exec(text);
  if (match === null) return undefined;
  const next = NODE.lastIndex;
  const name = match[1] ?? match[2];
  const outputText = match[3]!;
  const domain = match[4]!;
  const opType = match[5]!;
  const attributeText = match[6];
  const inputText = match[7]!;
  const nameStart = start + 1;
  const nameEnd = name === undefined ? ABSENT : nameStart + name.length + (match[1] === undefined ? 0 : 2);
  const outputStart = name === undefined ? start : nameEnd + 2;
  const outputEnd = outputStart + outputText.length;
  const domainStart = outputEnd + 3;
  const opStart = domainStart + domain.length;
  const opEnd = opStart + opType.length;
  const attributesStart = opEnd + 1;
  const attributesEnd = attributeText === undefined ? ABSENT : attributesStart + attributeText.length;
  const listStart = attributeText === undefined ? opEnd + 1 : attributesEnd + 1;
  const listEnd = listStart + inputText.length + 2;
  const attributes =
    attributeText === undefined
      ? noAttributes
      : attributesOf(scanner, attributeText, attributesStart, depth, parseGraph);
  if (attributes === undefined) return undefined;
  const outputsFrom = nameStack.length;
  pushNames(scanner, outputStart, outputEnd);
  const inputsFrom = nameStack.length;
  pushNames(scanner, listStart + 1, listEnd - 1);
  scanner.pos = next;
  const parts = {
    name: name === undefined ? '' : scanner.own(name),
    nameStart: name === undefined ? ABSENT : nameStart,
    nameEnd,
    domain: domain === '' ? '' : scanner.own(domain.slice(0, -1)),
    domainStart: domain === '' ? ABSENT : domainStart,
    domainEnd: domain === '' ? ABSENT : opStart - 1,
    opType: scanner.own(opType),
    overload: '',
    opStart,
    opEnd,
    attributes,
    attributesStart: attributeText === undefined ? ABSENT : attributesStart,
    attributesEnd,
    listStart,
    listEnd,
    start,
    end: listEnd,
    reach: next - start,
    isIncomplete: undefined,
  };
  return makeNode(scanner, parts, outputsFrom, inputsFrom);
}

/** The attributes of this text at `start`, or `undefined` where it has a mistake. */
function attributesOf(
  scanner: Scanner,
  attributeText: string,
  start: number,
  depth: number,
  parseGraph: ParseGraph,
): readonly ParsedAttribute[] | undefined {
  const known = scanner.attributes.get(attributeText);
  if (known !== undefined) {
    const copies = known.list.slice();
    for (let i = 0; i < copies.length; i++) copies[i] = copies[i]!.shifted(start - known.start);
    return copies;
  }
  const list = parsedWhole(scanner, start, start + attributeText.length, () =>
    parseAttributes(scanner, depth, parseGraph),
  );
  if (list !== undefined) scanner.attributes.set(attributeText, { list, start });
  return list;
}

/** Push the names from `start` to `end`, which a comma and a space separate. */
function pushNames(scanner: Scanner, start: number, end: number): void {
  const { text, nameStack } = scanner;
  for (let at = start; at < end;) {
    if (text.charCodeAt(at) === Char.Quote) {
      const close = text.indexOf('"', at + 1);
      nameStack.push(scanner.own(text.slice(at + 1, close)), at, close + 1);
      at = close + 3;
    } else {
      let to = at + 1;
      while (to < end && text.charCodeAt(to) !== Char.Comma) to++;
      nameStack.push(scanner.own(text.slice(at, to)), at, to);
      at = to + 2;
    }
  }
}
