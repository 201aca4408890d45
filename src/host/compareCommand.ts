import * as path from 'node:path';
import * as vscode from 'vscode';
import { FileHistory, gitProgram } from './compareGit';
import { compareUri, labelOf, type Before, type CompareTexts } from './compareTexts';
import { withProgress } from './progress';
import { isText, modelUriOf, textUriOf } from './uris';

/** Models of the workspace offered for choosing; more are found with the file dialog. */
const OFFERED = 100;

interface Choice extends vscode.QuickPickItem {
  readonly choose?: () => Before | undefined | Promise<Before | undefined>;
}

/**
 * Compare a model with another file or a version in git, in VS Code's diff
 * editor: the model itself, editable, on the right.
 * @param others further models that are selected; with one, the two are compared at once.
 */
export async function compareWith(texts: CompareTexts, uri: vscode.Uri, others: readonly vscode.Uri[]): Promise<void> {
  const model = modelUriOf(uri) ?? uri;
  if (isText(model)) {
    void vscode.window.showInformationMessage('Open an ONNX model, or select one in the explorer, to compare it.');
    return;
  }
  const other = others.find((candidate) => candidate.toString() !== model.toString());
  const before = other ? { model: other } : await choose(model);
  if (before) await show(texts, before, model);
}

/** Compare a model with its last commit. */
export async function compareWithHead(texts: CompareTexts, uri: vscode.Uri): Promise<void> {
  const model = modelUriOf(uri) ?? uri;
  await show(texts, { model, ref: 'HEAD' }, model);
}

/** Show the comparison of a version with the model's present text. */
async function show(texts: CompareTexts, before: Before, after: vscode.Uri): Promise<void> {
  const left = compareUri(before, after);
  const title = `${labelOf(before)} ↔ ${labelOf({ model: after })}`;
  const done = await withProgress(`Comparing ${title}`, async (signal) => {
    await texts.prepare(left, signal);
    return true;
  });
  if (done) await vscode.commands.executeCommand('vscode.diff', left, textUriOf(after), title, { preview: false });
}

async function choose(model: vscode.Uri): Promise<Before | undefined> {
  const choices = [...(await gitChoices(model)), ...(await fileChoices(model))];
  const picked = await vscode.window.showQuickPick(choices, {
    placeHolder: `Compare ${labelOf({ model })} with …`,
    matchOnDescription: true,
  });
  return picked?.choose?.();
}

async function gitChoices(model: vscode.Uri): Promise<Choice[]> {
  const program = model.scheme === 'file' ? await gitProgram() : undefined;
  if (program === undefined) return [];
  const history = new FileHistory(program, model.fsPath);
  if (!(await history.isTracked())) return [];
  return [
    separator('git'),
    { label: '$(git-commit) HEAD', description: 'the last commit', choose: () => ({ model, ref: 'HEAD' }) },
    { label: '$(git-commit) Index', description: 'what is staged', choose: () => ({ model, ref: '' }) },
    { label: '$(history) Commit or branch…', choose: () => chooseVersion(model, history) },
  ];
}

async function chooseVersion(model: vscode.Uri, history: FileHistory): Promise<Before | undefined> {
  const other: vscode.QuickPickItem = { label: '$(edit) Branch, tag or commit by name…' };
  const commits = (await history.commits()).map(({ id, subject, age }) => ({
    label: `$(git-commit) ${id}`,
    description: subject,
    detail: age,
    id,
  }));
  const picked = await vscode.window.showQuickPick<vscode.QuickPickItem & { readonly id?: string }>(
    [...commits, other],
    { placeHolder: 'Commits that changed the model', matchOnDescription: true },
  );
  if (!picked) return undefined;
  const ref =
    picked.id ?? (await vscode.window.showInputBox({ prompt: 'Branch, tag or commit', ignoreFocusOut: true }));
  return ref === undefined || ref.trim() === '' ? undefined : { model, ref: ref.trim() };
}

async function fileChoices(model: vscode.Uri): Promise<Choice[]> {
  const found = await vscode.workspace.findFiles('**/*.onnx', undefined, OFFERED);
  const files = found
    .filter((file) => file.toString() !== model.toString())
    .map((file) => ({ file, name: vscode.workspace.asRelativePath(file) }))
    .sort((a, b) => a.name.localeCompare(b.name))
    .map(({ file, name }): Choice => {
      const folder = path.posix.dirname(name);
      const description = folder === '.' ? {} : { description: folder };
      return { label: `$(file) ${path.posix.basename(name)}`, ...description, choose: () => ({ model: file }) };
    });
  return [
    separator('files'),
    { label: '$(folder-opened) Another file…', choose: chooseFile },
    ...(files.length > 0 ? [separator('models in the workspace'), ...files] : []),
  ];
}

async function chooseFile(): Promise<Before | undefined> {
  const [file] =
    (await vscode.window.showOpenDialog({
      openLabel: 'Compare',
      filters: { 'ONNX models': ['onnx'], 'All files': ['*'] },
    })) ?? [];
  return file && { model: file };
}

function separator(label: string): Choice {
  return { label, kind: vscode.QuickPickItemKind.Separator };
}
