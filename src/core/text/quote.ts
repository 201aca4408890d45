import { dataTypeNamed } from '../onnx/dataTypes';

/** Keywords that start a type, besides the element types. */
const typeKeywords: ReadonlySet<string> = new Set(['seq', 'map', 'optional', 'sparse_tensor', 'opaque']);

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
/**
 * What no string of the official grammar can have: NUL, which ends that parser's text; CR, which editors alter; ESC,
 * which terminals obey; lone surrogates, which stand for bytes that aren't UTF-8.
 */
const ESCAPED = /[\0\r\x1b\ud800-\udfff]/u;
/** What doesn't stand for itself between quotes. */
const SPECIAL = /["\\\0\r\x1b\ud800-\udfff]/u;

/** Whether `text` is an identifier of the grammar: `[A-Za-z_][A-Za-z0-9_]*`. */
export function isIdentifier(text: string): boolean {
  return IDENTIFIER.test(text);
}

/** Whether an identifier starts a type where one may stand. */
export function startsType(identifier: string): boolean {
  return dataTypeNamed(identifier) !== undefined || typeKeywords.has(identifier);
}

/** Whether a name stands as it is between quotes. */
export function needsQuotesOnly(name: string): boolean {
  return !SPECIAL.test(name) && !IDENTIFIER.test(name);
}

/** Whether {@link quoteString} has to use the escaped form, which the official grammar lacks. */
export function needsEscapes(text: string): boolean {
  return ESCAPED.test(text);
}

/**
 * `text` as a string literal. The official grammar knows no escapes but
 * backslash-anything for that very character, so text with NUL, CR or ESC, or
 * with bytes that aren't UTF-8, takes a form of ours:
 * `$"…"` with `\n \r \t \\ \" \xHH` (a byte) `\u{H…}` (a character).
 */
export function quoteString(text: string): string {
  if (!SPECIAL.test(text)) return `"${text}"`;
  if (!ESCAPED.test(text)) return `"${text.replace(/["\\]/g, '\\$&')}"`;
  return `$"${text.replace(/[\0-\x1f\x7f"\\]|[\ud800-\udfff]/gu, escape)}"`;
}

function escape(character: string): string {
  const code = character.charCodeAt(0);
  if (character === '"' || character === '\\') return `\\${character}`;
  if (code === 10) return '\\n';
  if (code === 13) return '\\r';
  if (code === 9) return '\\t';
  if (code < 0x80) return `\\x${hex(code)}`;
  return code >= 0xdc80 && code <= 0xdcff ? `\\x${hex(code & 0xff)}` : `\\u{${hex(code)}}`;
}

function hex(code: number): string {
  return code.toString(16).padStart(2, '0');
}

/** `name` as it stands in the text: bare where it is an identifier and not the name of a type, else quoted. */
export function quoteIdentifier(name: string): string {
  return IDENTIFIER.test(name) && !startsType(name) ? name : quoteString(name);
}
