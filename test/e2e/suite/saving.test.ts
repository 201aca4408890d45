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
import { waitForChips } from './graph';
import { largestDifference } from './runtime';

describe('saving a model through its text', () => {
  standAlone();
  const original = bytesOf(workspaceFile('sample.onnx'));
  let name = '';
  let count = 0;

  // A file of its own for each test: VS Code keeps a closed text for some minutes, and compares it with the file later.
  beforeEach(() => {
    name = `saving-${++count}.onnx`;
    writeFileSync(workspaceFile(name).fsPath, original);
  });

  it('refuses text that does not parse, says where, and writes nothing', async () => {
    const editor = await openText(name);
    const place = await goTo(editor, 'InstanceNormalization <');
    const files = readdirSync(path.dirname(workspaceFile(name).fsPath));
    if (driver.onScreen) await driver.type('%%');
    else await editor.edit((edit) => edit.insert(place, '%%'));
    const error = await until('an error is marked', () =>
      diagnosticsOf(textOf(name)).find(({ severity }) => severity === vscode.DiagnosticSeverity.Error),
    );
    assert.equal(error.range.start.line, place.line);
    await driver.press('Control+s', undefined);
    if (driver.onScreen) {
      const shown = await notificationsWith('not saved');
      const message = shown.find((text) => text.includes('not saved'));
      assert.ok(message?.includes(`line ${error.range.start.line + 1}`), message);
      await shot(__filename, 'refused');
    } else {
      assert.equal(await textOf(name).save(), false);
    }
    assert.equal(textOf(name).isDirty, true);
    assert.ok(original.equals(bytesOf(workspaceFile(name))), 'the file was written');
    assert.deepEqual(readdirSync(path.dirname(workspaceFile(name).fsPath)), files);
    await driver.press('Control+z', ['undo']);
    await until('the error is gone', () =>
      diagnosticsOf(textOf(name)).every(({ severity }) => severity !== vscode.DiagnosticSeverity.Error),
    );
  });

  it('gives back the very bytes when nothing was edited', async () => {
    const editor = await openText(name);
    await editor.edit((edit) => edit.insert(editor.document.lineAt(0).range.end, ' '));
    await driver.press('Backspace', ['deleteLeft']);
    await vscode.commands.executeCommand('workbench.action.files.save');
    await until('the text is saved', () => !textOf(name).isDirty);
    assert.ok(original.equals(bytesOf(workspaceFile(name))));
  });

  it('writes an edited attribute and nothing else', async () => {
    const editor = await openText(name);
    const text = editor.document.getText();
    const offset = text.indexOf('epsilon = 0.00001');
    assert.ok(offset > 0, 'no epsilon in the text');
    const last = editor.document.positionAt(offset + 'epsilon = 0.0000'.length);
    await editor.edit((edit) => edit.replace(new vscode.Range(last, last.translate(0, 1)), '2'));
    await driver.press('Control+s', ['workbench.action.files.save']);
    await until('the text is saved', () => !textOf(name).isDirty);
    const saved = bytesOf(workspaceFile(name));
    assert.equal(saved.length, original.length);
    const different = saved.reduce((count, byte, index) => count + (byte === original[index] ? 0 : 1), 0);
    assert.ok(different >= 1 && different <= 4, `${different} bytes differ`);
  });

  it('saves what undo brings back after a save, with the weights that it meant', async () => {
    await openText(name);
    await vscode.commands.executeCommand('onnxFusionLens.fuseAll', workspaceFile(name));
    await until('the pairs are fused', () => textOf(name).getText().includes('fusionlens.'));
    await vscode.commands.executeCommand('workbench.action.files.save');
    await until('the text is saved', () => !textOf(name).isDirty);
    assert.ok(!original.equals(bytesOf(workspaceFile(name))));
    await until('the pairs are back', async () => {
      await vscode.commands.executeCommand('undo');
      return !textOf(name).getText().includes('fusionlens.');
    });
    await vscode.commands.executeCommand('workbench.action.files.save');
    await until('the text is saved again', () => !textOf(name).isDirty);
    const difference = await largestDifference(original, bytesOf(workspaceFile(name)));
    assert.ok(difference <= 1e-4, `outputs differ by ${difference}`);
  });

  it('shows what another program wrote into the file', async () => {
    await openText(name);
    const other = bytesOf(workspaceFile('large-decoder.onnx'));
    writeFileSync(workspaceFile(name).fsPath, other);
    await until('the text is that of the other model', () => textOf(name).getText().includes('decoder ('), 30_000);
    assert.equal(textOf(name).isDirty, false);
    await until('the old pairs are gone', () => diagnosticsOf(textOf(name)).every(({ code }) => code !== 'fusable'));
  });

  it('shows a file that changes while its graph page is open', async function () {
    if (!driver.onScreen) this.skip();
    await vscode.commands.executeCommand('vscode.open', workspaceFile(name));
    await waitForChips('editor', { fusable: 8, blocked: 1 });
    writeFileSync(workspaceFile(name).fsPath, bytesOf(workspaceFile('large-decoder.onnx')));
    await driver.waitFor({ selector: '.summary .nothing', hasText: 'No Conv', webview: 'editor' }, 'visible', 30_000);
  });
});
