import * as vscode from 'vscode';
import { semanticTokens, TOKEN_MODIFIERS, TOKEN_TYPES } from '../../core/language/semanticTokens';
import { documentSelector, rangeOf, type Analyses } from '../analysis';
import { indexOf, spanOf } from './textIndexes';

/** Colours by meaning, for the part of the text that is seen: a model's text may have a hundred thousand names. */
export function registerSemanticTokens(analyses: Analyses): vscode.Disposable {
  const legend = new vscode.SemanticTokensLegend([...TOKEN_TYPES], [...TOKEN_MODIFIERS]);
  return vscode.languages.registerDocumentRangeSemanticTokensProvider(
    documentSelector,
    {
      provideDocumentRangeSemanticTokens(document, range) {
        const builder = new vscode.SemanticTokensBuilder(legend);
        const index = indexOf(analyses.of(document));
        for (const { span, type, modifiers } of semanticTokens(index, spanOf(document, range))) {
          builder.push(rangeOf(document, span), type, [...modifiers]);
        }
        return builder.build();
      },
    },
    legend,
  );
}
