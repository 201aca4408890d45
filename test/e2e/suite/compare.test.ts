import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { decodeModel } from '../../../src/core/onnx/decode';
import { bytesSource } from '../../../src/core/wire/source';
import { textUriOf } from '../../../src/host/uris';
import { bytesOf, driver, notificationsWith, shot, standAlone, until, workspaceFile } from './support';

/** The two texts of the diff editor in front. */
interface Comparison {
  readonly left: vscode.TextDocument;
  readonly right: vscode.TextDocument;
  readonly title: string;
}

async function comparison(): Promise<Comparison> {
  const tab = await until('a diff editor is in front', () => {
    const active = vscode.window.tabGroups.activeTabGroup.activeTab;
    return active?.input instanceof vscode.TabInputTextDiff ? active : undefined;
  });
  const { original, modified } = tab.input as vscode.TabInputTextDiff;
  const [left, right] = [
    await vscode.workspace.openTextDocument(original),
    await vscode.workspace.openTextDocument(modified),
  ];
  return { left, right, title: tab.label };
}

/** The lines in which two texts of as many lines differ, left and right. */
function differences({ left, right }: Comparison): [string, string][] {
  assert.equal(left.lineCount, right.lineCount);
  return Array.from({ length: left.lineCount }, (_, line): [string, string] => [
    left.lineAt(line).text.trim(),
    right.lineAt(line).text.trim(),
  ]).filter(([a, b]) => a !== b);
}

