/**
 * Where reading goes on behind a mistake. Lines and their indentation decide
 * only here, where the grammar has failed already.
 */
import type { Node } from '../onnx/model';
import { Char, SyntaxFailure, type Scanner } from './scanner';

/**
 * Does a line start like a node: `[name] out, out = Op`, with `=` and not `=>`? Words are taken whole (`\b`), lest
 * matching try all their partitions.
 */
const NODE_START = /[ \t]*(?:\[[^\]\n]*\][ \t]*)?(?:(?:\$?"(?:[^"\\\n]|\\.)*"|\w+\b|,)[ \t]*)*=(?!>)/y;

/** Whether what follows on this line, or the next that isn't blank, starts like a node. */
export function startsNode(scanner: Scanner): boolean {
  if (scanner.peek() < 0) return false;
  NODE_START.lastIndex = scanner.pos;
  return NODE_START.test(scanner.text);
}

/** A list of nodes that is being read. */
export interface NodeList {
  /** Where its opening brace stands. */
  readonly start: number;
  readonly nodes: readonly Node[];
}

/**
 * Report the failure of the node of `list` that starts at `start`, and go to
 * the next line that starts a node, or to the brace that closes the list.
 * Returns where the text of the failed node ends.
 */
export function seekNode(
  scanner: Scanner,
  list: NodeList,
  start: number,
  failure: SyntaxFailure,
  errorsBefore: number,
): number {
  const { text } = scanner;
  const failedAt = Math.max(scanner.lastLongString >= start ? scanner.lastLongString : scanner.pos, start);
  const first = failedFrom(text, list, start);
  const own = indentOf(text, first);
  const resume =
    own < 0
      ? nextInline(text, failedAt)
      : nextLine(text, first, start, failedAt, Math.max(own, listIndent(text, list)));
  return giveUp(scanner, start, resume, failure, errorsBefore);
}

/**
 * Report the failure of an element of a list that starts at `start`, and go to
 * the next element on a line of its own, to the comma or bracket that ends the
 * element on its line, or to the end of the line. Returns what is there: an
 * element, what may stand behind one, or what is no part of the list.
 */
export function seekElement(
  scanner: Scanner,
  start: number,
  close: number,
  failure: SyntaxFailure,
  errorsBefore: number,
): 'element' | 'delimiter' | 'end' {
  const { text } = scanner;
  const indent = indentOf(text, start);
  if (indent < 0) {
    const newline = text.indexOf('\n', start);
    const lineEnd = newline < 0 ? text.length : newline;
    scanner.report(scanner.lastLongString >= start ? unclosedString(text, scanner.lastLongString) : failure);
    scanner.skipElement(start, close, lineEnd);
    scanner.skip({ start, end: scanner.pos });
    return scanner.pos < lineEnd ? 'delimiter' : 'end';
  }
  for (let at = start; ;) {
    const lineEnd = text.indexOf('\n', at);
    at = lineEnd < 0 ? text.length : lineEnd + 1;
    let first = at;
    while (isBlank(text.charCodeAt(first))) first++;
    if (first - at < indent) {
      // What ends the list may have something that doesn't belong there in front of it.
      const closeAt = text.indexOf(String.fromCharCode(close), first);
      if (closeAt >= 0 && closeAt - first < 4) first = closeAt;
    }
    const code = text.charCodeAt(first);
    if (first < text.length && (first - at > indent || isSpace(code))) continue;
    giveUp(scanner, start, first, failure, errorsBefore);
    if (code === close) return 'delimiter';
    return first < text.length && first - at === indent ? 'element' : 'end';
  }
}

/**
 * Report the failure of what starts at `start`, and go on at `resume`. Where
 * that lies before the failure (a bracket or a quote isn't closed), the mistake
 * is put at the end of what failed, and what was reported behind it is
 * forgotten, since reading goes over it again. Returns that end.
 */
function giveUp(scanner: Scanner, start: number, resume: number, failure: SyntaxFailure, errorsBefore: number): number {
  const { text, errors } = scanner;
  const end = endOfText(text, start, resume);
  const kept = errors.slice(errorsBefore).filter(({ span }) => span.start < end);
  errors.length = errorsBefore;
  errors.push(...kept);
  const quote = scanner.lastLongString;
  if (quote >= start && quote < end && scanner.pos > resume) scanner.report(unclosedString(text, quote));
  else if (failure.span.start < resume) scanner.report(failure);
  else scanner.report(endingAt(failure, Math.max(start, end - 1), end));
  scanner.skip({ start, end });
  scanner.pos = resume;
  return end;
}

/**
 * Where the node starts that what failed at `start` belongs to: nodes before it
 * on its line, or indented deeper than the list is, weren't meant as nodes.
 */
