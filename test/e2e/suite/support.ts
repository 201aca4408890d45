import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { textUriOf } from '../../../src/host/uris';
import { makeDriver, type Command } from '../driver';

export const driver = makeDriver();

/** A file of the workspace that the launcher filled. */
export function workspaceFile(name: string): vscode.Uri {
  const folder = vscode.workspace.workspaceFolders?.[0];
  assert.ok(folder, 'the suite needs its workspace');
  return vscode.Uri.joinPath(folder.uri, name);
}

export function bytesOf(uri: vscode.Uri): Buffer {
  return readFileSync(uri.fsPath);
}

/** Where the extension under test lies. */
export function extensionFolder(): string {
  const extension = vscode.extensions.getExtension('onnx-fusion-lens.onnx-fusion-lens');
  assert.ok(extension, 'the extension is not installed');
  return extension.extensionPath;
}

/**
 * Asks again and again until the answer isn't undefined, false or empty.
 * @throws AssertionError that says what was waited for
 */
export async function until<T>(what: string, ask: () => T | Promise<T>, ms = 20_000): Promise<NonNullable<T>> {
  for (const end = Date.now() + ms; ;) {
    const answer = await ask();
    if (answer !== undefined && answer !== null && answer !== false && answer !== 0 && answer !== '') return answer;
    if (Date.now() > end) assert.fail(`not within ${ms / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Clicks a file in the explorer, as a person opens it. */
export async function openFromExplorer(name: string): Promise<void> {
  await vscode.commands.executeCommand('workbench.view.explorer');
  await driver.click({ selector: '.explorer-folders-view .monaco-list-row', hasText: name }, [
    'vscode.open',
    workspaceFile(name),
  ]);
}

/** The text of a model, opened the short way, for tests that are about something else. */
export async function openText(name: string): Promise<vscode.TextEditor> {
  await vscode.commands.executeCommand('onnxFusionLens.openAsText', workspaceFile(name));
  // The window asks for lenses only while the focus is in the text.
  await driver.waitFor({ selector: '.part.editor .monaco-editor.focused' });
  return until(`the text of ${name} is open`, () => {
    const editor = vscode.window.activeTextEditor;
    return editor?.document.uri.toString() === textUriOf(workspaceFile(name)).toString() ? editor : undefined;
  });
}

/** The open text of a model. */
export function textOf(name: string): vscode.TextDocument {
  const uri = textUriOf(workspaceFile(name)).toString();
  const document = vscode.workspace.textDocuments.find((candidate) => candidate.uri.toString() === uri);
  assert.ok(document, `the text of ${name} is not open`);
  return document;
}

export function diagnosticsOf(document: vscode.TextDocument): vscode.Diagnostic[] {
  return vscode.languages.getDiagnostics(document.uri);
}

/** Titles of the code lenses, without their icons. */
export async function lensTitles(document: vscode.TextDocument): Promise<string[]> {
  const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
    'vscode.executeCodeLensProvider',
    document.uri,
    1000,
  );
  return lenses.map(({ command }) => (command?.title ?? '').replaceAll(/\$\([^)]*\) */g, ''));
}

/** Puts the cursor on the first place where `text` stands, and shows it. */
export async function goTo(editor: vscode.TextEditor, text: string): Promise<vscode.Position> {
  const offset = editor.document.getText().indexOf(text);
  assert.ok(offset >= 0, `${text} is not in the text`);
  const position = editor.document.positionAt(offset);
  editor.selection = new vscode.Selection(position, position);
  editor.revealRange(editor.selection, vscode.TextEditorRevealType.InCenter);
  // The window takes requests in their order: when it has answered this one, the cursor is there.
  await vscode.commands.executeCommand('setContext', 'e2e.cursor', text);
  return position;
}

/** Whether the cursor in a model's text is on the line of the node of that name. */
export function isCursorOn(node: string): boolean {
  return vscode.window.visibleTextEditors.some(
    ({ document, selection }) =>
      document.uri.scheme === 'onnx-text' && document.lineAt(selection.active.line).text.includes(`["${node}"]`),
  );
}

const ACTIONS = { selector: '.action-widget .monaco-list-row.action' };

/** Opens the light bulb's menu at the cursor; again where lenses that came meanwhile moved the text, which closes it. */
export async function openActions(): Promise<void> {
  for (let left = 2; ; left--) {
    await driver.waitFor({ selector: '.part.editor .monaco-editor.focused' });
    await driver.press('Control+.', undefined);
    try {
      await driver.waitFor(ACTIONS, 'visible', left === 0 ? undefined : 7000);
      return;
    } catch (error) {
      if (left === 0) throw error;
      await driver.press('Escape', undefined);
    }
  }
}

/** Opens the light bulb's menu at the cursor, and chooses an entry with the keyboard. */
export async function chooseAction(title: RegExp, look?: () => Promise<void>): Promise<void> {
  await openActions();
  await look?.();
  const titles = (await driver.texts(ACTIONS)) ?? [];
  const index = titles.findIndex((text) => title.test(text.trim()));
  assert.ok(index >= 0, `${String(title)} is not among ${titles.join('; ')}`);
  for (let step = 0; step < index; step++) await driver.press('ArrowDown', undefined);
  await driver.press('Enter', undefined);
}

/**
 * Clicks a code lens until it has done its work: VS Code may draw lenses anew between press and release of the
 * button, which then is no click.
 */
export async function clickLens(title: string, otherwise: Command, isDone: () => boolean): Promise<void> {
  const done = `the lens ${title} has done its work`;
  for (let left = 2; ; left--) {
    await driver.click({ selector: '.codelens-decoration a', hasText: title }, otherwise);
    if (left === 0 || !driver.onScreen) {
      await until(done, isDone);
      return;
    }
    if (await until(done, isDone, 10_000).catch(() => false)) return;
  }
}

/** Closes all editors, throwing unsaved edits away, and what lies open around them. */
export async function closeEverything(): Promise<void> {
  for (const document of vscode.workspace.textDocuments) {
    if (!document.isDirty) continue;
    await vscode.window.showTextDocument(document);
    await vscode.commands.executeCommand('workbench.action.files.revert');
  }
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  await vscode.commands.executeCommand('notifications.clearAll');
  await vscode.commands.executeCommand('notifications.hideList');
  await vscode.commands.executeCommand('workbench.action.closePanel');
}

/**
 * What the notifications on the screen say. Newer versions pop none up while they are driven by tests; the list of
 * notifications is opened then.
 */
export async function notifications(): Promise<readonly string[] | undefined> {
  const target = { selector: '.notification-list-item-message' };
  const shown = await driver.texts(target);
  if (!shown || shown.length > 0) return shown;
  await vscode.commands.executeCommand('notifications.showList');
  return driver.texts(target);
}

/** Waits for notifications that say something, and gives them. */
export async function notificationsWith(text: string): Promise<readonly string[]> {
  return until(`a notification with "${text}"`, async () => {
    const shown = await notifications();
    return shown?.some((candidate) => candidate.includes(text)) ? shown : undefined;
  });
}

/**
 * Makes the tests of a `describe` the steps of one story: once a step has failed, those after it are skipped.
 * A failed test leaves a screenshot.
 */
export function tellStory(): void {
  let broken = false;
  beforeEach(function () {
    if (broken) this.skip();
  });
  afterEach(async function () {
    if (this.currentTest?.state !== 'failed') return;
    broken = true;
    await driver.screenshot(`failed-${this.currentTest.fullTitle()}`).catch(() => undefined);
  });
  after(closeEverything);
}

/** Takes a screenshot when a test of a `describe` fails, and closes everything after each. */
export function standAlone(): void {
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') {
      await driver.screenshot(`failed-${this.currentTest.fullTitle()}`).catch(() => undefined);
    }
    await closeEverything();
  });
}

/** A screenshot's name: the test file's, and what it shows. */
export function shot(file: string, name: string): Promise<void> {
  return driver.screenshot(`${path.basename(file).replace(/\..*/, '')}-${name}`);
}
