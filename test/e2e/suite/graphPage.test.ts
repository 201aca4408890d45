import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { selectedNode, settledPicture, waitForChips } from './graph';
import {
  bytesOf,
  driver,
  isCursorOn,
  openFromExplorer,
  shot,
  standAlone,
  textOf,
  until,
  workspaceFile,
} from './support';

const NAME = 'sample.onnx';

describe('the graph page', () => {
  standAlone();

  it('fuses all pairs with its button, in the text, unsaved', async () => {
    const original = bytesOf(workspaceFile(NAME));
    await openFromExplorer(NAME);
    await waitForChips('editor', { fusable: 8, blocked: 1, fused: 0 });
    await driver.click({ selector: '.summary vscode-button', hasText: 'Fuse All', webview: 'editor' }, [
      'onnxFusionLens.fuseAll',
      workspaceFile(NAME),
    ]);
    await until('the text is edited', () =>
      vscode.workspace.textDocuments.some(({ uri, isDirty }) => uri.scheme === 'onnx-text' && isDirty),
    );
    const text = textOf(NAME).getText();
    assert.equal(text.match(/= fusionlens\./g)?.length, 8);
    await until('the edited text has a tab', () =>
      vscode.window.tabGroups.all.some(({ tabs }) =>
        tabs.some(({ input }) => input instanceof vscode.TabInputText && input.uri.scheme === 'onnx-text'),
      ),
    );
    await vscode.commands.executeCommand('vscode.open', workspaceFile(NAME));
    await waitForChips('editor', { fusable: 0, blocked: 1, fused: 8 });
    await settledPicture('editor');
    await shot(__filename, 'all-fused');
    assert.ok(original.equals(bytesOf(workspaceFile(NAME))), 'the file was written before saving');
  });

  it('opens the text beside it at the node that is clicked', async function () {
    if (!driver.onScreen) this.skip();
    await openFromExplorer(NAME);
    await waitForChips('editor', { fusable: 8 });
    await driver.click({ selector: '.chip.blocked', webview: 'editor' }, undefined);
    await until('the blocked pair is selected', async () => (await selectedNode('editor')) === '/conv2/conv2d/Conv');
    await settledPicture('editor');
    await shot(__filename, 'blocked');
    await driver.click(
      { selector: '.inspector vscode-button[title="Show in the text"]', webview: 'editor' },
      undefined,
    );
    await until('the cursor is on the node', () => isCursorOn('/conv2/conv2d/Conv'));
    assert.equal(vscode.window.tabGroups.all.length, 2);
    await shot(__filename, 'text-beside');
  });

  it('gives way to the text where the setting says so', async () => {
    const configuration = vscode.workspace.getConfiguration('onnxFusionLens');
    await configuration.update('openAs', 'text', vscode.ConfigurationTarget.Global);
    try {
      await openFromExplorer(NAME);
      await until('the text is open', () => vscode.window.activeTextEditor?.document.languageId === 'onnx-text');
      await until('the page is gone', () => vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs).length === 1);
    } finally {
      await configuration.update('openAs', undefined, vscode.ConfigurationTarget.Global);
    }
  });

  it('keeps its place when it is hidden and shown again', async function () {
    if (!driver.onScreen) this.skip();
    await openFromExplorer(NAME);
    await waitForChips('editor', { fusable: 8 });
    await driver.click({ selector: '.chip.fusable', webview: 'editor' }, undefined);
    await driver.click({ selector: '.chip.fusable', webview: 'editor' }, undefined);
    const node = await until('a pair is selected', () => selectedNode('editor'));
    const zoom = () => driver.texts({ selector: '.zoom vscode-button', hasText: '%', webview: 'editor' });
    await driver.press('+', undefined);
    await settledPicture('editor');
    const scale = await zoom();
    await new Promise((resolve) => setTimeout(resolve, 500));
    await vscode.commands.executeCommand('workbench.action.keepEditor');
    await vscode.commands.executeCommand('vscode.open', workspaceFile('model.onnx'));
    await driver.waitFor({ selector: '.summary .file', hasText: 'model.onnx', webview: 'editor' });
    await vscode.commands.executeCommand('vscode.open', workspaceFile(NAME));
    await waitForChips('editor', { fusable: 8 });
    await until('the pair is selected again', async () => (await selectedNode('editor')) === node);
    assert.deepEqual(await zoom(), scale);
  });
});
