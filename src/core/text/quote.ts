import { dataTypeNamed } from '../onnx/dataTypes';

/** Keywords that start a type, besides the element types. */
const typeKeywords: ReadonlySet<string> = new Set(['seq', 'map', 'optional', 'sparse_tensor', 'opaque']);

/** How a string can be written: as an identifier, in quotes, in quotes with backslashes, or with escapes. */
const Form = { Identifier: 0, Plain: 1, Backslashes: 2, Escapes: 3 } as const;

/** Classes of characters: a form that they need at least; digits are no start of an identifier. */
const forms = new Uint8Array(128).fill(Form.Plain);
for (let code = 0; code < 128; code++) {
  const character = String.fromCharCode(code);
  if (/[A-Za-z0-9_]/.test(character)) forms[code] = Form.Identifier;
  else if (/["\\]/.test(character)) forms[code] = Form.Backslashes;
  // NUL, which ends the official parser's text; CR, which editors alter; ESC, which terminals obey.
  else if (/[\0\r\x1b]/.test(character)) forms[code] = Form.Escapes;
}

function formOf(text: string): number {
  const first = text.charCodeAt(0);
  let form: number = Number.isNaN(first) || (first >= 48 && first <= 57) ? Form.Plain : Form.Identifier;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const needed = code < 128 ? forms[code]! : code >= 0xd800 && code <= 0xdfff ? surrogateForm(text, i) : Form.Plain;
    if (needed > form) form = needed;
  }
  return form;
}

/** Lone surrogates, which stand for bytes that aren't UTF-8, need escapes; pairs don't. */
function surrogateForm(text: string, i: number): number {
  const high = text.charCodeAt(i) < 0xdc00 ? i : i - 1;
  const isPair = (text.charCodeAt(high) & 0xfc00) === 0xd800 && (text.charCodeAt(high + 1) & 0xfc00) === 0xdc00;
  return isPair ? Form.Plain : Form.Escapes;
}

/** Whether `text` is an identifier of the grammar: `[A-Za-z_][A-Za-z0-9_]*`. */
export function isIdentifier(text: string): boolean {
  return formOf(text) === Form.Identifier;
}

/** Whether an identifier starts a type where one may stand. */
export function startsType(identifier: string): boolean {
  return dataTypeNamed(identifier) !== undefined || typeKeywords.has(identifier);
}

/** Whether a name stands as it is between quotes. */
export function needsQuotesOnly(name: string): boolean {
  return formOf(name) === Form.Plain;
}

/** Whether {@link quoteString} has to use the escaped form, which the official grammar lacks. */
export function needsEscapes(text: string): boolean {
  return formOf(text) === Form.Escapes;
}

/**
 * `text` as a string literal. The official grammar knows no escapes but
 * backslash-anything for that very character, so text with NUL, CR or ESC, or
 * with bytes that aren't UTF-8, takes a form of ours:
 * `$"…"` with `\n \r \t \\ \" \xHH` (a byte) `\u{H…}` (a character).
 */
export function quoteString(text: string): string {
  const form = formOf(text);
  if (form < Form.Backslashes) return `"${text}"`;
  if (form === Form.Backslashes) return `"${text.replace(/["\\]/g, '\\$&')}"`;
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
  return formOf(name) === Form.Identifier && !startsType(name) ? name : quoteString(name);
}
