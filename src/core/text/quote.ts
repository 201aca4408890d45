import { dataTypeNamed } from '../onnx/dataTypes';

/** Keywords that start a type, besides the element types. */
const typeKeywords: ReadonlySet<string> = new Set(['seq', 'map', 'optional', 'sparse_tensor', 'opaque']);

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Control characters that an editor may alter, and bytes that aren't UTF-8 (lone surrogates). */
const NEEDS_ESCAPES = /[\0-\x08\x0b-\x1f\x7f\ud800-\udfff]/u;

/** Whether `text` is an identifier of the grammar: `[A-Za-z_][A-Za-z0-9_]*`. */
export function isIdentifier(text: string): boolean {
  return IDENTIFIER.test(text);
}

/** Whether an identifier starts a type where one may stand. */
export function startsType(identifier: string): boolean {
  return dataTypeNamed(identifier) !== undefined || typeKeywords.has(identifier);
}

/** Whether {@link quoteString} has to use the escaped form, which the official grammar lacks. */
export function needsEscapes(text: string): boolean {
  return NEEDS_ESCAPES.test(text);
}

/**
 * `text` as a string literal. The official grammar knows no escapes but
 * backslash-anything for that very character, so text with control characters
 * (other than tab and newline) or bytes that aren't UTF-8 takes a form of ours:
 * `$"…"` with `\n \r \t \\ \" \xHH` (a byte) `\u{H…}` (a code unit).
 */
export function quoteString(text: string): string {
  if (!NEEDS_ESCAPES.test(text)) {
    return /["\\]/.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : `"${text}"`;
  }
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