describe('comparing models', () => {
  standAlone();
  const sample = bytesOf(workspaceFile('sample.onnx'));

  it('shows two models chosen in the explorer as text, the second editable', async () => {
    const changed = Buffer.from(sample);
    const { model } = decodeModelOf(changed);
    const weights = model.graph.initializers.find(
      ({ data }) => data.kind === 'embedded' && data.bytes.end - data.bytes.start > 1000,
    )!;
    assert.ok(weights.data.kind === 'embedded');
    changed[weights.data.bytes.start]! ^= 1;
    writeFileSync(workspaceFile('compare-a.onnx').fsPath, sample);
    writeFileSync(workspaceFile('compare-b.onnx').fsPath, changed);
    const uris = [workspaceFile('compare-a.onnx'), workspaceFile('compare-b.onnx')];
    await vscode.commands.executeCommand('onnxFusionLens.compareWith', uris[1], uris);
    const shown = await comparison();
    assert.equal(shown.right.uri.toString(), textUriOf(uris[1]!).toString());
    assert.equal(shown.title, 'compare-a.onnx ↔ compare-b.onnx');
    assert.equal(shown.left.languageId, 'onnx-text');
    const lines = differences(shown);
    assert.equal(lines.length, 1, 'the tensor with other bytes, and no other');
    assert.ok(lines[0]!.every((line) => line.includes(weights.name)));
    assert.match(lines[0]![0], /"location": "compare-a\.onnx", "bytes": "\d+", "sha256": "[0-9a-f]{16}"/);
    assert.match(lines[0]![1], /"location": "compare-b\.onnx", "offset": "\d+"/);
    await driver.waitFor({ selector: '.monaco-diff-editor .line-insert, .monaco-diff-editor .char-insert' });
    await shot(__filename, 'two-models');
  });

  it('offers the models of the workspace to compare with', async function () {
    if (!driver.onScreen) this.skip();
    await vscode.commands.executeCommand('onnxFusionLens.openAsText', workspaceFile('sample.onnx'));
    const compared = vscode.commands.executeCommand('onnxFusionLens.compareWith');
    await driver.waitFor({ selector: '.quick-input-widget .monaco-list-row', hasText: 'compare-b.onnx' });
    await shot(__filename, 'choices');
    await driver.type('compare-b');
    await driver.waitFor({ selector: '.quick-input-widget .monaco-list-row', hasText: 'compare-a.onnx' }, 'hidden');
    await driver.press('Enter', undefined);
    await compared;
    const shown = await comparison();
    assert.equal(shown.title, 'compare-b.onnx ↔ sample.onnx');
    assert.equal(differences(shown).length, 1);
  });

  it('says which of the files is no model', async () => {
    const uris = [workspaceFile('bad-text.onnx'), workspaceFile('sample.onnx')];
    await vscode.commands.executeCommand('onnxFusionLens.compareWith', uris[1], uris);
    assert.ok(!(vscode.window.tabGroups.activeTabGroup.activeTab?.input instanceof vscode.TabInputTextDiff));
    if (!driver.onScreen) return;
    const shown = await notificationsWith('bad-text.onnx');
    assert.ok(
      shown.some((text) => /bad-text\.onnx: .*text/.test(text)),
      shown.join('\n'),
    );
  });

  describe('in git', () => {
    const folder = (): string => path.dirname(workspaceFile('compare-git/net.onnx').fsPath);
    const net = (): vscode.Uri => workspaceFile('compare-git/net.onnx');
    const git = (...args: string[]): void => {
      const { status, stderr } = spawnSync('git', args, { cwd: folder(), encoding: 'utf8' });
      assert.equal(status, 0, `git ${args.join(' ')}: ${stderr}`);
    };
    const commit = (content: Uint8Array | string): void => {
      writeFileSync(net().fsPath, content);
      git('add', '.');
      git('commit', '-q', '--allow-empty', '-m', 'a version');
    };
    const settings = vscode.workspace.getConfiguration('git');

    before(async function () {
      if (spawnSync('git', ['--version']).status !== 0 || !vscode.extensions.getExtension('vscode.git')) {
        this.test!.title += ' (skipped: no git here)';
        this.skip();
      }
      mkdirSync(folder());
      git('init', '-q');
      git('config', 'user.name', 'Test');
      git('config', 'user.email', 'test@example.org');
      await settings.update('enabled', true, vscode.ConfigurationTarget.Global);
      const extension = vscode.extensions.getExtension<{ enabled: boolean }>('vscode.git');
      const exported = await extension?.activate();
      await until('git is on', () => exported?.enabled);
    });
    after(() => settings.update('enabled', undefined, vscode.ConfigurationTarget.Global));

    it('shows what was edited since HEAD, and goes on with what is edited now', async () => {
      commit(sample);
      await vscode.commands.executeCommand('onnxFusionLens.openAsText', net());
      const document = await vscode.workspace.openTextDocument(textUriOf(net()));
      await replaceIn(document, 'epsilon = 0.00001', 'epsilon = 0.5');
      assert.ok(await document.save());
      await vscode.commands.executeCommand('onnxFusionLens.compareWithHead', net());
      const shown = await comparison();
      assert.equal(shown.title, 'net.onnx (HEAD) ↔ net.onnx');
      assert.equal(shown.right, document);
      const [line, ...others] = differences(shown);
      assert.deepEqual(others, [], 'the weights, which all have moved, are no differences');
      assert.match(line![0], /epsilon = 0\.00001/);
      assert.match(line![1], /epsilon = 0\.5/);
      await driver.waitFor({ selector: '.monaco-diff-editor .char-insert' });
      await shot(__filename, 'head');
      // The comparison follows a save, which moves the weights in the file again.
      await replaceIn(
        document,
        'producer_name: "onnx-fusion-lens"',
        'producer_name: "a longer name than it was before"',
      );
      assert.ok(await document.save());
      await until('the left names the places that the weights have now', () => differences(shown).length === 2);
      assert.deepEqual(vscode.languages.getDiagnostics(shown.left.uri), []);
    });

    it('compares with what is staged, and with a commit chosen from its history', async function () {
      commit(sample);
      commit(bytesOf(workspaceFile('large-decoder.onnx')));
      commit(sample);
      if (!driver.onScreen) this.skip();
      await vscode.commands.executeCommand('onnxFusionLens.openAsText', net());
      const choose = async (...answers: readonly string[]): Promise<Comparison> => {
        const compared = vscode.commands.executeCommand('onnxFusionLens.compareWith', net());
        for (const answer of answers) {
          const row = { selector: '.quick-input-widget .monaco-list-row', hasText: answer };
          await driver.waitFor(row);
          await driver.click(row, undefined);
        }
        await compared;
        return comparison();
      };
      const staged = await choose('Index');
      assert.equal(staged.title, 'net.onnx (index) ↔ net.onnx');
      assert.deepEqual(differences(staged), []);
      const old = spawnSync('git', ['rev-parse', '--short', 'HEAD~1'], {
        cwd: folder(),
        encoding: 'utf8',
      }).stdout.trim();
      const earlier = await choose('Commit or branch', old);
      assert.equal(earlier.title, `net.onnx (${old}) ↔ net.onnx`);
      assert.match(earlier.left.getText(), /decoder \(/);
    });

    it('says what git lacks, or has instead of a model', async () => {
      writeFileSync(path.join(folder(), 'new.onnx'), sample);
      const fresh = workspaceFile('compare-git/new.onnx');
      await vscode.commands.executeCommand('onnxFusionLens.compareWithHead', fresh);
      if (driver.onScreen) await notificationsWith("new.onnx isn't in HEAD");
      commit('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n');
      writeFileSync(net().fsPath, sample);
      await vscode.commands.executeCommand('onnxFusionLens.compareWithHead', net());
      if (driver.onScreen) {
        const shown = await notificationsWith('Git LFS pointer');
        assert.ok(
          shown.some((text) => text.startsWith('net.onnx (HEAD): ')),
          shown.join('\n'),
        );
        await shot(__filename, 'lfs-pointer');
      }
      assert.ok(!(vscode.window.tabGroups.activeTabGroup.activeTab?.input instanceof vscode.TabInputTextDiff));
    });
  });
});

function decodeModelOf(bytes: Uint8Array): { readonly model: ReturnType<typeof decodeModel> } {
  return { model: decodeModel(bytesSource(bytes)) };
}

async function replaceIn(document: vscode.TextDocument, old: string, text: string): Promise<void> {
  const at = document.getText().indexOf(old);
  assert.ok(at >= 0, `${old} is not in the text`);
  const edit = new vscode.WorkspaceEdit();
  const range = new vscode.Range(document.positionAt(at), document.positionAt(at + old.length));
  edit.replace(document.uri, range, text);
  assert.ok(await vscode.workspace.applyEdit(edit));
}
