import * as vscode from 'vscode';
import type { Model, TextSpan } from '../../core/onnx/model';
import { TextIndex } from '../../core/language/textIndex';
import type { Analysis } from '../analysis';

const indexes = new WeakMap<Model, TextIndex>();

/** The names of an analysed text, resolved once for each state of it. */
export function indexOf({ text, model }: Pick<Analysis, 'text' | 'model'>): TextIndex {
  let index = indexes.get(model);
  if (!index) indexes.set(model, (index = new TextIndex(text, model)));
  return index;
}

export function spanOf(document: vscode.TextDocument, range: vscode.Range): TextSpan {
  return { start: document.offsetAt(range.start), end: document.offsetAt(range.end) };
}

/** Text from the core as Markdown, in which nothing may run. */
export function markdown(text: string): vscode.MarkdownString {
  return new vscode.MarkdownString(text);
}
