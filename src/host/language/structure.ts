import * as vscode from 'vscode';
import { foldsOf } from '../../core/language/folding';
import { outlineOf, type OutlineSymbol, type SymbolKind } from '../../core/language/outline';
import { documentSelector, rangeOf, type Analyses } from '../analysis';
import { indexOf } from './textIndexes';

const kinds: Readonly<Record<SymbolKind, vscode.SymbolKind>> = {
  graph: vscode.SymbolKind.Module,
  function: vscode.SymbolKind.Function,
  input: vscode.SymbolKind.Variable,
  output: vscode.SymbolKind.Field,
  initializer: vscode.SymbolKind.Constant,
  node: vscode.SymbolKind.Method,
};

/** Outline, breadcrumbs and folding. */
export function registerStructure(analyses: Analyses): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.languages.registerDocumentSymbolProvider(
      documentSelector,
      {
        provideDocumentSymbols: (document) =>
          outlineOf(indexOf(analyses.of(document))).map((symbol) => documentSymbol(document, symbol)),
      },
      { label: 'ONNX' },
    ),
    vscode.languages.registerFoldingRangeProvider(documentSelector, {
      provideFoldingRanges: (document) =>
        foldsOf(analyses.of(document).text).map(({ start, end, kind }) => {
          const [first, last] = [document.positionAt(start).line, document.positionAt(end).line];
          return kind === 'comment'
            ? new vscode.FoldingRange(first, last, vscode.FoldingRangeKind.Comment)
            : new vscode.FoldingRange(first, last);
        }),
    }),
  );
}

function documentSymbol(document: vscode.TextDocument, symbol: OutlineSymbol): vscode.DocumentSymbol {
  const { name, detail, kind, span, nameSpan, children } = symbol;
  const result = new vscode.DocumentSymbol(
    name,
    detail,
    kinds[kind],
    rangeOf(document, span),
    rangeOf(document, nameSpan),
  );
  result.children = children.map((child) => documentSymbol(document, child));
  return result;
}
