import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import * as vscode from 'vscode';
import { chips, picture, selectedNode, settledPicture, waitForChips } from './graph';
import { largestDifference } from './runtime';
import {
  bytesOf,
  clickLens,
  diagnosticsOf,
  driver,
  goTo,
  lensTitles,
  openActions,
  openFromExplorer,
  shot,
  tellStory,
  textOf,
  until,
  workspaceFile,
} from './support';

const NAME = 'model.onnx';
const LENS = 'Conv → InstanceNormalization → Relu';
/** The first pair's convolution in both models; the fused node takes its name. */
const CONV = '/conv1/conv2d/Conv';
const FUSED = 'ConvInstanceNormalizationRelu';

describe('a model, from the explorer to the fused file', () => {
  tellStory();
  let original: Buffer = Buffer.alloc(0);
  let unfusedText = '';
  let unfusedPicture: string | undefined;
  let pairs = 0;

  const fusable = (): number => diagnosticsOf(textOf(NAME)).filter(({ code }) => code === 'fusable').length;

  it('opens the graph page with a click in the explorer', async () => {
    original = bytesOf(workspaceFile(NAME));
    await openFromExplorer(NAME);
    await until('the graph page is the active editor', () => {
      const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
      return input instanceof vscode.TabInputCustom && input.viewType === 'onnxFusionLens.graphPage';
    });
    await driver.waitFor({ selector: '.summary .chip.fusable', webview: 'editor' });
    await driver.waitFor({ selector: 'canvas.graph', webview: 'editor' });
    pairs = (await chips('editor'))?.fusable ?? 0;
    if (driver.onScreen) assert.ok(pairs >= 2, `${pairs} pairs can fuse`);
    await settledPicture('editor');
    await shot(__filename, '01-graph-page');
  });

  it('opens the text with the button', async () => {
    const button = { selector: 'vscode-button', hasText: 'Open as Text', webview: 'editor' } as const;
    await driver.click(button, ['onnxFusionLens.openAsText', workspaceFile(NAME)]);
    await until('the text is open', () => vscode.window.activeTextEditor?.document.languageId === 'onnx-text');
    unfusedText = textOf(NAME).getText();
    assert.match(unfusedText, /InstanceNormalization/);
    assert.equal(textOf(NAME).isDirty, false);
    await shot(__filename, '02-text');
  });

  it('lists each pair in Problems, and goes to it', async () => {
    const diagnostics = await until('diagnostics of the pairs', () => {
      const found = diagnosticsOf(textOf(NAME));
      return found.length > 0 ? found : undefined;
    });
    if (driver.onScreen) assert.equal(fusable(), pairs);
    pairs = fusable();
    for (const { code, severity, range } of diagnostics) {
      // Fusing drops these too: the editor fades them, and the panel doesn't list them.
      if (code === 'cancelled-bias' && severity === vscode.DiagnosticSeverity.Hint) continue;
      assert.equal(severity, vscode.DiagnosticSeverity.Information);
      assert.match(textOf(NAME).getText(range), /^Conv(Transpose)?$/);
    }
    await driver.press('Control+Shift+m', ['workbench.actions.view.problems']);
    const row = { selector: '.markers-panel .monaco-list-row', hasText: 'can fuse into' };
    await driver.waitFor(row);
    await shot(__filename, '03-problems');
    await driver.click(row, ['editor.action.marker.next'], { count: 2 });
    await until('the cursor is on the first pair', () => {
      const cursor = vscode.window.activeTextEditor?.selection.active;
      return cursor && diagnostics[0]?.range.start.line === cursor.line;
    });
    await vscode.commands.executeCommand('closeMarkersNavigation');
    await vscode.commands.executeCommand('workbench.action.closePanel');
  });

  it('shows a lens above the pair', async () => {
    const titles = await lensTitles(textOf(NAME));
    assert.equal(titles.filter((title) => /^Fuse (Pad → )?Conv/.test(title)).length, pairs);
    await driver.waitFor({ selector: '.codelens-decoration a', hasText: LENS });
    await driver.waitFor({ selector: '.codelens-decoration a', hasText: 'Measure' });
    await shot(__filename, '04-lens');
  });

  it('shows the graph in the side panel', async function () {
    if (!driver.onScreen) this.skip();
    await driver.click({ selector: '.activitybar .action-item:has(a[aria-label^="ONNX"])' }, [
      'onnxFusionLens.graph.focus',
    ]);
    await waitForChips('panel', { fusable: pairs, fused: 0 });
    unfusedPicture = await settledPicture('panel');
    await shot(__filename, '05-side-panel');
  });

  it('offers the fix with Ctrl+. and applies it', async () => {
    const editor = await vscode.window.showTextDocument(textOf(NAME));
    const place = await goTo(editor, '= Conv ');
    if (driver.onScreen) {
      await openActions();
      await driver.waitFor({ selector: '.action-widget .monaco-list-row', hasText: LENS });
      await shot(__filename, '06-quick-fix-menu');
      await driver.press('Enter', undefined);
    } else {
      const [action] = await vscode.commands.executeCommand<vscode.CodeAction[]>(
        'vscode.executeCodeActionProvider',
        editor.document.uri,
        new vscode.Range(place, place),
        vscode.CodeActionKind.QuickFix.value,
      );
      assert.ok(action?.title.endsWith(LENS) === true);
      assert.equal(action.isPreferred, true);
      assert.ok(action.edit && (await vscode.workspace.applyEdit(action.edit)));
    }
    await until('the fused node is in the text', () => textOf(NAME).getText().includes(FUSED));
    assert.equal(textOf(NAME).isDirty, true);
    await until('one pair fewer', () => fusable() === pairs - 1);
    await shot(__filename, '07-fused');
  });

  it('sees the graph change', async function () {
    if (!driver.onScreen) this.skip();
    await waitForChips('panel', { fusable: pairs - 1, fused: 1 });
    assert.notEqual(await settledPicture('panel'), unfusedPicture);
    await until('the fused node is selected', async () => (await selectedNode('panel')) === CONV);
    await shot(__filename, '08-graph-changed');
  });

  it('undoes and redoes the fix with the keyboard', async () => {
    await vscode.window.showTextDocument(textOf(NAME));
    await driver.press('Control+z', ['undo']);
    await until('the text is as it was', () => textOf(NAME).getText() === unfusedText);
    await until('all pairs are back', () => fusable() === pairs);
    await waitForChips('panel', { fusable: pairs, fused: 0 });
    await settledPicture('panel');
    if (driver.onScreen) await until('the convolution is selected', async () => (await selectedNode('panel')) === CONV);
    await shot(__filename, '09-undone');
    await driver.press('Control+Shift+z', ['redo']);
    await until('the fused node is back', () => textOf(NAME).getText().includes(FUSED));
    await waitForChips('panel', { fusable: pairs - 1, fused: 1 });
    await shot(__filename, '10-redone');
    assert.ok(original.equals(bytesOf(workspaceFile(NAME))), 'something was written before saving');
  });

  it('saves with Ctrl+S', async () => {
    await driver.press('Control+s', ['workbench.action.files.save']);
    await until('the text is saved', () => !textOf(NAME).isDirty);
    assert.ok(!original.equals(bytesOf(workspaceFile(NAME))), 'the file was not written');
    await shot(__filename, '11-saved');
  });

  it('computes the same in stock ONNX Runtime', async () => {
    const difference = await largestDifference(original, bytesOf(workspaceFile(NAME)));
    assert.ok(difference <= 1e-4, `the largest difference is ${difference}`);
  });

  it('reopens the saved file with the fused pair', async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await openFromExplorer(NAME);
    await waitForChips('editor', { fusable: pairs - 1, fused: 1 });
    await settledPicture('editor');
    assert.notEqual(await picture('editor'), '');
    await shot(__filename, '12-reopened-graph');
    await driver.click({ selector: 'vscode-button', hasText: 'Open as Text', webview: 'editor' }, [
      'onnxFusionLens.openAsText',
      workspaceFile(NAME),
    ]);
    await until('the text is open', () => vscode.window.activeTextEditor?.document.languageId === 'onnx-text');
    await until('the fused node is in the text', () => textOf(NAME).getText().includes(FUSED));
    assert.equal(textOf(NAME).isDirty, false);
    await goTo(vscode.window.activeTextEditor!, FUSED);
    await shot(__filename, '13-reopened-text');
  });

  it('fuses the rest with one command, and computes the same', async () => {
    await driver.press('Control+Home', ['cursorTop']);
    await clickLens('Fuse all', ['onnxFusionLens.fuseAll', workspaceFile(NAME)], () => fusable() === 0);
    await driver.press('Control+s', ['workbench.action.files.save']);
    await until('the text is saved', () => !textOf(NAME).isDirty);
    const difference = await largestDifference(original, bytesOf(workspaceFile(NAME)));
    assert.ok(difference <= 1e-4, `the largest difference is ${difference}`);
    await driver.waitFor({ selector: '.codelens-decoration a', hasText: 'Fuse all' }, 'hidden');
    await shot(__filename, '14-all-fused');
  });

  after(() => {
    writeFileSync(workspaceFile(NAME).fsPath, original);
  });
});
