import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { openGraphPanel } from './graph';
import { driver, goTo, lensTitles, notifications, openText, shot, tellStory, until, workspaceFile } from './support';

const NAME = 'dynamic.onnx';
const INFERRED = /Inferred by ONNX Runtime/;

const hoverAt = async (document: vscode.TextDocument, position: vscode.Position): Promise<string> => {
  const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
    'vscode.executeHoverProvider',
    document.uri,
    position,
  );
  return hovers
    .flatMap(({ contents }) => contents.map((part) => (part instanceof vscode.MarkdownString ? part.value : '')))
    .join('\n');
};

/** The shapes that stand behind the results, by the lines that they stand in. */
async function hintsOf(document: vscode.TextDocument): Promise<Map<number, string>> {
  const whole = new vscode.Range(0, 0, document.lineCount, 0);
  const hints = await vscode.commands.executeCommand<vscode.InlayHint[]>(
    'vscode.executeInlayHintProvider',
    document.uri,
    whole,
  );
  return new Map(
    hints.map(({ position, label }) => [
      position.line,
      typeof label === 'string' ? label : label.map(({ value }) => value).join(''),
    ]),
  );
}

/** Where the first convolution's result stands. */
function firstConvolution(document: vscode.TextDocument): vscode.Position {
  const match = /^ *(?:\[[^\]]*\] )?("[^"]*"|\w+) = Conv </m.exec(document.getText());
  assert.ok(match, 'the model has no convolution');
  return document.positionAt(match.index + match[0].indexOf(match[1]!));
}