export function failedFrom(text: string, list: NodeList, start: number): number {
  const { nodes } = list;
  const indent = listIndent(text, list);
  let first = start;
  for (let i = nodes.length - 1; i >= 0; i--) {
    const span = nodes[i]!.span!;
    if (!isSameLine(text, span.end, first) && (i === 0 || indentOf(text, first) <= indent)) break;
    first = span.start;
  }
  return first;
}

function isSameLine(text: string, start: number, end: number): boolean {
  const newline = text.indexOf('\n', start);
  return newline < 0 || newline >= end;
}

/** A failure noticed behind `end`, where what was found is no part of the matter. */
function endingAt({ message }: SyntaxFailure, start: number, end: number): SyntaxFailure {
  return new SyntaxFailure(message.replace(/, found [^]*$/, '.'), { start, end });
}

/** The failure of a string that runs into the next lines. */
export function unclosedString(text: string, start: number): SyntaxFailure {
  const lineEnd = text.indexOf('\n', start);
  return new SyntaxFailure('This string has no closing quote.', { start, end: lineEnd < 0 ? text.length : lineEnd });
}

/** Where the text between two offsets ends, white space aside. */
function endOfText(text: string, start: number, end: number): number {
  let at = end;
  while (at > start && isSpace(text.charCodeAt(at - 1))) at--;
  return at;
}

const isBlank = (code: number): boolean => code === 32 || code === 9;
const isSpace = (code: number): boolean => code === 32 || (code >= 9 && code <= 13);

/** Width of the white space in front of `at`, or -1 where `at` isn't the first character of its line. */
function indentOf(text: string, at: number): number {
  let lineStart = at;
  while (lineStart > 0 && isBlank(text.charCodeAt(lineStart - 1))) lineStart--;
  return lineStart === 0 || text.charCodeAt(lineStart - 1) === Char.Newline ? at - lineStart : -1;
}

/** How deep the nodes of a list are indented: as its first one, or one step deeper than its brace. */
function listIndent(text: string, { start, nodes }: NodeList): number {
  const first = nodes[0]?.span;
  return first ? indentOf(text, first.start) : indentOf(text, start) + 2;
}

/**
 * The first line behind `after` that isn't indented deeper than `indent` and
 * starts a node or a function's header, or the brace that closes the list. Braces are
 * counted from `start`.
 */
function nextLine(text: string, start: number, after: number, failedAt: number, indent: number): number {
  let depth = 0;
  let at = start;
  for (;;) {
    const lineEnd = text.indexOf('\n', at);
    if (lineEnd < 0) return text.length;
    depth += bracesIn(text, at, lineEnd);
    at = lineEnd + 1;
    let first = at;
    while (isBlank(text.charCodeAt(first))) first++;
    if (first - at > indent || at <= after) continue;
    const code = text.charCodeAt(first);
    if (code === Char.CloseBrace) {
      if (first - at < indent || (depth <= 0 && first >= failedAt)) return first;
    } else if (code === Char.Less && first === at) {
      return first;
    } else {
      NODE_START.lastIndex = at;
      if (NODE_START.test(text)) return at;
    }
  }
}

/** Opening braces less closing ones. */
function bracesIn(text: string, start: number, end: number): number {
  let depth = 0;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === Char.OpenBrace) depth++;
    else if (code === Char.CloseBrace) depth--;
  }
  return depth;
}

/** Behind a node that doesn't stand on a line of its own: the next line that starts a node, or the closing brace. */
function nextInline(text: string, failedAt: number): number {
  let depth = 0;
  let at = failedAt;
  for (;;) {
    const lineEnd = text.indexOf('\n', at);
    const end = lineEnd < 0 ? text.length : lineEnd;
    for (; at < end; at++) {
      const code = text.charCodeAt(at);
      if (code === Char.OpenBrace) depth++;
      else if (code === Char.CloseBrace && depth-- === 0) return at;
    }
    if (lineEnd < 0) return text.length;
    at = lineEnd + 1;
    NODE_START.lastIndex = at;
    if (depth === 0 && NODE_START.test(text)) return at;
  }
}

/** Go to the `<` or `{` that ends a line, where a signature can't be read, or to where the next function starts. */
export function seekBody(scanner: Scanner): void {
  const start = /[<{][ \t]*\r?$/gm;
  start.lastIndex = scanner.pos;
  scanner.pos = start.exec(scanner.text)?.index ?? scanner.text.length;
}

const HEADER = /<\s*(?:(?:domain|overload|doc_string)\s*:\s*\$?"|opset_import\s*:\s*\[)/y;

/** Whether a function's header is next. */
export function atFunctionHeader(scanner: Scanner): boolean {
  HEADER.lastIndex = scanner.pos;
  return HEADER.test(scanner.text);
}

/** Go to the next function's header behind `from`. */
export function seekFunction(scanner: Scanner, from: number): void {
  const header = /^<\s*(?:domain|overload|opset_import|doc_string)\s*:/gm;
  header.lastIndex = from;
  scanner.pos = header.exec(scanner.text)?.index ?? scanner.text.length;
}
