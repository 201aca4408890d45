/**
 * Reads lines as `printModel` writes them, each by one regular expression.
 * That is native code from the start, while code that reads token by token is
 * slow until it has been compiled, which is when a first model has been read.
 * Whatever reads otherwise, mistakes included, is left to the parsers of the
 * grammar.
 */
import { dataTypeNamed } from '../onnx/dataTypes';
import type { Attribute, Tensor, Type, ValueInfo } from '../onnx/model';
import { noAttributes, parseAttributes, put } from './parseNode';
import type { ParseGraph } from './parseAttribute';
import { ABSENT, attributesAt, ParsedNode, Part } from './parsedNode';
import { ParsedTensor, ParsedValue } from './parsedValue';
import { shareEntry, sizesOf } from './parseTensor';
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
  const type = scanner.types.get(typeText) ?? scalarType(scanner, typeText);
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
    const end = text.lastIndexOf(']', DECLARATION.lastIndex) + 1;
    const data = { kind: 'external', entries } as const;
    initializers.push(new ParsedTensor(name, type.elementType, dims, data, start, nameStart, nameEnd, end));
  }
  scanner.pos = DECLARATION.lastIndex;
  return true;
}

/** The type that is the name of an element type alone. */
function scalarType(scanner: Scanner, name: string): Type | undefined {
  const element = dataTypeNamed(name);
  if (element === undefined) return undefined;
  const type: Type = { kind: 'tensor', elementType: element.number, shape: [] };
  scanner.types.set(name, type);
  return type;
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
  const nameStart = name === undefined ? ABSENT : start + 1;
  const nameEnd = name === undefined ? ABSENT : nameStart + name.length + (match[1] === undefined ? 0 : 2);
  const outputStart = name === undefined ? start : nameEnd + 2;
  const domainStart = outputStart + outputText.length + 3;
  const opStart = domainStart + domain.length;
  const opEnd = opStart + opType.length;
  let attributes = noAttributes;
  let listStart = opEnd + 1;
  if (attributeText !== undefined) {
    const known = attributesOf(scanner, attributeText, opEnd + 1, depth, parseGraph);
    if (known === undefined) {
      scanner.pos = start;
      return undefined;
    }
    attributes = known;
    listStart += attributeText.length + 1;
  }
  const listEnd = listStart + inputText.length + 2;
  const base = nameStack.length;
  pushNames(scanner, outputStart, outputStart + outputText.length);
  const inputsFrom = nameStack.length;
  pushNames(scanner, listStart + 1, listEnd - 1);
  const outputCount = inputsFrom - base;
  const inputCount = nameStack.length - inputsFrom;
  const at = scanner.places.reserve(Part.Names + 2 * (outputCount + inputCount));
  const places = scanner.places.array;
  const isPlain = domain === '';
  put(places, at + Part.Name, start, nameStart, nameEnd);
  put(places, at + Part.Domain, start, isPlain ? ABSENT : domainStart, isPlain ? ABSENT : opStart - 1);
  put(places, at + Part.OpType, start, opStart, opEnd);
  put(
    places,
    at + Part.Attributes,
    start,
    attributeText === undefined ? ABSENT : opEnd + 1,
    attributeText === undefined ? ABSENT : listStart - 1,
  );
  put(places, at + Part.InputList, start, listStart, listEnd);
  nameStack.copyPlaces(base, outputCount, start, places, at + Part.Names);
  nameStack.copyPlaces(inputsFrom, inputCount, start, places, at + Part.Names + 2 * outputCount);
  const inputs = nameStack.from(inputsFrom);
  nameStack.length = inputsFrom;
  const outputs = nameStack.from(base);
  nameStack.length = base;
  scanner.pos = next;
  return new ParsedNode(
    name === undefined ? '' : scanner.own(name),
    isPlain ? '' : scanner.own(domain.slice(0, -1)),
    scanner.own(opType),
    '',
    inputs,
    outputs,
    attributes,
    start,
    listEnd - start,
    next - start,
    places,
    at,
    undefined,
  );
}

function attributesOf(
  scanner: Scanner,
  attributeText: string,
  start: number,
  depth: number,
  parseGraph: ParseGraph,
): readonly Attribute[] | undefined {
  const known = scanner.attributes.get(attributeText);
  if (known !== undefined) return attributesAt(known.list, start - known.start);
  scanner.pos = start;
  try {
    const list = parseAttributes(scanner, depth, parseGraph);
    if (scanner.pos !== start + attributeText.length) return undefined;
    scanner.attributes.set(attributeText, { list, start });
    return list;
  } catch (failure) {
    if (!(failure instanceof SyntaxFailure)) throw failure;
    return undefined;
  }
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
