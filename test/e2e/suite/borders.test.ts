import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { encodeModel } from '../../../src/core/onnx/encode';
import { parseModel } from '../../../src/core/text/parse';
import { bytesSource } from '../../../src/core/wire/source';
import { joinChunks } from '../../../src/core/wire/splice';
import { environment } from '../protocol';
import { largestDifference } from './runtime';
import {
  bytesOf,
  chooseAction,
  clickLens,
  diagnosticsOf,
  driver,
  goTo,
  lensTitles,
  openText,
  shot,
  tellStory,
  textOf,
  until,
  workspaceFile,
} from './support';

const WEIGHTS = Array.from({ length: 144 }, (_, index) => (((index * 37) % 101) / 100 - 0.5).toFixed(2)).join(', ');

/** A residual block with reflected borders, as style-transfer and CycleGAN generators have it. */
const BLOCK = `<ir_version: 8, opset_import: ["": 17]>
block (float[1, 4, 16, 16] x) => (float[1, 4, 16, 16] y)
<
  float[4, 4, 3, 3] w = {${WEIGHTS}},
  float[4] scale = {1, 0.5, 2, 1.5},
  float[4] bias = {0, 1, -1, 0.5},
  int64[8] border = {0, 0, 1, 1, 0, 0, 1, 1}
>
{
  [pad1] padded1 = Pad <mode = "reflect"> (x, border)
  [conv1] c1 = Conv <kernel_shape = [3, 3]> (padded1, w)
  [norm1] n1 = InstanceNormalization <epsilon = 0.00001> (c1, scale, bias)
  [relu1] r1 = Relu (n1)
  [pad2] padded2 = Pad <mode = "edge"> (r1, border)
  [conv2] c2 = Conv <kernel_shape = [3, 3]> (padded2, w)
  [norm2] n2 = InstanceNormalization <epsilon = 0.00001> (c2, scale, bias)
  [add] y = Add (n2, x)
}
`;

const FIRST = 'ReflectPadConvInstanceNormalizationRelu';
const SECOND = 'EdgePadConvInstanceNormalizationAdd';
const calls = (name: string): number =>
  textOf(name)
    .getText()
    .match(/= fusionlens\./g)?.length ?? 0;
const fusable = (name: string): number => diagnosticsOf(textOf(name)).filter(({ code }) => code === 'fusable').length;
/** An initializer that comes back may stand elsewhere in its list. */
const lines = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.replace(/,$/, ''))
    .sort();

async function save(name: string): Promise<void> {
  await driver.press('Control+s', ['workbench.action.files.save']);
  await until('the text is saved', () => !textOf(name).isDirty);
}

