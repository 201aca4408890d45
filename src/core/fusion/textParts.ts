import type { TextSpan } from '../onnx/model';
import type { TextEdit } from '../text/edit';

const isSpace = (char: string | undefined): boolean => char === ' ' || char === '\t' || char === '\r' || char === '\n';
const isBlank = (char: string | undefined): boolean => char === ' ' || char === '\t' || char === '\r';

/**
 * Removes a statement with the whole lines it is on, or, where it shares a
 * line, with the white space after it.
 */
export function removeStatement(text: string, span: TextSpan): TextEdit {
  let start = span.start;
  while (start > 0 && isBlank(text[start - 1])) start--;
  let end = span.end;
  while (end < text.length && isBlank(text[end])) end++;
  const ownsStart = start === 0 || text[start - 1] === '\n';
  if (ownsStart && end < text.length && text[end] === '\n') return { span: { start, end: end + 1 }, newText: '' };
  return { span: { start: span.start, end: text[end] === '\n' ? span.end : end }, newText: '' };
}

/**
 * Removes entries of a comma-separated `<…>` list, commas included, and the
 * list itself when nothing is left.
 * @param entries spans of all entries.
 */
export function removeEntries(text: string, entries: readonly TextSpan[], removed: ReadonlySet<TextSpan>): TextEdit[] {
  const ordered = [...entries].sort((a, b) => a.start - b.start);
  const lastKept = ordered.findLastIndex((entry) => !removed.has(entry));
  if (lastKept < 0) return ordered.length === 0 ? [] : [removeList(text, ordered[0]!.start, ordered.at(-1)!.end)];
  const edits: TextEdit[] = [];
  for (let index = 0; index < lastKept; index++) {
    const entry = ordered[index]!;
    if (removed.has(entry)) {
      edits.push({ span: { start: entry.start, end: ordered[index + 1]!.start }, newText: '' });
    }
  }
  if (lastKept < ordered.length - 1) {
    edits.push({ span: { start: ordered[lastKept]!.end, end: ordered.at(-1)!.end }, newText: '' });
  }
  return edits;
}

/** Removes the `<…>` around `[start, end)`; only its content where the brackets aren't next to it. */
function removeList(text: string, start: number, end: number): TextEdit {
  let open = start - 1;
  while (open >= 0 && isSpace(text[open])) open--;
  let close = end;
  while (close < text.length && isSpace(text[close])) close++;
  if (text[open] !== '<' || text[close] !== '>') return { span: { start, end }, newText: '' };
  return removeStatement(text, { start: open, end: close + 1 });
}

/** After the `)` of the outputs of the graph or function that starts at `start`. */
export function endOfSignature(text: string, start: number): number {
  let depth = 0;
  let afterArrow = false;
  for (let at = start; at < text.length; at++) {
    const char = text[at];
    if (char === '"') at = endOfString(text, at) - 1;
    else if (char === '#') at = endOfLine(text, at);
    else if (char === '(') depth++;
    else if (char === ')' && --depth === 0 && afterArrow) return at + 1;
    else if (char === '=' && text[at + 1] === '>') afterArrow = true;
  }
  return text.length;
}

/**
 * The place of a header entry's value: `8` of `ir_version: 8`, `[…]` of
 * `opset_import: […]`.
 * @param header from its `<` to its `>` at least.
 */
export function headerValue(text: string, header: TextSpan, key: string): TextSpan | undefined {
  let depth = 0;
  let at = header.start + 1;
  let word: string | undefined;
  while (at < header.end) {
    const char = text[at]!;
    if (char === '#') {
      at = endOfLine(text, at);
    } else if (char === '"') {
      at = endOfString(text, at);
    } else if (char === '[' || char === ']') {
      depth += char === '[' ? 1 : -1;
      at++;
    } else if (depth === 0 && /[A-Za-z_]/.test(char)) {
      word = /^\w+/.exec(text.slice(at, header.end))![0];
      at += word.length;
    } else if (depth === 0 && char === ':' && word === key) {
      at++;
      while (isSpace(text[at])) at++;
      return { start: at, end: endOfValue(text, at, header.end) };
    } else if (depth === 0 && char === '>') {
      return undefined;
    } else {
      at++;
    }
  }
  return undefined;
}

/** The newline that ends a comment. */
function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

/** After the closing quote of the string that starts at `at`. */
function endOfString(text: string, at: number): number {
  let end = at + 1;
  while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
  return end + 1;
}

function endOfValue(text: string, start: number, limit: number): number {
  if (text[start] !== '[') {
    let end = start;
    while (end < limit && /[-\w.]/.test(text[end]!)) end++;
    return end;
  }
  let at = start;
  while (at < limit && text[at] !== ']') {
    if (text[at] === '"') at = endOfString(text, at);
    else if (text[at] === '#') at = endOfLine(text, at);
    else at++;
  }
  return at + 1;
}
