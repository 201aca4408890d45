import type { TextSpan } from '../onnx/model';

/** A part of the text that can be folded: from the line of its start to the line of its end. */
export interface Fold extends TextSpan {
  readonly kind: 'brackets' | 'comment';
}

const OPENING: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{', '>': '<' };

/** Brackets that span lines (headers, declarations, bodies, subgraphs, lists) and blocks of comments. */
export function foldsOf(text: string): readonly Fold[] {
  const folds: Fold[] = [];
  const open: { readonly bracket: string; readonly at: number; readonly line: number }[] = [];
  let line = 0;
  let comment: { start: number; line: number; end: number; lastLine: number } | undefined;
  const closeComment = () => {
    if (comment && comment.lastLine > comment.line)
      folds.push({ start: comment.start, end: comment.end, kind: 'comment' });
    comment = undefined;
  };
  // Only what folding looks at; other characters are skipped by the search itself.
  const pattern = /\n|=>|#[^\n]*|"[^"\\]*(?:\\[^][^"\\]*)*(?:"|\\?$)|[([{<>)\]}]/g;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const token = match[0];
    const at = match.index;
    if (token === '\n') {
      line++;
      continue;
    }
    if (token.startsWith('#')) {
      if (comment?.lastLine !== line - 1 || !onlySpaces(text, comment.end, at)) closeComment();
      comment ??= { start: at, line, end: at, lastLine: line };
      comment.end = at + token.length;
      comment.lastLine = line;
      continue;
    }
    if (token.startsWith('"')) {
      for (let i = token.indexOf('\n'); i >= 0; i = token.indexOf('\n', i + 1)) line++;
      continue;
    }
    if (token === '=>') continue;
    const opening = OPENING[token];
    if (opening === undefined) {
      open.push({ bracket: token, at, line });
      continue;
    }
    const from = open.findLastIndex(({ bracket }) => bracket === opening);
    if (from < 0) continue;
    const start = open[from]!;
    open.length = from;
    // A fold hides the lines behind its first; the closing bracket's own line stays.
    if (line > start.line + 1) folds.push({ start: start.at, end: lineStartBefore(text, at), kind: 'brackets' });
  }
  closeComment();
  return folds;
}

/** The end of the line before the one that `at` is on. */
function lineStartBefore(text: string, at: number): number {
  return Math.max(0, text.lastIndexOf('\n', at - 1));
}

function onlySpaces(text: string, start: number, end: number): boolean {
  return text.slice(start, end).trim() === '';
}
