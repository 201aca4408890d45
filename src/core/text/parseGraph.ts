import type { Attribute, Graph, Node, NodeSpans, SparseTensor, Tensor, TextSpan, ValueInfo } from '../onnx/model';
import { exact } from '../wire/exact';
import { parseAttribute } from './parseAttribute';
import { atSparse, atType, parseSparseInitializer, parseTensorData, parseType } from './parseTensor';
import { Char, SyntaxFailure, type Scanner } from './scanner';

/** Graphs in graphs are read to this depth. */
const DEEPEST_GRAPH = 100;

/**
 * Does a line start like a node: `[name] out, out = Op`, with `=` and not `=>`? Words are taken whole (`\b`), lest
 * matching try all their partitions.
 */
const NODE_START = /[ \t]*(?:\[[^\]\n]*\][ \t]*)?(?:(?:\$?"(?:[^"\\\n]|\\.)*"|\w+\b|,)[ \t]*)*=(?!>)/y;

/** `name (inputs) => (outputs) <declarations> {nodes}`. Mistakes are reported, and what can be read is kept. */
export function parseGraph(scanner: Scanner, depth: number): Graph {
  scanner.peek();
  const start = scanner.pos;
  if (depth > DEEPEST_GRAPH) {
    throw new SyntaxFailure(`Graphs are nested more than ${DEEPEST_GRAPH} deep.`, { start, end: start + 1 });
  }
  let name = '';
  let nameSpan: TextSpan | undefined;
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  const valueInfos: ValueInfo[] = [];
  const initializers: Tensor[] = [];
  const sparseInitializers: SparseTensor[] = [];
  const nodes: Node[] = [];
  let bodySpan: TextSpan | undefined;
  try {
    name = scanner.name("the graph's name");
    nameSpan = { start, end: scanner.pos };
    if (scanner.peek() === Char.OpenParen) parseValues(scanner, inputs, initializers, Char.CloseParen, 'both');
    expectArrow(scanner);
    parseValues(scanner, outputs, initializers, Char.CloseParen, 'value');
  } catch (failure) {
    scanner.report(failure);
    if (scanner.lastLongString >= start) scanner.pos = scanner.lastLongString + 1;
    seekBody(scanner);
  }
  try {
    if (scanner.peek() === Char.Less)
      parseValues(scanner, valueInfos, initializers, Char.Greater, 'either', sparseInitializers);
    bodySpan = parseNodes(scanner, nodes, depth);
  } catch (failure) {
    scanner.report(failure);
  }
  return {
    name,
    inputs,
    outputs,
    valueInfos,
    initializers,
    ...(sparseInitializers.length > 0 && { sparseInitializers }),
    nodes,
    span: { start, end: scanner.pos },
    nameSpan,
    bodySpan,
  };
}

/** `=>` between inputs and outputs. */
export function expectArrow(scanner: Scanner): void {
  if (scanner.peek() === Char.Equals && scanner.text.charCodeAt(scanner.pos + 1) === Char.Greater) scanner.pos += 2;
  else throw scanner.unexpected("'=>' between inputs and outputs");
}

