import type { TextSpan } from '../onnx/model';

export type TokenKind = 'word' | 'string' | 'number' | 'punctuation' | 'comment';

/** A token of ONNX text. A string that isn't closed runs to the end of the text. */
export interface Token extends TextSpan {
  readonly kind: TokenKind;
}

const TOKEN =
  /(#[^\r\n]*)|(\$?"[^"\\]*(?:\\[^][^"\\]*)*(?:"|\\?$))|([A-Za-z_][A-Za-z0-9_]*)|(\d+(?:\.\d*)?(?:[eE][-+]?\d*)?)|=>|[^\s]/g;

/**
 * The tokens of the text from `from`, which starts no later than a token does,
 * up to the last one that starts before `to`. Never fails: a character that the
 * grammar doesn't know is punctuation.
 */
export function tokenize(text: string, from = 0, to = text.length): Token[] {
  const tokens: Token[] = [];
  const pattern = new RegExp(TOKEN);
  pattern.lastIndex = from;
  for (let match = pattern.exec(text); match !== null && match.index < to; match = pattern.exec(text)) {
    tokens.push({ kind: kindOf(match), start: match.index, end: match.index + match[0].length });
  }
  return tokens;
}

/** The first token at or behind `from`. */
export function tokenAt(text: string, from: number): Token | undefined {
  const pattern = new RegExp(TOKEN);
  pattern.lastIndex = from;
  const match = pattern.exec(text);
  return match === null ? undefined : { kind: kindOf(match), start: match.index, end: match.index + match[0].length };
}

/** Whether `offset` lies in the span or at its end, as a cursor does that touches it. */
export function touches(span: TextSpan | undefined, offset: number): span is TextSpan {
  return span !== undefined && span.start <= offset && offset <= span.end;
}

function kindOf(match: RegExpExecArray): TokenKind {
  if (match[3] !== undefined) return 'word';
  if (match[2] !== undefined) return 'string';
  if (match[4] !== undefined) return 'number';
  return match[1] === undefined ? 'punctuation' : 'comment';
}
