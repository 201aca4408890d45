import * as vscode from 'vscode';
import { fuseEdits } from '../core/fusion/rewrite';
import { applyEdits } from '../core/text/edit';
import { problemOf } from '../files/problem';
import { openDocument } from './analysis';
import { fusionEdit } from './fuse';
import { log } from './log';
import { modelsIn, scanModels, type ScannedModel } from './modelScan';
import type { Services } from './services';
import { FUSED_SCHEME, fileNameOf } from './uris';

const SHOW_CHANGES: vscode.QuickInputButton = {
  iconPath: new vscode.ThemeIcon('diff-multiple'),
  tooltip: 'Show the Changes of the Checked Models',
};
const SHOW_CHANGE: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon('diff'), tooltip: 'Show the Change' };

/** So many unreadable files are named in a message; the log has them all. */
const MOST_NAMES = 3;

/** The texts as fusing would make them, read-only, for the right side of previews. */
export function registerFusedPreviews({ analyses }: Services): vscode.Disposable {
  return vscode.workspace.registerTextDocumentContentProvider(FUSED_SCHEME, {
    async provideTextDocumentContent(uri) {
      const { text, model, findings } = await analyses.at(vscode.Uri.parse(uri.query, true));
      return applyEdits(text, fuseEdits(text, model, findings));
    },
  });
}

const previewUri = (text: vscode.Uri): vscode.Uri =>
  vscode.Uri.from({ scheme: FUSED_SCHEME, path: text.path, query: text.toString() });

/**
 * Fuse all that can fuse in the models of a folder: look through them, let the
 * person choose and preview, apply as edits of their texts, save those that
 * had no other edits, and say what was done.
 */
export async function fuseFolder(services: Services, folder: vscode.Uri): Promise<void> {
  const name = vscode.workspace.asRelativePath(folder);
  const scanned = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: `Looking for fusions in ${name}`, cancellable: true },
    async (progress, token) => {
      const models = await modelsIn(folder, token);
      const found = await scanModels(services, models, progress, token);
      return token.isCancellationRequested ? undefined : found;
    },
  );
  if (!scanned) return;
  const unreadable = scanned.filter(({ error }) => error !== undefined);
  for (const { path, error } of unreadable) log().warn(`${path} can't be read: ${error!}`);
  const fusable = scanned.filter((model) => model.error === undefined && countOf(model) > 0);
  if (fusable.length === 0) {
    await tell(`${name}: no pair can fuse in ${plural(scanned.length - unreadable.length, 'model')}.`, unreadable);
    return;
  }
  const chosen = await choose(name, fusable, unreadable, scanned.length - unreadable.length - fusable.length);
  if (chosen && chosen.length > 0) await apply(services, chosen, unreadable);
}

const countOf = ({ findings }: ScannedModel): number => findings.filter((finding) => finding.fusable).length;
const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

interface ModelItem extends vscode.QuickPickItem {
  readonly model?: ScannedModel;
}

/** The preview: a checkbox for each model, its counts, and the change as a diff. */
async function choose(
  folder: string,
  fusable: readonly ScannedModel[],
  unreadable: readonly ScannedModel[],
  others: number,
): Promise<readonly ScannedModel[] | undefined> {
  const pick = vscode.window.createQuickPick<ModelItem>();
  const item = (model: ScannedModel): ModelItem => {
    const { path, findings, fused } = model;
    const count = countOf(model);
    const rest = [
      ...(findings.length > count ? [`${findings.length - count} can't fuse`] : []),
      ...(fused.length > 0 ? [`${fused.length} fused already`] : []),
      ...kindsOf(model),
    ];
    const description = `${plural(count, 'pair')} can fuse`;
    return { label: path, description, detail: rest.join(' · '), buttons: [SHOW_CHANGE], model };
  };
  const items = fusable.map(item);
  const notes = [
    ...(others > 0 ? [`${plural(others, 'model')} with nothing to fuse`] : []),
    ...(unreadable.length > 0 ? [`${plural(unreadable.length, 'file')} can't be read`] : []),
  ];
  pick.title = [`Fuse All in ${folder}`, ...notes].join(' · ');
  pick.placeholder = 'Models to fuse and save';
  pick.canSelectMany = true;
  pick.ignoreFocusOut = true;
  pick.matchOnDescription = true;
  pick.buttons = [SHOW_CHANGES];
  pick.items = items;
  pick.selectedItems = items;
  try {
    return await new Promise((resolve) => {
      pick.onDidAccept(() => resolve(pick.selectedItems.flatMap(({ model }) => model ?? [])));
      pick.onDidHide(() => resolve(undefined));
      pick.onDidTriggerButton(() => void preview(pick.selectedItems.flatMap(({ model }) => model ?? [])));
      pick.onDidTriggerItemButton(({ item: { model } }) => void (model && preview([model])));
      pick.show();
    });
  } finally {
    pick.dispose();
  }
}