describe('borders and residual connections, fused and unfused', () => {
  tellStory();
  const NAME = 'block.onnx';
  const file = workspaceFile(NAME);
  let original = Buffer.alloc(0);
  let before = '';
  let fused = '';

  it('fuses a Pad with its pair from the light bulb', async () => {
    original = Buffer.from(joinChunks(encodeModel(parseModel(BLOCK).model), bytesSource(new Uint8Array())));
    writeFileSync(file.fsPath, original);
    const editor = await openText(NAME);
    await until('both pairs are found', () => fusable(NAME) === 2);
    before = editor.document.getText();
    await goTo(editor, 'Conv <');
    if (driver.onScreen)
      await chooseAction(/^Fuse Pad → Conv → InstanceNormalization → Relu/, () => shot(__filename, '1-pad'));
    else await vscode.commands.executeCommand('onnxFusionLens.fuse', file, 'conv1');
    await until('the Pad is in the fused node', () => textOf(NAME).getText().includes(`= fusionlens.${FIRST} <`));
    await until('the other pair is left', () => fusable(NAME) === 1);
    assert.equal(calls(NAME), 1);
    assert.match(textOf(NAME).getText(), /= fusionlens\.\w+ <[^>]*> \(x, w, scale, bias\)/);
  });

  it('fuses a residual Add with its pair from the lens', async () => {
    const lens = 'Fuse Pad → Conv → InstanceNormalization → Add';
    assert.ok((await lensTitles(textOf(NAME))).some((title) => title.startsWith(lens)));
    await clickLens(lens, ['onnxFusionLens.fuse', file, 'conv2'], () =>
      textOf(NAME).getText().includes(`= fusionlens.${SECOND} <`),
    );
    assert.equal(calls(NAME), 2);
    fused = textOf(NAME).getText();
    await save(NAME);
    const difference = await largestDifference(original, bytesOf(file));
    assert.ok(difference <= 1e-4, `the largest difference is ${difference}`);
    await driver.waitFor({ selector: '.codelens-decoration a', hasText: 'Fuse all' }, 'hidden');
    await shot(__filename, '2-fused');
  });

  it('unfuses one from its lens, undone and redone', async () => {
    await clickLens('Unfuse', ['onnxFusionLens.unfuse', textOf(NAME).uri, 'conv1'], () => calls(NAME) === 1);
    await until('its pair can fuse again', () => fusable(NAME) === 1);
    assert.match(textOf(NAME).getText(), /Pad <mode = "reflect"> \(x/);
    const unfused = textOf(NAME).getText();
    await shot(__filename, '3-unfused');
    await driver.press('Control+z', ['undo']);
    await until('the text is fused', () => textOf(NAME).getText() === fused);
    await driver.press('Control+Shift+z', ['redo']);
    await until('the text is unfused', () => textOf(NAME).getText() === unfused);
    await driver.press('Control+z', ['undo']);
    await until('the text is fused again', () => textOf(NAME).getText() === fused);
  });

  it('unfuses all from the light bulb, which gives the original graph', async () => {
    const editor = await vscode.window.showTextDocument(textOf(NAME));
    await goTo(editor, `fusionlens.${FIRST} <`);
    if (driver.onScreen) await chooseAction(/^Unfuse all 2 /, () => shot(__filename, '4-unfuse'));
    else await vscode.commands.executeCommand('onnxFusionLens.unfuse', file);
    await until('both pairs can fuse again', () => calls(NAME) === 0 && fusable(NAME) === 2);
    assert.deepEqual(lines(textOf(NAME).getText()), lines(before));
    await save(NAME);
    assert.equal(await largestDifference(original, bytesOf(file)), 0);
  });
});

describe('a CycleGAN generator, fused and unfused', () => {
  tellStory();
  const NAME = 'cyclegan.onnx';
  const MODEL = '../shared/models/pytorch/cyclegan_resnet6_ngf8_nobias_op17.onnx';
  const real = path.join(process.env[environment.repository] ?? '', MODEL);
  const file = workspaceFile(NAME);
  let before = '';

  it('fuses its residual blocks from the lens of the model', async function () {
    if (!existsSync(real)) this.skip();
    writeFileSync(file.fsPath, readFileSync(real));
    const editor = await openText(NAME);
    const pairs = await until('its pairs are found', () => fusable(NAME));
    before = editor.document.getText();
    await clickLens('Fuse all', ['onnxFusionLens.fuseAll', file], () => calls(NAME) === pairs && fusable(NAME) === 0);
    assert.match(textOf(NAME).getText(), /= fusionlens\.\w*ConvInstanceNormalizationAdd </);
    await save(NAME);
    const difference = await largestDifference(readFileSync(real), bytesOf(file));
    assert.ok(difference <= 1e-4, `the largest difference is ${difference}`);
    await goTo(editor, 'ConvInstanceNormalizationAdd <');
    await shot(__filename, '5-cyclegan');
  });

  it('gives the original graph back from the light bulb', async function () {
    if (!existsSync(real)) this.skip();
    const editor = await vscode.window.showTextDocument(textOf(NAME));
    await goTo(editor, 'ConvInstanceNormalizationAdd <');
    if (driver.onScreen) await chooseAction(/^Unfuse all \d+ /);
    else await vscode.commands.executeCommand('onnxFusionLens.unfuse', file);
    await until('none is fused', () => calls(NAME) === 0);
    assert.deepEqual(lines(textOf(NAME).getText()), lines(before));
    await save(NAME);
    assert.equal(await largestDifference(readFileSync(real), bytesOf(file)), 0);
  });
});
