import * as vscode from 'vscode';
import { formatBytes } from '../core/fusion/describe';
import { openDocument } from './analysis';
import type { ModelFiles } from './modelFiles';
import { withProgress } from './progress';
import { report } from './textFileSystem';
import { fileNameOf, modelUriOf, textUriOf } from './uris';

/** Ask where to, and save the model's present text there, with its external data. */
export async function saveModelAs(files: ModelFiles, uri: vscode.Uri, given?: vscode.Uri): Promise<void> {
  const model = modelUriOf(uri) ?? uri;
  const document = openDocument(textUriOf(model));
  const target = given ?? (await askTarget(model));
  if (!target) return;
  if (target.toString() === model.toString()) {
    await document?.save();
    return;
  }
  const text = document?.getText() ?? (await files.get(model)).text;
  const done = await withProgress(`Saving ${fileNameOf(model)} as ${fileNameOf(target)}`, (signal, say) => {
    let copied = 0;
    const onCopied = (bytes: number): void => {
      copied += bytes;
      say(`external data: ${formatBytes(copied)} copied`);
    };
    return files.saveAs(model, text, target, { onCopied, signal });
  });
  if (!done) return;
  await files.refresh(target);
  await moveEditor(document, target);
  report(vscode.workspace.asRelativePath(target), done);
}

async function askTarget(model: vscode.Uri): Promise<vscode.Uri | undefined> {
  const target = await vscode.window.showSaveDialog({
    defaultUri: model,
    filters: { 'ONNX models': ['onnx'] },
    title: 'Save Model As',
    saveLabel: 'Save',
  });
  if (!target || /\.[^/.]+$/.test(target.path)) return target;
  return target.with({ path: `${target.path}.onnx` });
}

/** As Save As does: the editor shows the new file, and the old one's unsaved edits are no longer asked about. */
async function moveEditor(document: vscode.TextDocument | undefined, target: vscode.Uri): Promise<void> {
  const tab = document && tabOf(document.uri);
  if (!document || !tab) {
    await vscode.commands.executeCommand('vscode.open', target);
    return;
  }
  if (document.isDirty) {
    await vscode.window.showTextDocument(document, { viewColumn: tab.group.viewColumn, preview: false });
    await vscode.commands.executeCommand('workbench.action.files.revert');
  }
  await vscode.window.showTextDocument(textUriOf(target), { viewColumn: tab.group.viewColumn, preview: false });
  // Not the tab of before: a tab is another one once anything about it has changed.
  const old = tabOf(document.uri);
  if (old) await vscode.window.tabGroups.close(old);
}

function tabOf(uri: vscode.Uri): vscode.Tab | undefined {
  return vscode.window.tabGroups.all
    .flatMap(({ tabs }) => tabs)
    .find(({ input }) => input instanceof vscode.TabInputText && input.uri.toString() === uri.toString());
}