/** "8 × Conv → InstanceNormalization → Relu", the most frequent first. */
function kindsOf({ findings }: ScannedModel): string[] {
  const counts = new Map<string, number>();
  for (const { fusable, fusedOp } of findings) if (fusable) counts.set(fusedOp, (counts.get(fusedOp) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a).map(([op, count]) => `${count} × ${op}`);
}

/** What would change, in VS Code's diff editor, or its editor for the changes of several files. */
async function preview(models: readonly ScannedModel[]): Promise<void> {
  const [first] = models;
  if (!first) return;
  if (models.length === 1) {
    const title = `${fileNameOf(first.uri)}: what fusing changes`;
    await vscode.commands.executeCommand('vscode.diff', first.uri, previewUri(first.uri), title, {
      preserveFocus: true,
    });
    return;
  }
  const changes = models.map(({ uri }) => [uri, uri, previewUri(uri)]);
  await vscode.commands.executeCommand('vscode.changes', 'What fusing changes', changes);
}

/** Edits the texts, so that each can be undone, and saves those that held nothing else unsaved. */
async function apply(
  { analyses }: Services,
  chosen: readonly ScannedModel[],
  unreadable: readonly ScannedModel[],
): Promise<void> {
  let pairs = 0;
  const saved: string[] = [];
  const unsaved: string[] = [];
  const failed: string[] = [];
  await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: 'Fusing', cancellable: true },
    async (progress, token) => {
      for (const { uri, path } of chosen) {
        if (token.isCancellationRequested) break;
        progress.report({ message: path, increment: 100 / chosen.length });
        try {
          const wasDirty = openDocument(uri)?.isDirty === true;
          // An editor keeps the text, and with it undo.
          const document = await vscode.workspace.openTextDocument(uri);
          await vscode.window.showTextDocument(document, { preview: false, preserveFocus: true });
          const analysis = analyses.of(document);
          const findings = analysis.findings.filter((finding) => finding.fusable);
          if (!(await vscode.workspace.applyEdit(fusionEdit(document, analysis, findings)))) {
            failed.push(`${path}: the editor took no edit`);
            continue;
          }
          pairs += findings.length;
          if (wasDirty) unsaved.push(path);
          else if (await document.save()) saved.push(path);
          else failed.push(`${path}: fused in its text, but not saved`);
        } catch (error) {
          failed.push(`${path}: ${problemOf(error)}`);
        }
      }
    },
  );
  for (const message of failed) log().error(message);
  const parts = [
    `Fused ${plural(pairs, 'pair')} in ${plural(saved.length + unsaved.length, 'model')}.`,
    ...(unsaved.length > 0 ? [`Not saved, since there were other edits: ${unsaved.join(', ')}.`] : []),
    ...(failed.length > 0 ? [`Failed: ${failed.join('; ')}.`] : []),
  ];
  await tell(parts.join(' '), unreadable, failed.length > 0);
}

async function tell(message: string, unreadable: readonly ScannedModel[], isWarning = false): Promise<void> {
  const names = unreadable.slice(0, MOST_NAMES).map(({ path, error }) => `${path} (${error!})`);
  const more = unreadable.length > MOST_NAMES ? `, and ${unreadable.length - MOST_NAMES} more` : '';
  const rest =
    unreadable.length === 0 ? '' : ` ${plural(unreadable.length, 'file')} can't be read: ${names.join(', ')}${more}.`;
  const actions = unreadable.length > 0 || isWarning ? ['Show Log'] : [];
  const show = isWarning ? vscode.window.showWarningMessage : vscode.window.showInformationMessage;
  if ((await show(message + rest, ...actions)) === 'Show Log') log().show();
}

/** The folder that a command was called on, or one that the person chooses. */
export async function folderFor(argument: unknown): Promise<vscode.Uri | undefined> {
  if (argument instanceof vscode.Uri) return argument;
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (folders.length === 1) return folders[0]!.uri;
  if (folders.length > 1) return (await vscode.window.showWorkspaceFolderPick())?.uri;
  const [chosen] = (await vscode.window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false })) ?? [];
  return chosen;
}
