import assert from 'node:assert/strict';
import { existsSync, renameSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { openGraphPanel, selectedNode } from './graph';
import {
  driver,
  extensionFolder,
  goTo,
  lensTitles,
  notificationsWith,
  openText,
  shot,
  standAlone,
  textOf,
  until,
} from './support';

const NAME = 'sample.onnx';
/** The first pair: its lens is the topmost. */
const PAIR = '/conv1/conv2d/Conv';
const MEASURED = /^\d+(\.\d+)?× on this machine \(fusion \d+(\.\d+)?×, convolution \d+(\.\d+)?×\)$/;

describe('measuring', () => {
  standAlone();

  it('measures a pair, and its lens says what it gains', async function () {
    this.timeout(180_000);
    await openGraphPanel();
    const editor = await openText(NAME);
    await goTo(editor, `["${PAIR}"]`);
    await until('the lenses', async () => (await lensTitles(textOf(NAME))).includes('Measure'));
    await driver.waitFor({ selector: '.codelens-decoration a', hasText: 'Measure' });
    await driver.click({ selector: '.codelens-decoration a', hasText: 'Measure' }, [
      'onnxFusionLens.measure',
      textOf(NAME).uri,
      PAIR,
    ]);
    if (driver.onScreen) {
      await driver.waitFor({ selector: '.codelens-decoration', hasText: 'Measuring' });
      await shot(__filename, 'running');
    }
    const title = await until(
      'a lens with the speedup',
      async () => (await lensTitles(textOf(NAME))).find((candidate) => candidate.includes('on this machine')),
      150_000,
    );
    assert.match(title, MEASURED);
    const speedup = Number.parseFloat(title);
    assert.ok(speedup > 0.2 && speedup < 50, title);
    await driver.waitFor({ selector: '.codelens-decoration a', hasText: 'on this machine' });
    if (driver.onScreen) {
      assert.equal(await selectedNode('panel'), PAIR);
      await driver.waitFor({ selector: '.inspector .speedup', hasText: 'on this machine', webview: 'panel' });
    }
    await shot(__filename, 'measured');
  });

  it('stops when the person cancels', async function () {
    if (!driver.onScreen) this.skip();
    this.timeout(120_000);
    await openText(NAME);
    await openGraphPanel();
    await driver.click({ selector: '.summary vscode-button', hasText: 'Measure', webview: 'panel' }, undefined);
    await notificationsWith('Measuring');
    await driver.click({ selector: '.notification-list-item .monaco-button', hasText: 'Cancel' }, undefined);
    await driver.waitFor({ selector: '.notification-list-item', hasText: 'Measuring' }, 'hidden');
    await driver.waitFor({ selector: '.summary vscode-button', hasText: 'Measure', webview: 'panel' });
    const titles = await lensTitles(textOf(NAME));
    assert.ok(!titles.some((title) => title.includes('Measuring')), titles.join(', '));
  });

  it('says once what is missing when the kernel cannot be loaded; the rest works', async function () {
    const addon = path.join(extensionFolder(), 'dist/kernel/fusion-kernel.node');
    if (!existsSync(addon)) this.skip();
    renameSync(addon, `${addon}.away`);
    try {
      await openText(NAME);
      const measuring = vscode.commands.executeCommand('onnxFusionLens.measure', textOf(NAME).uri);
      if (driver.onScreen) {
        const shown = (await notificationsWith('kernel')).filter((text) => !text.startsWith('Measuring'));
        assert.equal(shown.length, 1, shown.join('\n'));
        assert.match(shown[0]!, /npm run build/);
        await shot(__filename, 'kernel-missing');
      }
      await measuring;
      const titles = await lensTitles(textOf(NAME));
      assert.ok(titles.some((title) => /^Fuse (Pad → )?Conv/.test(title)));
      assert.ok(!titles.some((title) => title.includes('Measuring')), titles.join(', '));
    } finally {
      renameSync(`${addon}.away`, addon);
    }
  });
});
