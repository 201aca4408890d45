import * as vscode from 'vscode';
import { GraphPage } from './graphPage';
import { isText, textUriOf } from './uris';

/** The text's URI of the model that the person is looking at: a graph page or a text. */
export function activeModel(): vscode.Uri | undefined {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  if (input instanceof vscode.TabInputCustom && input.viewType === GraphPage.viewType) return textUriOf(input.uri);
  if (input instanceof vscode.TabInputText && isText(input.uri)) return input.uri;
  if (input instanceof vscode.TabInputTextDiff && isText(input.modified)) return input.modified;
  return undefined;
}
