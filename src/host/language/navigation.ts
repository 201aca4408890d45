import * as vscode from 'vscode';
import { definitionAt, highlightsAt, referencesAt } from '../../core/language/navigate';
import { documentSelector, rangeOf, type Analyses } from '../analysis';
import { indexOf } from './textIndexes';

/** Go to definition, references, and highlights of what the cursor is on. */
export function registerNavigation(analyses: Analyses): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.languages.registerDefinitionProvider(documentSelector, {
      provideDefinition(document, position) {
        const span = definitionAt(indexOf(analyses.of(document)), document.offsetAt(position));
        return span && new vscode.Location(document.uri, rangeOf(document, span));
      },
    }),
    vscode.languages.registerReferenceProvider(documentSelector, {
      provideReferences: (document, position, { includeDeclaration }) =>
        referencesAt(indexOf(analyses.of(document)), document.offsetAt(position), includeDeclaration).map(
          (span) => new vscode.Location(document.uri, rangeOf(document, span)),
        ),
    }),
    vscode.languages.registerDocumentHighlightProvider(documentSelector, {
      provideDocumentHighlights: (document, position) =>
        highlightsAt(indexOf(analyses.of(document)), document.offsetAt(position)).map(
          ({ span, isWrite }) =>
            new vscode.DocumentHighlight(
              rangeOf(document, span),
              isWrite ? vscode.DocumentHighlightKind.Write : vscode.DocumentHighlightKind.Read,
            ),
        ),
    }),
  );
}