describe('shapes', () => {
  const settings = vscode.workspace.getConfiguration('onnxFusionLens');
  before(() => settings.update('inlayHints.shapes', true, vscode.ConfigurationTarget.Global));
  after(() => settings.update('inlayHints.shapes', undefined, vscode.ConfigurationTarget.Global));
  tellStory();

  let editor: vscode.TextEditor;
  let place: vscode.Position;
  const hint = async (): Promise<string> => (await hintsOf(editor.document)).get(place.line) ?? '';

  it('are inferred for every result, symbolic ones too', async () => {
    editor = await openText(NAME);
    place = firstConvolution(editor.document);
    await until('the convolution’s result has a hint', async () => (await hint()).startsWith('['));
    assert.match(await hint(), /^\[batch,\d+,\?,\?\]$/);
    assert.ok((await hintsOf(editor.document)).size > 30);
    const hover = await hoverAt(editor.document, place.translate(0, 2));
    assert.match(hover, INFERRED);
    assert.match(hover, /float\[batch,\d+,\?,\?\]/);
    assert.match(hover, /command:onnxFusionLens\.setDimensions/);
    await goTo(editor, editor.document.lineAt(place.line).text.trim());
    await shot(__filename, 'symbolic');
  });

  it('follow the sizes that the person gives to symbolic dimensions', async function () {
    if (!driver.onScreen) this.skip();
    const asking = vscode.commands.executeCommand('onnxFusionLens.setDimensions', editor.document.uri);
    for (const [index, size] of ['2', '64', '96'].entries()) {
      await driver.waitFor({ selector: '.quick-input-title', hasText: `${index + 1} of 3` });
      await driver.type(size);
      if (index === 1) await shot(__filename, 'asking');
      await driver.press('Enter', undefined);
    }
    await asking;
    await until('the hint has sizes', async () => /^\[2,\d+,64,96\]$/.test(await hint()));
    assert.match(
      await hoverAt(editor.document, place.translate(0, 2)),
      /Inferred by ONNX Runtime with .*`height` = 64/,
    );
    editor.selection = new vscode.Selection(place.translate(0, 2), place.translate(0, 2));
    await vscode.commands.executeCommand('editor.action.showHover');
    await driver.waitFor({ selector: '.monaco-hover', hasText: 'Inferred by ONNX Runtime' });
    await shot(__filename, 'hover');
    await driver.click({ selector: '.monaco-hover a', hasText: 'Set symbolic dimensions' }, undefined);
    await driver.waitFor({ selector: '.quick-input-title', hasText: '1 of 3' });
    await driver.press('Escape', undefined);
  });

  it('are in the graph', async function () {
    if (!driver.onScreen) this.skip();
    await openGraphPanel();
    await driver.waitFor({ selector: '.chip.dimensions', hasText: 'height = 64', webview: 'panel' });
    await goTo(editor, editor.document.lineAt(place.line).text.trim());
    const values = await until('the selected convolution’s values have shapes', async () => {
      const texts = await driver.texts({ selector: '.inspector .value', webview: 'panel' });
      return texts?.some((text) => /2×\d+×64×96/.test(text)) ? texts : undefined;
    });
    assert.ok(values.length >= 2);
    await shot(__filename, 'graph');
    await driver.click({ selector: '.chip.dimensions', webview: 'panel' }, undefined);
    await driver.waitFor({ selector: '.quick-input-title', hasText: '1 of 3' });
    await shot(__filename, 'graph-chip');
    await driver.press('Escape', undefined);
    await driver.waitFor({ selector: '.quick-input-title' }, 'hidden');
    await goTo(await vscode.window.showTextDocument(editor.document), editor.document.lineAt(place.line).text.trim());
  });

  it('follow edits of the text, saved or not, and what was measured with other shapes is dropped', async function () {
    this.timeout(120_000);
    if (!driver.onScreen) this.skip();
    const measured = async (): Promise<boolean> =>
      (await lensTitles(editor.document)).some((title) => title.includes('on this machine'));
    const [, second] = [...editor.document.getText().matchAll(/\["([^"]*)"\] *\S+ = Conv </g)];
    assert.ok(second, 'the model has a second convolution');
    await vscode.commands.executeCommand('onnxFusionLens.measure', editor.document.uri, second[1]);
    await until('the second pair is measured', measured);
    const before = await hint();
    const line = editor.document.lineAt(place.line);
    const strides = /strides *= *\[1, *1\]/.exec(line.text);
    if (!strides) this.skip();
    const start = line.range.start.translate(0, strides.index);
    const range = new vscode.Range(start, start.translate(0, strides[0].length));
    assert.ok(await editor.edit((edit) => edit.replace(range, 'strides = [2, 2]')));
    await until('another hint', async () => {
      const now = await hint();
      return now !== before && /^\[2,\d+,32,48\]$/.test(now);
    });
    assert.ok(!(await measured()), 'figures of another input shape are shown');
    const edited = range.with({ end: start.translate(0, 'strides = [2, 2]'.length) });
    assert.ok(await editor.edit((edit) => edit.replace(edited, strides[0])));
    await until('the hint as before', async () => (await hint()) === before);
    assert.ok(await measured(), 'the figures hold again');
  });

  it('are what the file declares where ONNX Runtime refuses the model, and the hover says why', async () => {
    const uri = workspaceFile('refused.onnxtxt');
    const text = `<ir_version: 8, opset_import: ["": 17, "nobody": 1]>
g (float[2, 3] x) => (float[2, 3] y) <float[2, 3] h> {
  h = nobody.Mystery(x)
  y = Relu(h)
}
`;
    await vscode.workspace.fs.writeFile(uri, Buffer.from(text));
    const { document } = await vscode.window.showTextDocument(uri);
    const position = document.positionAt(text.indexOf('h = nobody'));
    const hover = await until('the reason', async () => {
      const shown = await hoverAt(document, position);
      return shown.includes('ONNX Runtime can') ? shown : undefined;
    });
    assert.match(hover, /float\[2,3\]/);
    assert.match(hover, /Type declared in the file\./);
    assert.match(hover, /Mystery|nobody/);
    assert.deepEqual((await notifications()) ?? [], []);
  });
});
