import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { bytesOf, driver, notificationsWith, openFromExplorer, shot, standAlone, workspaceFile } from './support';

const FILES = [
  { name: 'bad-empty.onnx', says: /empty/i },
  { name: 'bad-text.onnx', says: /text/i },
  { name: 'bad-truncated.onnx', says: /truncated|cut off|ends/i },
  { name: 'bad-random.onnx', says: /not an onnx model|isn.t an onnx model|no onnx|byte/i },
] as const;

describe('a file that holds no model', () => {
  standAlone();

  for (const { name, says } of FILES) {
    it(`shows one clear message for ${name}`, async function () {
      if (!driver.onScreen) this.skip();
      await openFromExplorer(name);
      await driver.waitFor({ selector: '.message.error', webview: 'editor' }, 'visible', 10_000);
      const [text = ''] = (await driver.texts({ selector: '.message.error', webview: 'editor' })) ?? [];
      assert.match(text, says);
      assert.ok(text.includes(name), `the message names the file: ${text}`);
      assert.doesNotMatch(text, /\bat .*:\d+:\d+|Error:|undefined|\[object/, `no stack trace: ${text}`);
      await shot(__filename, name.replace('.onnx', ''));
    });

    it(`refuses to open ${name} as text, and writes nothing`, async () => {
      const before = bytesOf(workspaceFile(name));
      const folder = path.dirname(workspaceFile(name).fsPath);
      const files = readdirSync(folder);
      await vscode.commands.executeCommand('onnxFusionLens.openAsText', workspaceFile(name));
      const open = vscode.workspace.textDocuments.filter(
        ({ uri }) => uri.scheme === 'onnx-text' && uri.path.includes('bad-'),
      );
      assert.deepEqual(
        open.map(({ uri }) => uri.path),
        [],
      );
      if (driver.onScreen) {
        const text = (await notificationsWith(name)).find((candidate) => candidate.includes(name)) ?? '';
        assert.match(text, says);
        assert.doesNotMatch(text, /\bat .*:\d+:\d+|undefined|\[object/, `no stack trace: ${text}`);
        await shot(__filename, `${name.replace('.onnx', '')}-as-text`);
      }
      assert.ok(before.equals(bytesOf(workspaceFile(name))));
      assert.deepEqual(readdirSync(folder), files);
    });
  }
});
