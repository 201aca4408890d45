import * as vscode from 'vscode';
import { formatText } from '../../core/language/format';
import { documentSelector, rangeOf, type Analyses } from '../analysis';
import { spanOf } from './textIndexes';

/** Formatting of the whole text or of a part; white space only, and only of text without syntax errors. */
export function registerFormatting(analyses: Analyses): vscode.Disposable {
  const edits = (document: vscode.TextDocument, range?: vscode.Range): vscode.TextEdit[] => {
    const { text, errors } = analyses.of(document);
    if (errors.length > 0) return [];
    const within = range && spanOf(document, range);
    return formatText(text)
      .filter(({ span }) => !within || (span.start >= within.start && span.end <= within.end))
      .map(({ span, newText }) => vscode.TextEdit.replace(rangeOf(document, span), newText));
  };
  return vscode.Disposable.from(
    vscode.languages.registerDocumentFormattingEditProvider(documentSelector, {
      provideDocumentFormattingEdits: (document) => edits(document),
    }),
    vscode.languages.registerDocumentRangeFormattingEditProvider(documentSelector, {
      provideDocumentRangeFormattingEdits: (document, range) => edits(document, range),
    }),
  );
}