/** Go to the `<` or `{` that starts a line, where a graph's signature can't be read. */
function seekBody(scanner: Scanner): void {
  const start = /[<{][ \t]*\r?$/gm;
  start.lastIndex = scanner.pos;
  scanner.pos = start.exec(scanner.text)?.index ?? scanner.text.length;
}

/**
 * The values between parentheses or angle brackets, brackets included. With
 * `= data` behind it, a value is an initializer: of an input (`both`), or in
 * place of the value (`either`), where sparse ones go to `sparse`.
 */
export function parseValues(
  scanner: Scanner,
  values: ValueInfo[],
  initializers: Tensor[],
  close: number,
  role: 'value' | 'both' | 'either',
  sparse?: SparseTensor[],
): void {
  const open = close === Char.CloseParen ? Char.OpenParen : Char.Less;
  scanner.expect(open, 'before the values');
  const openAt = scanner.pos - 1;
  if (scanner.matches(close)) return;
  for (;;) {
    scanner.peek();
    const start = scanner.pos;
    try {
      if (sparse !== undefined && atSparse(scanner)) sparse.push(parseSparseInitializer(scanner));
      else parseValue(scanner, values, initializers, role);
      const code = scanner.peek();
      if (code !== Char.Comma && code !== close) {
        const failure = scanner.unexpected(`',' or '${String.fromCharCode(close)}' after a value`);
        if (!scanner.atLineStart() || !(scanner.atName() || code === Char.Question)) throw failure;
        // Only the comma is missing: the next line goes on with the list.
        scanner.report(failure);
        continue;
      }
    } catch (failure) {
      scanner.report(failure);
      scanner.skipElement(start, close);
    }
    if (scanner.matches(close)) return;
    if (!scanner.matches(Char.Comma)) {
      throw new SyntaxFailure(`This '${String.fromCharCode(open)}' isn't closed.`, { start: openAt, end: openAt + 1 });
    }
  }
}

function parseValue(
  scanner: Scanner,
  values: ValueInfo[],
  initializers: Tensor[],
  role: 'value' | 'both' | 'either',
): void {
  scanner.peek();
  const start = scanner.pos;
  const type = atType(scanner) ? parseType(scanner) : undefined;
  const typeSpan = { start, end: scanner.pos };
  scanner.peek();
  const nameStart = scanner.pos;
  const name = scanner.name(type === undefined ? 'a value: a type and a name' : "the value's name");
  const nameSpan = { start: nameStart, end: scanner.pos };
  const isInitializer = role !== 'value' && scanner.peek() === Char.Equals;
  if (role === 'both' || !isInitializer) values.push({ name, type, span: { start, end: nameSpan.end }, nameSpan });
  if (isInitializer) {
    scanner.pos++;
    const span = type === undefined ? nameSpan : typeSpan;
    initializers.push(parseTensorData(scanner, { type, typeSpan: span, name, nameSpan }));
  }
}

/**
 * `{nodes}`, added to `nodes`; returns its span. A node that can't be read is
 * reported and left out, and reading goes on at the next line that starts a node.
 */
export function parseNodes(scanner: Scanner, nodes: Node[], depth: number): TextSpan {
  scanner.expect(Char.OpenBrace, 'before the nodes');
  const start = scanner.pos - 1;
  for (;;) {
    const code = scanner.peek();
    if (code === Char.CloseBrace) {
      const end = ++scanner.pos;
      if (depth > 1 || !startsNode(scanner)) {
        scanner.pos = end;
        return { start, end };
      }
      scanner.report(new SyntaxFailure("This '}' ends the graph, but nodes follow.", { start: end - 1, end }));
      continue;
    }
    if (code < 0 || (code === Char.Less && scanner.atLineStart())) {
      scanner.report(new SyntaxFailure("This '{' isn't closed.", { start, end: start + 1 }));
      return { start, end: scanner.pos };
    }
    const nodeStart = scanner.pos;
    try {
      nodes.push(parseNode(scanner, depth));
    } catch (failure) {
      scanner.report(failure);
      const from = scanner.lastLongString >= nodeStart ? scanner.lastLongString : Math.max(scanner.pos, nodeStart);
      seekNode(scanner, from);
    }
  }
}

/** Whether what follows on this line, or the next that isn't blank, starts like a node. */
function startsNode(scanner: Scanner): boolean {
  if (scanner.peek() < 0) return false;
  NODE_START.lastIndex = scanner.pos;
  return NODE_START.test(scanner.text);
}

/** Go to the next line after `from` that starts a node, or closes the list of nodes. */
function seekNode(scanner: Scanner, from: number): void {
  const { text } = scanner;
  let depth = 0;
  let at = from;
  for (;;) {
    const lineEnd = text.indexOf('\n', at);
    const end = lineEnd < 0 ? text.length : lineEnd;
    for (; at < end; at++) {
      const code = text.charCodeAt(at);
      if (code === Char.OpenBrace) depth++;
      else if (code === Char.CloseBrace) {
        if (depth === 0) {
          scanner.pos = at;
          return;
        }
        depth--;
      }
    }
    if (lineEnd < 0) {
      scanner.pos = text.length;
      return;
    }
    at = lineEnd + 1;
    NODE_START.lastIndex = at;
    if (depth === 0 && NODE_START.test(text)) {
      scanner.pos = at;
      return;
    }
  }
}

/** `[name] outputs = domain.Op:overload <attributes> (inputs) <attributes>`. */
function parseNode(scanner: Scanner, depth: number): Node {
  scanner.peek();
  const start = scanner.pos;
  let name = '';
  let nameSpan: TextSpan | undefined;
  if (scanner.matches(Char.OpenBracket)) {
    if (scanner.atName()) {
      const nameStart = scanner.pos;
      name = scanner.name("the node's name");
      nameSpan = { start: nameStart, end: scanner.pos };
    }
    scanner.expect(Char.CloseBracket, "after the node's name");
  }
  const outputs: string[] = [];
  const outputSpans: TextSpan[] = [];
  parseNames(scanner, outputs, outputSpans);
  if (scanner.peek() === Char.Equals && scanner.text.charCodeAt(scanner.pos + 1) === Char.Greater) {
    throw scanner.unexpected("'=' after the node's outputs");
  }
  scanner.expect(Char.Equals, "after the node's outputs");
  const op = parseOperator(scanner);
  const attributes: Attribute[] = [];
  const attributeSpan = parseAttributes(scanner, attributes, depth);
  const inputs: string[] = [];
  const inputSpans: TextSpan[] = [];
  scanner.expect(Char.OpenParen, `before the inputs of ${op.opType === '' ? 'the node' : op.opType}`);
  const listStart = scanner.pos - 1;
  parseNames(scanner, inputs, inputSpans);
  if (!scanner.matches(Char.CloseParen)) throw scanner.unexpected(`',' or ')' after an input`);
  let end = scanner.pos;
  const spans: { -readonly [Key in keyof NodeSpans]: NodeSpans[Key] } = {
    name: nameSpan,
    domain: op.domainSpan,
    opType: op.span,
    attributes: attributeSpan,
    inputList: { start: listStart, end },
    inputs: exact(inputSpans),
    outputs: exact(outputSpans),
  };
  if (attributeSpan === undefined) {
    spans.attributes = parseAttributes(scanner, attributes, depth);
    end = spans.attributes?.end ?? end;
    scanner.pos = end;
  }
  return {
    name,
    domain: op.domain,
    opType: op.opType,
    overload: op.overload,
    inputs: exact(inputs),
    outputs: exact(outputs),
    attributes: exact(attributes),
    span: { start, end },
    spans,
  };
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
function parseAttributes(scanner: Scanner, attributes: Attribute[], depth: number): TextSpan | undefined {
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
