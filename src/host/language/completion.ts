import * as vscode from 'vscode';
import { completionAt, type CompletionItem } from '../../core/language/completion';
import { documentSelector, rangeOf, type Analyses } from '../analysis';
import { indexOf, markdown } from './textIndexes';

const kinds: Readonly<Record<CompletionItem['kind'], vscode.CompletionItemKind>> = {
  op: vscode.CompletionItemKind.Method,
  function: vscode.CompletionItemKind.Function,
  attribute: vscode.CompletionItemKind.Property,
  value: vscode.CompletionItemKind.Variable,
  input: vscode.CompletionItemKind.Variable,
  initializer: vscode.CompletionItemKind.Constant,
  type: vscode.CompletionItemKind.Keyword,
  constant: vscode.CompletionItemKind.Value,
  key: vscode.CompletionItemKind.Property,
};

interface Item extends vscode.CompletionItem {
  describe?: (() => string) | undefined;
}

/** Completion of ops, attributes and their values, values in scope, types and header keys. */
export function registerCompletion(analyses: Analyses): vscode.Disposable {
  const provider: vscode.CompletionItemProvider<Item> = {
    provideCompletionItems(document, position) {
      const found = completionAt(indexOf(analyses.of(document)), document.offsetAt(position));
      if (!found) return undefined;
      const replacing = rangeOf(document, found.span);
      const range = { inserting: new vscode.Range(replacing.start, position), replacing };
      const items = found.items.map((item) => completionItem(item, range));
      return new vscode.CompletionList(items, found.isIncomplete);
    },
    resolveCompletionItem(item) {
      if (item.describe) item.documentation = markdown(item.describe());
      return item;
    },
  };
  return vscode.languages.registerCompletionItemProvider(documentSelector, provider, '=', '.', '<', '(', ',', '"', '@');
}

function completionItem(
  { label, kind, detail, insertText, sortText, documentation }: CompletionItem,
  range: { inserting: vscode.Range; replacing: vscode.Range },
): Item {
  const result: Item = new vscode.CompletionItem(label, kinds[kind]);
  result.detail = detail;
  result.insertText = insertText;
  result.sortText = sortText;
  // What is replaced may start with a quote, which the label doesn't have.
  result.filterText = insertText.startsWith('"') ? insertText : label;
  result.range = range;
  result.describe = documentation;
  return result;
}
