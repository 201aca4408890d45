import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { settledPicture } from './graph';
import { driver, lensTitles, openFromExplorer, openText, shot, standAlone, textOf, until } from './support';

/** Far above what a machine that has nothing else to do needs, and far below a layout that grows with the square. */
const FREEZE_MS = 5000;
const PATIENCE_MS = 45_000;

describe('a large model', function () {
  this.timeout(150_000);
  standAlone();

  for (const name of ['large-network.onnx', 'large-decoder.onnx']) {
    it(`draws ${name} without freezing the window`, async function () {
      if (!driver.onScreen) this.skip();
      const start = Date.now();
      await openFromExplorer(name);
      await driver.waitFor({ selector: '.summary', hasText: name, webview: 'editor' });
      // The webview's thread answers at once while the worker lays the graph out.
      let slowest = 0;
      await until(
        'the graph is drawn',
        async () => {
          const asked = Date.now();
          const waiting = await driver.evaluate(
            `getComputedStyle(document.querySelector('.message')).display !== 'none'`,
            'editor',
          );
          slowest = Math.max(slowest, Date.now() - asked);
          return waiting === false;
        },
        PATIENCE_MS,
      );
      const drawn = Date.now() - start;
      assert.ok(slowest < FREEZE_MS, `the webview did not answer for ${slowest} ms`);
      assert.ok(drawn < PATIENCE_MS, `it took ${drawn} ms`);
      await settledPicture('editor');
      await shot(__filename, name.replace('.onnx', ''));
      await driver.click({ selector: 'canvas.graph', webview: 'editor' }, undefined);
      await driver.press('0', undefined);
      await settledPicture('editor');
      await shot(__filename, `${name.replace('.onnx', '')}-whole`);
    });

    it(`opens the text of ${name} and edits it`, async () => {
      const start = Date.now();
      const editor = await openText(name);
      assert.ok(Date.now() - start < PATIENCE_MS, `it took ${Date.now() - start} ms`);
      assert.ok(editor.document.lineCount > 5000);
      const edited = Date.now();
      await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), '# note\n'));
      await lensTitles(textOf(name));
      assert.ok(Date.now() - edited < PATIENCE_MS, `an edit took ${Date.now() - edited} ms`);
    });
  }
});
