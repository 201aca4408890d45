import type { Attribute } from '../onnx/model';
import { exact } from '../wire/exact';
import { parseAttribute, type ParseGraph } from './parseAttribute';
import { ABSENT, type ParsedAttribute, ParsedNode, Part } from './parsedNode';
import { seekNode, type NodeList } from './recover';
import { Char, SyntaxFailure, type Scanner } from './scanner';

export const noAttributes: readonly ParsedAttribute[] = exact([]);

/**
 * `[name] outputs = domain.Op:overload <attributes> (inputs) <attributes>`.
 *
 * A mistake is reported, and reading goes on where the next node starts: the
 * result is then what was read of the node (`isIncomplete`), or `undefined`
 * where neither outputs nor an op were.
 */
export function parseNode(
  scanner: Scanner,
  list: NodeList,
  depth: number,
  parseGraph: ParseGraph,
): ParsedNode | undefined {
  scanner.peek();
  const start = scanner.pos;
  const { nameStack, mistakes } = scanner;
  const errorsBefore = scanner.errors.length;
  const outputsFrom = nameStack.length;
  let outputsTo = -1;
  let inputsFrom = -1;
  let name = '';
  let nameStart = ABSENT;
  let nameEnd = ABSENT;
  let op: Operator | undefined;
  let attributes = noAttributes;
  let attributesStart = ABSENT;
  let attributesEnd = ABSENT;
  let listStart = ABSENT;
  let listEnd = ABSENT;
  let end = start;
  let isIncomplete: true | undefined;
  try {
    if (scanner.matches(Char.OpenBracket)) {
      if (scanner.atName()) {
        nameStart = scanner.pos;
        name = scanner.name("the node's name");
        nameEnd = scanner.pos;
      }
      scanner.expect(Char.CloseBracket, "after the node's name");
    }
    parseNames(scanner);
    outputsTo = nameStack.length;
    if (scanner.peek() === Char.Equals && scanner.text.charCodeAt(scanner.pos + 1) === Char.Greater) {
      throw scanner.unexpected("'=' after the node's outputs");
    }
    scanner.expect(Char.Equals, "after the node's outputs");
    op = parseOperator(scanner);
    if (atAttributes(scanner, depth)) {
      const from = scanner.pos;
      attributes = parseAttributes(scanner, depth, parseGraph);
      attributesStart = from;
      attributesEnd = scanner.pos;
    }
    if (!scanner.matches(Char.OpenParen)) {
      throw scanner.unexpected(
        `'(' ${op.opType === '' ? 'before the inputs of the node' : `before the inputs of ${op.opType}`}`,
      );
    }
    const listAt = scanner.pos - 1;
    inputsFrom = nameStack.length;
    parseNames(scanner);
    if (!scanner.matches(Char.CloseParen)) throw scanner.unexpected(`',' or ')' after an input`);
    listStart = listAt;
    listEnd = end = scanner.pos;
    if (attributesStart === ABSENT && atAttributes(scanner, depth)) {
      const from = scanner.pos;
      attributes = parseAttributes(scanner, depth, parseGraph);
      attributesStart = from;
      attributesEnd = end = scanner.pos;
    }
    scanner.peek();
  } catch (failure) {
    if (!(failure instanceof SyntaxFailure)) throw failure;
    if (outputsTo < 0) outputsTo = nameStack.length;
    end = seekNode(scanner, list, start, failure, errorsBefore);
    while (outputsTo > outputsFrom && nameStack.endOf(outputsTo - 1) > end) outputsTo--;
    while (nameStack.length > Math.max(inputsFrom, outputsTo) && nameStack.endOf(nameStack.length - 1) > end) {
      nameStack.length--;
    }
    // Without its last outputs, a node has no inputs either.
    if (inputsFrom > outputsTo) inputsFrom = nameStack.length = outputsTo;
    op = op && op.end <= end ? op : undefined;
    if (op === undefined && outputsTo === outputsFrom) {
      nameStack.length = outputsFrom;
      return undefined;
    }
    isIncomplete = true;
  }
  if (inputsFrom < 0) inputsFrom = nameStack.length;
  const parts = {
    name,
    nameStart,
    nameEnd,
    domain: op?.domain ?? '',
    domainStart: op?.domainStart ?? ABSENT,
    domainEnd: op?.domainEnd ?? ABSENT,
    opType: op?.opType ?? '',
    overload: op?.overload ?? '',
    opStart: op?.start ?? end,
    opEnd: op?.end ?? end,
    attributes,
    attributesStart,
    attributesEnd,
    listStart,
    listEnd,
    start,
    end,
    reach: scanner.mistakes === mistakes ? scanner.pos - start : 0,
    isIncomplete,
  };
  return makeNode(scanner, parts, outputsFrom, inputsFrom);
}

