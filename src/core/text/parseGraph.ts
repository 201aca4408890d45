import type { Graph, SparseTensor, Tensor, TextSpan, ValueInfo } from '../onnx/model';
import { parseNode } from './parseNode';
import type { ParsedNode } from './parsedNode';
import { atSparse, parseSparseInitializer, parseTensorData, parseTypeIfNext } from './parseTensor';
import { atFunctionHeader, failedFrom, seekBody, seekElement, startsNode, unclosedString } from './recover';
import { ParsedTensor, ParsedValue } from './parsedValue';
import { readDeclaration, readNode } from './printedLines';
import { Char, SyntaxFailure, type Scanner } from './scanner';

/** Graphs in graphs are read to this depth. */
const DEEPEST_GRAPH = 100;

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
  const nodes: ParsedNode[] = [];
  let bodySpan: TextSpan | undefined;
  const errorsBefore = scanner.errors.length;
  try {
    name = scanner.name("the graph's name");
    nameSpan = { start, end: scanner.pos };
    if (scanner.peek() === Char.OpenParen) parseValues(scanner, inputs, initializers, Char.CloseParen, 'both');
    expectArrow(scanner);
    parseValues(scanner, outputs, initializers, Char.CloseParen, 'value');
  } catch (failure) {
    if (depth > 1) throw failure;
    skipSignature(scanner, start, failure, errorsBefore);
  }
  // Where the declarations or the nodes aren't found, what stands before them is skipped; at most this many times.
  for (let attempts = 3; attempts > 0 && bodySpan === undefined; attempts--) {
    try {
      if (scanner.peek() === Char.Less) {
        parseValues(scanner, valueInfos, initializers, Char.Greater, 'either', sparseInitializers);
      }
      if (depth === 1 && scanner.mistakes === 0 && scanner.peek() === Char.OpenBrace) scanner.isHeadWhole = true;
      bodySpan = parseNodes(scanner, nodes, depth);
    } catch (failure) {
      if (depth > 1) throw failure;
      skipSignature(scanner, start, failure, errorsBefore);
    }
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

/** Report what can't be read of a graph's or function's signature, and go to its declarations or nodes. */
export function skipSignature(scanner: Scanner, start: number, failure: unknown, errorsBefore: number): void {
  if (!(failure instanceof SyntaxFailure)) throw failure;
  const quote = scanner.lastLongString;
  const failedAt = quote >= start ? quote + 1 : scanner.pos;
  // What failed in the signature before mostly is the cause.
  if (scanner.errors.length === errorsBefore) {
    scanner.report(quote >= start ? unclosedString(scanner.text, quote) : failure);
  }
  scanner.pos = failedAt;
  seekBody(scanner);
  scanner.skip({ start: Math.min(start, scanner.pos), end: scanner.pos });
}

/** `=>` between inputs and outputs. */
export function expectArrow(scanner: Scanner): void {
  if (scanner.peek() === Char.Equals && scanner.text.charCodeAt(scanner.pos + 1) === Char.Greater) scanner.pos += 2;
  else throw scanner.unexpected("'=>' between inputs and outputs");
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
    if (role === 'either' && readDeclaration(scanner, values, initializers)) continue;
    const start = scanner.pos;
    const errorsBefore = scanner.errors.length;
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
      if (!(failure instanceof SyntaxFailure)) throw failure;
      const next = seekElement(scanner, start, close, failure, errorsBefore);
      if (next === 'end') return;
      if (next === 'element') continue;
    }
    if (scanner.matches(close)) {
      const end = scanner.pos;
      if (scanner.peek() !== Char.Comma) return;
      scanner.report(
        new SyntaxFailure(`This '${String.fromCharCode(close)}' ends the list, but it goes on.`, {
          start: end - 1,
          end,
        }),
      );
    }
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
  const type = parseTypeIfNext(scanner);
  const typeSpan = { start, end: scanner.pos };
  scanner.peek();
  const nameStart = scanner.pos;
  const name = scanner.name(type === undefined ? 'a value: a type and a name' : "the value's name");
  const nameSpan = { start: nameStart, end: scanner.pos };
  const isInitializer = role !== 'value' && scanner.peek() === Char.Equals;
  if (role === 'both' || !isInitializer) values.push(new ParsedValue(name, type, start, nameStart, nameSpan.end));
  if (isInitializer) {
    scanner.pos++;
    const span = type === undefined ? nameSpan : typeSpan;
    const { dataType, dims, data } = parseTensorData(scanner, { type, typeSpan: span, name, nameSpan });
    initializers.push(new ParsedTensor(name, dataType, dims, data, span.start, nameStart, nameSpan.end, scanner.pos));
  }
}

/**
 * `{nodes}`, added to `nodes`; returns its span. Of a node with a mistake, what
 * can be read is kept.
 */
export function parseNodes(scanner: Scanner, nodes: ParsedNode[], depth: number): TextSpan {
  const braceless = scanner.peek() === Char.OpenBrace ? undefined : scanner.unexpected("'{' before the nodes");
  if (braceless !== undefined) {
    if (depth > 1 || !scanner.atLineStart() || !startsNode(scanner)) throw braceless;
    // Only the brace is missing: the nodes follow.
    scanner.report(braceless);
  } else {
    scanner.pos++;
  }
  const start = scanner.pos - (braceless === undefined ? 1 : 0);
  while (scanner.peek() === Char.OpenBrace) {
    const at = scanner.pos++;
    scanner.report(new SyntaxFailure("This '{' is one too many.", { start: at, end: at + 1 }));
  }
  const list = { start, nodes };
  const earlier = depth === 1 ? scanner.known : undefined;
  for (;;) {
    const code = scanner.peek();
    const nodeStart = scanner.pos;
    const known = earlier === undefined ? scanner.pos : earlier.take(scanner.pos, nodes);
    if (known > scanner.pos) {
      scanner.pos = known;
      continue;
    }
    if (code === Char.CloseBrace) {
      const end = ++scanner.pos;
      if (depth > 1 || !isStray(scanner)) {
        scanner.pos = end;
        return { start, end };
      }
      scanner.report(new SyntaxFailure("This '}' ends the graph, but nodes follow.", { start: end - 1, end }));
      continue;
    }
    if (code < 0 || (code === Char.Less && scanner.atLineStart() && atFunctionHeader(scanner))) {
      scanner.report(new SyntaxFailure("This '{' isn't closed.", { start, end: start + 1 }));
      return { start, end: scanner.pos };
    }
    const printed = readNode(scanner, depth, parseGraph);
    if (printed !== undefined) {
      nodes.push(printed);
      continue;
    }
    const mistakes = scanner.skipped.length;
    const node = parseNode(scanner, list, depth, parseGraph);
    const first = scanner.skipped.length > mistakes ? failedFrom(scanner.text, list, nodeStart) : nodeStart;
    if (first === nodeStart) {
      if (node !== undefined) nodes.push(node);
      continue;
    }
    while (nodes.at(-1)!.start > first) nodes.pop();
    const failed = nodes.pop()!;
    scanner.skip({ start: first, end: nodeStart });
    nodes.push(failed.incomplete());
  }
}

/** Whether the `}` just read doesn't end the graph: a node follows, or what is no function follows on its line. */
function isStray(scanner: Scanner): boolean {
  const code = scanner.peek();
  if (code < 0) return false;
  if (startsNode(scanner)) return true;
  const isFunction = code === Char.Less ? atFunctionHeader(scanner) : scanner.atName();
  return !isFunction && !scanner.atLineStart();
}
