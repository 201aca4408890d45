import type { Attribute, Graph, Node, NodeSpans, TextSpan } from '../onnx/model';
import { exact } from '../wire/exact';
import { parseAttribute } from './parseAttribute';
import { seekNode, type NodeList } from './recover';
import { Char, SyntaxFailure, type Scanner } from './scanner';

/** Parses a graph that an attribute holds; given from outside, since graphs contain nodes. */
type ParseGraph = (scanner: Scanner, depth: number) => Graph;

/**
 * `[name] outputs = domain.Op:overload <attributes> (inputs) <attributes>`.
 *
 * A mistake is reported, and reading goes on where the next node starts: the
 * result is then what was read of the node (`isIncomplete`), or `undefined`
 * where neither outputs nor an op were.
 */
export function parseNode(scanner: Scanner, list: NodeList, depth: number, parseGraph: ParseGraph): Node | undefined {
  scanner.peek();
  const start = scanner.pos;
  const errorsBefore = scanner.errors.length;
  let name = '';
  let nameSpan: TextSpan | undefined;
  const outputs: string[] = [];
  const outputSpans: TextSpan[] = [];
  let op: Operator | undefined;
  const attributes: Attribute[] = [];
  let attributeSpan: TextSpan | undefined;
  const inputs: string[] = [];
  const inputSpans: TextSpan[] = [];
  let inputList: TextSpan | undefined;
  let end = start;
  let isIncomplete = false;
  try {
    if (scanner.matches(Char.OpenBracket)) {
      if (scanner.atName()) {
        const nameStart = scanner.pos;
        name = scanner.name("the node's name");
        nameSpan = { start: nameStart, end: scanner.pos };
      }
      scanner.expect(Char.CloseBracket, "after the node's name");
    }
    parseNames(scanner, outputs, outputSpans);
    if (scanner.peek() === Char.Equals && scanner.text.charCodeAt(scanner.pos + 1) === Char.Greater) {
      throw scanner.unexpected("'=' after the node's outputs");
    }
    scanner.expect(Char.Equals, "after the node's outputs");
    op = parseOperator(scanner);
    attributeSpan = parseAttributes(scanner, attributes, depth, parseGraph);
    scanner.expect(
      Char.OpenParen,
      op.opType === '' ? 'before the inputs of the node' : `before the inputs of ${op.opType}`,
    );
    const listStart = scanner.pos - 1;
    parseNames(scanner, inputs, inputSpans);
    if (!scanner.matches(Char.CloseParen)) throw scanner.unexpected(`',' or ')' after an input`);
    end = scanner.pos;
    inputList = { start: listStart, end };
    if (attributeSpan === undefined) {
      attributeSpan = parseAttributes(scanner, attributes, depth, parseGraph);
      end = attributeSpan?.end ?? end;
      scanner.pos = end;
    }
  } catch (failure) {
    if (!(failure instanceof SyntaxFailure)) throw failure;
    end = seekNode(scanner, list, start, failure, errorsBefore);
    keepBefore(end, outputs, outputSpans);
    keepBefore(end, inputs, inputSpans);
    op = op && op.span.end <= end ? op : undefined;
    if (op === undefined && outputs.length === 0) return undefined;
    isIncomplete = true;
  }
  const spans: NodeSpans = {
    name: nameSpan,
    domain: op?.domainSpan,
    opType: op?.span ?? { start: end, end },
    attributes: attributeSpan,
    inputList,
    inputs: exact(inputSpans),
    outputs: exact(outputSpans),
  };
  const node = {
    name,
    domain: op?.domain ?? '',
    opType: op?.opType ?? '',
    overload: op?.overload ?? '',
    inputs: exact(inputs),
    outputs: exact(outputs),
    attributes: exact(attributes),
    span: { start, end },
    spans,
  };
  return isIncomplete ? { ...node, isIncomplete } : node;
}

/** Drop the names from `end` on, which belong to what follows. */
function keepBefore(end: number, names: string[], spans: TextSpan[]): void {
  while (spans.length > 0 && spans[spans.length - 1]!.end > end) {
    spans.pop();
    names.pop();
  }
}

/** Names separated by commas. Nothing before a comma is the empty name; a comma at the end counts for nothing. */
function parseNames(scanner: Scanner, names: string[], spans: TextSpan[]): void {
  do {
    if (scanner.atName()) {
      const start = scanner.pos;
      names.push(scanner.name('a name'));
      spans.push({ start, end: scanner.pos });
    } else if (scanner.peek() === Char.Comma) {
      names.push('');
      spans.push({ start: scanner.pos, end: scanner.pos });
    } else {
      return;
    }
  } while (scanner.matches(Char.Comma));
}

interface Operator {
  readonly domain: string;
  readonly domainSpan: TextSpan | undefined;
  readonly opType: string;
  readonly overload: string;
  readonly span: TextSpan;
}

function parseOperator(scanner: Scanner): Operator {
  scanner.peek();
  const start = scanner.pos;
  let domain = '';
  let domainSpan: TextSpan | undefined;
  let opStart = start;
  let opType = scanner.atName() ? scanner.name('an op') : '';
  let opEnd = scanner.pos;
  while (scanner.matches(Char.Dot)) {
    domain = domain === '' ? opType : `${domain}.${opType}`;
    domainSpan = { start, end: opEnd };
    scanner.peek();
    opStart = scanner.pos;
    opType = scanner.name("the op's name");
    opEnd = scanner.pos;
  }
  let overload = '';
  if (scanner.matches(Char.Colon)) overload = scanner.name("the op's overload");
  return { domain, domainSpan, opType, overload, span: { start: opStart, end: opEnd } };
}

/** `<attributes>`, if it is next; returns its span. */
function parseAttributes(
  scanner: Scanner,
  attributes: Attribute[],
  depth: number,
  parseGraph: ParseGraph,
): TextSpan | undefined {
  if (scanner.peek() !== Char.Less) return undefined;
  // A '<' in the first column is a function's header, behind a graph whose '}' is missing.
  if (depth === 1 && scanner.text.charCodeAt(scanner.pos - 1) === Char.Newline) return undefined;
  const start = scanner.pos++;
  if (scanner.matches(Char.Greater)) return { start, end: scanner.pos };
  do attributes.push(parseAttribute(scanner, () => parseGraph(scanner, depth + 1)));
  while (scanner.matches(Char.Comma));
  if (!scanner.matches(Char.Greater)) throw scanner.unexpected(`',' or '>' after an attribute`);
  return { start, end: scanner.pos };
}
