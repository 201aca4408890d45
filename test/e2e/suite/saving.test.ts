import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import {
  bytesOf,
  diagnosticsOf,
  driver,
  goTo,
  notificationsWith,
  openText,
  shot,
  standAlone,
  textOf,
  until,
  workspaceFile,
} from './support';
import { chips, waitForChips } from './graph';
import { largestDifference } from './runtime';

const NAME = 'sample.onnx';

describe('saving a model through its text', () => {
  standAlone();
  let original: Buffer = Buffer.alloc(0);

  beforeEach(() => {
    original = bytesOf(workspaceFile(NAME));
  });

  afterEach(() => {
    writeFileSync(workspaceFile(NAME).fsPath, original);
  });

  it('refuses text that does not parse, says where, and writes nothing', async () => {
    const editor = await openText(NAME);
    const place = await goTo(editor, 'InstanceNormalization <');
    const files = readdirSync(path.dirname(workspaceFile(NAME).fsPath));
    if (driver.onScreen) await driver.type('%%');
    else await editor.edit((edit) => edit.insert(place, '%%'));
    const error = await until('an error is marked', () =>
      diagnosticsOf(textOf(NAME)).find(({ severity }) => severity === vscode.DiagnosticSeverity.Error),
    );
    assert.equal(error.range.start.line, place.line);
    await driver.press('Control+s', undefined);
    if (driver.onScreen) {
      const [message] = await notificationsWith('not saved');
      assert.ok(message?.includes(`line ${error.range.start.line + 1}`), message);
      await shot(__filename, 'refused');
    } else {
      assert.equal(await textOf(NAME).save(), false);
    }
    assert.equal(textOf(NAME).isDirty, true);
    assert.ok(original.equals(bytesOf(workspaceFile(NAME))), 'the file was written');
    assert.deepEqual(readdirSync(path.dirname(workspaceFile(NAME).fsPath)), files);
    await driver.press('Control+z', ['undo']);
    await until('the error is gone', () =>
      diagnosticsOf(textOf(NAME)).every(({ severity }) => severity !== vscode.DiagnosticSeverity.Error),
    );
  });

  it('gives back the very bytes when nothing was edited', async () => {
    const editor = await openText(NAME);
    await editor.edit((edit) => edit.insert(editor.document.lineAt(0).range.end, ' '));
    await driver.press('Backspace', ['deleteLeft']);
    await vscode.commands.executeCommand('workbench.action.files.save');
    await until('the text is saved', () => !textOf(NAME).isDirty);
    assert.ok(original.equals(bytesOf(workspaceFile(NAME))));
  });

  it('writes an edited attribute and nothing else', async () => {
    const editor = await openText(NAME);
    const text = editor.document.getText();
    const offset = text.indexOf('epsilon = 0.00001');
    assert.ok(offset > 0, 'no epsilon in the text');
    const last = editor.document.positionAt(offset + 'epsilon = 0.0000'.length);
    await editor.edit((edit) => edit.replace(new vscode.Range(last, last.translate(0, 1)), '2'));
    await driver.press('Control+s', ['workbench.action.files.save']);
    await until('the text is saved', () => !textOf(NAME).isDirty);
    const saved = bytesOf(workspaceFile(NAME));
    assert.equal(saved.length, original.length);
    const different = saved.reduce((count, byte, index) => count + (byte === original[index] ? 0 : 1), 0);
    assert.ok(different >= 1 && different <= 4, `${different} bytes differ`);
  });

  it('saves what undo brings back after a save, with the weights that it meant', async () => {
    await openText(NAME);
    await vscode.commands.executeCommand('onnxFusionLens.fuseAll', workspaceFile(NAME));
    await until('the pairs are fused', () => textOf(NAME).getText().includes('fusionlens.'));
    await vscode.commands.executeCommand('workbench.action.files.save');
    await until('the text is saved', () => !textOf(NAME).isDirty);
    assert.ok(!original.equals(bytesOf(workspaceFile(NAME))));
    await until('the pairs are back', async () => {
      await vscode.commands.executeCommand('undo');
      return !textOf(NAME).getText().includes('fusionlens.');
    });
    await vscode.commands.executeCommand('workbench.action.files.save');
    await until('the text is saved again', () => !textOf(NAME).isDirty);
    const difference = await largestDifference(original, bytesOf(workspaceFile(NAME)));
    assert.ok(difference <= 1e-4, `outputs differ by ${difference}`);
  });

  it('shows what another program wrote into the file', async () => {
    await openText(NAME);
    const other = bytesOf(workspaceFile('model.onnx'));
    writeFileSync(workspaceFile(NAME).fsPath, other);
    await until('the text is that of the other model', () => textOf(NAME).getText().includes('torch_jit'), 30_000);
    assert.equal(textOf(NAME).isDirty, false);
    await until('its pairs are marked', () => diagnosticsOf(textOf(NAME)).length > 0);
  });

  it('shows a file that changes while its graph page is open', async function () {
    if (!driver.onScreen) this.skip();
    await vscode.commands.executeCommand('vscode.open', workspaceFile('model.onnx'));
    const { fusable: otherPairs } = await until('the summary', async () => {
      const shown = await chips('editor').catch(() => undefined);
      return shown?.fusable ? shown : undefined;
    });
    await vscode.commands.executeCommand('vscode.open', workspaceFile(NAME));
    await waitForChips('editor', { blocked: 1 });
    writeFileSync(workspaceFile(NAME).fsPath, bytesOf(workspaceFile('model.onnx')));
    await waitForChips('editor', { blocked: 0, fusable: otherPairs });
  });
});
