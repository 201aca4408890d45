import * as vscode from 'vscode';
import { textUriOf } from './uris';

/** Keys of the texts that are open, or that a tab shows, as text or as a graph. */
function shownTexts(): ReadonlySet<string> {
  const shown = new Set<string>();
  for (const { uri, isClosed } of vscode.workspace.textDocuments) if (!isClosed) shown.add(uri.toString());
  for (const { input } of vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs)) {
    if (input instanceof vscode.TabInputText) shown.add(input.uri.toString());
    else if (input instanceof vscode.TabInputCustom) shown.add(textUriOf(input.uri).toString());
  }
  return shown;
}

/** Removes what is known of texts that nothing shows any more, whenever one is closed. */
export function evictHidden(...caches: readonly Map<string, unknown>[]): vscode.Disposable {
  const evict = (): void => {
    const shown = shownTexts();
    for (const cache of caches) for (const key of cache.keys()) if (!shown.has(key)) cache.delete(key);
  };
  return vscode.Disposable.from(
    vscode.workspace.onDidCloseTextDocument(evict),
    vscode.window.tabGroups.onDidChangeTabs(({ closed }) => {
      if (closed.length > 0) evict();
    }),
  );
}
