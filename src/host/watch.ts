import * as vscode from 'vscode';
import { fileNameOf } from './uris';

/** Calls back when the file is written, made anew or deleted by anyone. */
export function watchModel(
  uri: vscode.Uri,
  changed: () => void,
  deleted = changed,
  created = changed,
): vscode.Disposable {
  const name = fileNameOf(uri).replace(/[*?[\]{}]/g, '[$&]');
  const watcher = vscode.workspace.createFileSystemWatcher(
    new vscode.RelativePattern(vscode.Uri.joinPath(uri, '..'), name),
  );
  return vscode.Disposable.from(
    watcher,
    watcher.onDidChange(changed),
    watcher.onDidCreate(created),
    watcher.onDidDelete(deleted),
  );
}
