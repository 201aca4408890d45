import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { decodeModel } from '../../../src/core/onnx/decode';
import { encodeModel } from '../../../src/core/onnx/encode';
import type { Model } from '../../../src/core/onnx/model';
import { readTensor } from '../../../src/core/onnx/tensor';
import { parseModel } from '../../../src/core/text/parse';
import { bytesSource, type ByteSource } from '../../../src/core/wire/source';
import { joinChunks } from '../../../src/core/wire/splice';
import { textUriOf } from '../../../src/host/uris';
import {
  bytesOf,
  closeEverything,
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
      const says = `Line ${error.range.start.line + 1}, column `;
      assert.ok(
        shown.some((text) => text.startsWith(says) && text.endsWith(`${name} was not saved.`)),
        shown.join('\n'),
      );
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

  it('leads from the message to the error', async function () {
    if (!driver.onScreen) this.skip();
    const editor = await openText(name);
    const place = await goTo(editor, 'InstanceNormalization <');
    await driver.type('%%');
    editor.selection = new vscode.Selection(0, 0, 0, 0);
    editor.revealRange(editor.selection);
    await until('the end is out of sight', () => editor.visibleRanges.every(({ end }) => end.line < place.line));
    await driver.press('Control+s', undefined);
    await until('the error is in sight', () => editor.visibleRanges.some((range) => range.contains(place)));
    await notificationsWith('not saved');
    const button = { selector: '.notification-list-item-buttons-container a', hasText: 'Go to Error' };
    await driver.waitFor(button);
    await shot(__filename, 'go-to-error');
    await driver.click(button, undefined);
    await until('the cursor is at the error', () => editor.selection.active.line === place.line);
  });

  /** Makes an edit that can be saved. */
  const edit = async (editor: vscode.TextEditor): Promise<void> => {
    const at = editor.document.getText().indexOf('epsilon = 0.00001');
    const last = editor.document.positionAt(at + 'epsilon = 0.0000'.length);
    assert.ok(await editor.edit((builder) => builder.replace(new vscode.Range(last, last.translate(0, 1)), '2')));
  };

  it('asks before it overwrites what another program wrote meanwhile, and can compare', async function () {
    const editor = await openText(name);
    await edit(editor);
    const mine = editor.document.getText();
    const other = bytesOf(workspaceFile('large-decoder.onnx'));
    writeFileSync(workspaceFile(name).fsPath, other);
    await driver.press('Control+s', undefined);
    if (driver.onScreen) {
      await notificationsWith('newer');
      await shot(__filename, 'conflict');
    } else {
      assert.equal(await editor.document.save(), false);
    }
    assert.equal(editor.document.isDirty, true);
    assert.equal(editor.document.getText(), mine);
    assert.ok(other.equals(bytesOf(workspaceFile(name))), 'the other program’s file was overwritten');
    if (!driver.onScreen) return;
    await driver.click({ selector: '.notification-list-item-buttons-container a', hasText: 'Compare' }, undefined);
    await until('the two are compared', () => {
      const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
      return input instanceof vscode.TabInputTextDiff;
    });
    await driver.waitFor({ selector: '.monaco-diff-editor .line-insert' });
    await shot(__filename, 'conflict-compared');
  });

  it('keeps the text of a file that is deleted, and saves it once the file is back', async () => {
    const file = workspaceFile(name).fsPath;
    const editor = await openText(name);
    await edit(editor);
    const mine = editor.document.getText();
    rmSync(file);
    await driver.press('Control+s', undefined);
    if (driver.onScreen) {
      await notificationsWith('no longer exists');
      await shot(__filename, 'deleted');
    } else {
      assert.equal(await editor.document.save(), false);
    }
    assert.equal(editor.document.getText(), mine);
    assert.equal(existsSync(file), false);
    writeFileSync(file, original);
    await until('the text can be saved', async () => editor.document.save());
    assert.notDeepEqual(bytesOf(workspaceFile(name)), original);
    assert.equal(bytesOf(workspaceFile(name)).length, original.length);
  });

  it('shows a file that another program replaced by renaming', async () => {
    const editor = await openText(name);
    writeFileSync(`${workspaceFile(name).fsPath}.new`, bytesOf(workspaceFile('large-decoder.onnx')));
    renameSync(`${workspaceFile(name).fsPath}.new`, workspaceFile(name).fsPath);
    await until('the text is that of the other model', () => editor.document.getText().includes('decoder ('), 30_000);
    assert.equal(editor.document.isDirty, false);
  });

  it('keeps the text when another program writes what is no model, and says so', async () => {
    const editor = await openText(name);
    await edit(editor);
    const mine = editor.document.getText();
    writeFileSync(workspaceFile(name).fsPath, 'no model at all\n');
    if (driver.onScreen) {
      const shown = await notificationsWith('Another program');
      assert.ok(
        shown.some((text) => text.includes(name) && text.includes('the file is text')),
        shown.join('\n'),
      );
      await shot(__filename, 'not-a-model');
    }
    assert.equal(await editor.document.save(), false);
    assert.equal(editor.document.getText(), mine);
    assert.equal(bytesOf(workspaceFile(name)).toString(), 'no model at all\n');
    writeFileSync(workspaceFile(name).fsPath, original);
    await until('the text can be saved', async () => editor.document.save());
    assert.equal(bytesOf(workspaceFile(name)).length, original.length);
  });

  describe('under another name', () => {
    const weights = Buffer.from(new Float32Array(64).map((_, i) => i).buffer);
    const externalModel = `<ir_version: 8, opset_import: ["": 17]>
g (float[64] x) => (float[64] y)
< float[64] a = {${Array.from({ length: 64 }, (_, i) => i + 1).join(', ')}},
  float[64] e = ["location": "weights.bin", "offset": "0", "length": "256"] >
{ t = Add (x, a)
  y = Mul (t, e) }`;
    let folder = '';
    const file = (relative: string): vscode.Uri => workspaceFile(`${folder}/${relative}`);

    beforeEach(() => {
      folder = `save-as-${count}`;
      mkdirSync(file('to').fsPath, { recursive: true });
      writeFileSync(file('weights.bin').fsPath, weights);
      writeFileSync(
        file('net.onnx').fsPath,
        joinChunks(encodeModel(parseModel(externalModel).model), bytesSource(weights)),
      );
    });

    const editedText = async (): Promise<vscode.TextEditor> => {
      const editor = await openText(`${folder}/net.onnx`);
      const at = editor.document.getText().indexOf('t = Add');
      const place = editor.document.positionAt(at);
      assert.ok(await editor.edit((builder) => builder.insert(place, '[edited] ')));
      return editor;
    };

    it('copies the external data, says so, and shows the new file', async () => {
      const { document } = await editedText();
      await vscode.commands.executeCommand('onnxFusionLens.saveModelAs', file('net.onnx'), file('to/copy.onnx'));
      assert.deepEqual(readdirSync(file('to').fsPath).sort(), ['copy.onnx', 'weights.bin']);
      assert.ok(weights.equals(bytesOf(file('to/weights.bin'))));
      await until('the new text is shown', () =>
        vscode.window.activeTextEditor?.document.uri.path.endsWith('/to/copy.onnxtxt'),
      );
      const shown = vscode.window.activeTextEditor!.document;
      assert.match(shown.getText(), /\[edited\]/);
      assert.match(shown.getText(), /"location": "copy\.onnx"/);
      assert.equal(document.isDirty, false);
      assert.doesNotMatch((await vscode.workspace.openTextDocument(textUriOf(file('net.onnx')))).getText(), /edited/);
      if (driver.onScreen) {
        const said = await notificationsWith('external data was copied');
        assert.ok(
          said.some((text) => text.includes('weights.bin')),
          said.join('\n'),
        );
        await shot(__filename, 'saved-as');
      }
    });

    it('asks where to with Ctrl+Shift+S', async function () {
      if (!driver.onScreen) this.skip();
      await editedText();
      await driver.press('Control+Shift+s', undefined);
      await driver.waitFor({ selector: '.quick-input-widget input' });
      await shot(__filename, 'save-as-dialog');
      await driver.press('Control+a', undefined);
      await driver.type(file('to/typed.onnx').fsPath);
      await driver.press('Enter', undefined);
      await until('the model is written', () => existsSync(file('to/typed.onnx').fsPath));
      await until('its data is beside it', () => existsSync(file('to/weights.bin').fsPath));
      await until('its text is shown', () =>
        vscode.window.activeTextEditor?.document.uri.path.endsWith('/to/typed.onnxtxt'),
      );
    });

    // What VS Code's own Save As does with an existing file that isn't text, once a person has chosen it in a dialog
    // that differs from window to window.
    const replaceByText = async (target: vscode.Uri, text: string): Promise<void> => {
      await vscode.workspace.fs.delete(target);
      await vscode.workspace.fs.writeFile(target, new Uint8Array(0));
      const document = await vscode.workspace.openTextDocument(target);
      await vscode.languages.setTextDocumentLanguage(document, 'onnx-text');
      const edit = new vscode.WorkspaceEdit();
      edit.insert(target, new vscode.Position(0, 0), text);
      assert.ok(await vscode.workspace.applyEdit(edit));
      assert.ok(await document.save());
    };

    it('keeps the weights where VS Code’s own Save As writes the text over its own model', async function () {
      if (process.platform === 'win32') this.skip();
      const before = modelOf(file('net.onnx'));
      const { document } = await editedText();
      await replaceByText(file('net.onnx'), document.getText());
      const after = await until('the file is a model', () => {
        const bytes = bytesOf(file('net.onnx'));
        return bytes.length > 0 && bytes[0] !== '<'.charCodeAt(0) ? modelOf(file('net.onnx')) : undefined;
      });
      assert.equal(after.model.graph.nodes[0]!.name, 'edited');
      assert.deepEqual(
        after.model.graph.initializers.map((tensor) => readTensor(tensor, after.source)),
        before.model.graph.initializers.map((tensor) => readTensor(tensor, before.source)),
      );
      assert.deepEqual(readdirSync(file('.').fsPath).sort(), ['net.onnx', 'to', 'weights.bin']);
      if (driver.onScreen) {
        await notificationsWith('net.onnx is saved as a binary model');
        await shot(__filename, 'saved-over-itself');
      }
    });

    it('says so where the text over a model is of no model that is open', async () => {
      const { document } = await editedText();
      const text = document.getText();
      await closeEverything();
      await replaceByText(file('net.onnx'), text.replace('[edited]', '[other]'));
      if (driver.onScreen) {
        await notificationsWith('net.onnx is not a model. Its text refers to weights in the file that it replaced.');
      }
      assert.match(bytesOf(file('net.onnx')).toString(), /\[other\]/);
    });
  });
});

function modelOf(uri: vscode.Uri): { readonly model: Model; readonly source: ByteSource } {
  const source = bytesSource(bytesOf(uri));
  return { model: decodeModel(source), source };
}