/** What was read of a node, and where: the places of what it doesn't have are {@link ABSENT}. */
export interface NodeParts {
  readonly name: string;
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly domain: string;
  readonly domainStart: number;
  readonly domainEnd: number;
  readonly opType: string;
  readonly overload: string;
  readonly opStart: number;
  readonly opEnd: number;
  readonly attributes: readonly Attribute[];
  readonly attributesStart: number;
  readonly attributesEnd: number;
  readonly listStart: number;
  readonly listEnd: number;
  readonly start: number;
  readonly end: number;
  readonly reach: number;
  readonly isIncomplete: true | undefined;
}

/** The node of these parts, whose outputs and then inputs are taken off the stack of names. */
export function makeNode(scanner: Scanner, parts: NodeParts, outputsFrom: number, inputsFrom: number): ParsedNode {
  const { nameStack } = scanner;
  const { start, end } = parts;
  const outputCount = inputsFrom - outputsFrom;
  const inputCount = nameStack.length - inputsFrom;
  const at = scanner.places.reserve(Part.Names + 2 * (outputCount + inputCount));
  const places = scanner.places.array;
  put(places, at + Part.Name, start, parts.nameStart, parts.nameEnd);
  put(places, at + Part.Domain, start, parts.domainStart, parts.domainEnd);
  put(places, at + Part.OpType, start, parts.opStart, parts.opEnd);
  put(places, at + Part.Attributes, start, parts.attributesStart, parts.attributesEnd);
  put(places, at + Part.InputList, start, parts.listStart, parts.listEnd);
  nameStack.copyPlaces(outputsFrom, outputCount, start, places, at + Part.Names);
  nameStack.copyPlaces(inputsFrom, inputCount, start, places, at + Part.Names + 2 * outputCount);
  const { name, domain, opType, overload, attributes, reach, isIncomplete } = parts;
  const inputs = nameStack.take(inputsFrom);
  const outputs = nameStack.take(outputsFrom);
  const length = end - start;
  return new ParsedNode(
    name,
    domain,
    opType,
    overload,
    inputs,
    outputs,
    attributes,
    start,
    length,
    reach,
    places,
    at,
    isIncomplete,
  );
}

/** Write a span, or that there is none, relative to the node's start. */
function put(places: Int32Array, at: number, origin: number, from: number, to: number): void {
  places[at] = from === ABSENT ? ABSENT : from - origin;
  places[at + 1] = to - origin;
}

/** Names separated by commas. Nothing before a comma is the empty name; a comma at the end counts for nothing. */
function parseNames(scanner: Scanner): void {
  const { nameStack } = scanner;
  do {
    const code = scanner.peek();
    const start = scanner.pos;
    if (code === Char.Quote || code === Char.Dollar) {
      nameStack.push(scanner.string('a name'), start, scanner.pos);
    } else if (scanner.isIdentifierStart(code)) {
      nameStack.push(scanner.identifier(), start, scanner.pos);
    } else if (code === Char.Comma) {
      nameStack.push('', start, start);
    } else {
      return;
    }
  } while (scanner.matches(Char.Comma));
}

interface Operator {
  readonly domain: string;
  readonly domainStart: number;
  readonly domainEnd: number;
  readonly opType: string;
  readonly overload: string;
  readonly start: number;
  readonly end: number;
}

function parseOperator(scanner: Scanner): Operator {
  scanner.peek();
  const first = scanner.pos;
  let domain = '';
  let domainStart = ABSENT;
  let domainEnd = ABSENT;
  let start = first;
  let opType = scanner.atName() ? scanner.name('an op') : '';
  let end = scanner.pos;
  while (scanner.matches(Char.Dot)) {
    domain = domain === '' ? opType : `${domain}.${opType}`;
    domainStart = first;
    domainEnd = end;
    scanner.peek();
    start = scanner.pos;
    opType = scanner.name("the op's name");
    end = scanner.pos;
  }
  let overload = '';
  if (scanner.matches(Char.Colon)) overload = scanner.name("the op's overload");
  return { domain, domainStart, domainEnd, opType, overload, start, end };
}

/** Whether `<attributes>` is next. */
function atAttributes(scanner: Scanner, depth: number): boolean {
  if (scanner.peek() !== Char.Less) return false;
  // A '<' in the first column is a function's header, behind a graph whose '}' is missing.
  return depth !== 1 || scanner.text.charCodeAt(scanner.pos - 1) !== Char.Newline;
}

/** `<attributes>`. */
export function parseAttributes(scanner: Scanner, depth: number, parseGraph: ParseGraph): readonly ParsedAttribute[] {
  scanner.pos++;
  if (scanner.matches(Char.Greater)) return noAttributes;
  const attributes: ParsedAttribute[] = [];
  do attributes.push(parseAttribute(scanner, depth + 1, parseGraph));
  while (scanner.matches(Char.Comma));
  if (!scanner.matches(Char.Greater)) throw scanner.unexpected(`',' or '>' after an attribute`);
  return exact(attributes);
}
