import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { textUriOf } from '../../../src/host/uris';
import { diagnosticsOf, driver, goTo, openText, shot, standAlone, until, workspaceFile } from './support';

/** A text on disk with what the exported model lacks: a function, a call of it, a subgraph. */
const FUNCTION_TEXT = `<ir_version: 8, opset_import: ["": 17, "own": 1]>
main (float[N] x, bool flag) => (float[N] y)
{
  [call] scaled = own.Scale <factor = 2.0> (x)
  y = If (flag) <
    then_branch = then () => (float[N] a) { a = Identity (scaled) },
    else_branch = otherwise () => (float[N] b) { b = Neg (scaled) }
  >
}
<domain: "own", opset_import: ["": 17]>
Scale <factor> (value) => (result)
{
  by = Constant <value_float: float = @factor> ()
  result = Mul (value, by)
}
`;

const errors = (document: vscode.TextDocument): vscode.Diagnostic[] =>
  diagnosticsOf(document).filter(({ severity }) => severity === vscode.DiagnosticSeverity.Error);

/** Opens a model's text, or a text on disk, and gives it the focus. */
async function open(name: string): Promise<vscode.TextEditor> {
  if (name.endsWith('.onnx')) return openText(name);
  const editor = await vscode.window.showTextDocument(workspaceFile(name), { preview: false });
  await driver.waitFor({ selector: '.part.editor .monaco-editor.focused' });
  return editor;
}

/** The name, and the value that the first convolution computes, as they are written, and where the node stands. */
function convolution(document: vscode.TextDocument): {
  readonly label: string;
  readonly value: string;
  readonly line: number;
} {
  const match = /^ *\[("[^"]*"|\w+)\] ("[^"]*"|\w+) = Conv /m.exec(document.getText());
  assert.ok(match, 'the model has no convolution with a name');
  return { label: match[1]!, value: match[2]!, line: document.positionAt(match.index).line };
}

/** A node's result that later nodes read at least twice: with one reading, references are gone to, not listed. */
function valueReadTwice(document: vscode.TextDocument): { value: string; line: number; places: number } {
  for (const match of document.getText().matchAll(/^ *\[(?:"[^"]*"|\w+)\] ("[^"]*") = /gm)) {
    const value = match[1]!;
    const places = count(document, value);
    if (places > 2) return { value, line: document.positionAt(match.index).line, places };
  }
  assert.fail('the model has no value that is read twice');
}

const count = (document: vscode.TextDocument, text: string): number => document.getText().split(text).length - 1;

/** Waits for the cursor, and tells where it is when it doesn't come. */
async function cursorAt(editor: vscode.TextEditor, what: string, line: number): Promise<void> {
  await until(`the cursor is at ${what}`, () => editor.selection.active.line === line);
}

/** Puts the cursor into a text's first occurrence from a line on. */
function placeAfter(editor: vscode.TextEditor, text: string, line: number): vscode.Position {
  const from = editor.document.offsetAt(new vscode.Position(line, 0));
  const at = editor.document.getText().indexOf(text, from);
  assert.ok(at >= 0, `${text} is not below line ${line + 1}`);
  const position = editor.document.positionAt(at + 2);
  editor.selection = new vscode.Selection(position, position);
  editor.revealRange(editor.selection, vscode.TextEditorRevealType.InCenter);
  return position;
}

/** Lets the window take the cursor that was just set. */
const settled = (): Thenable<unknown> => vscode.commands.executeCommand('setContext', 'e2e.cursor', Date.now());

/** Writes a line below the first convolution, and puts the cursor at its end. */
async function writeBelow(editor: vscode.TextEditor, text: string): Promise<number> {
  const { line } = convolution(editor.document);
  const end = editor.document.lineAt(line).range.end;
  assert.ok(await editor.edit((edit) => edit.insert(end, `\n  ${text}`)));
  const start = new vscode.Position(line + 1, text.length + 2);
  editor.selection = new vscode.Selection(start, start);
  editor.revealRange(editor.selection, vscode.TextEditorRevealType.InCenter);
  await settled();
  return line + 1;
}

for (const name of ['model.onnx', 'model-on-disk.onnxtxt']) {
  describe(`keys typed in ${name}`, () => {
    standAlone();
    const picture = (what: string): Promise<void> => shot(__filename, `${path.extname(name).slice(1)}-${what}`);

    before(async function () {
      if (!driver.onScreen) this.skip();
      const document = await vscode.workspace.openTextDocument(textUriOf(workspaceFile('model.onnx')));
      writeFileSync(workspaceFile('model-on-disk.onnxtxt').fsPath, document.getText());
    });

    it('goes to a node by the outline with Ctrl+Shift+O, and shows the way in the breadcrumbs', async () => {
      const editor = await open(name);
      const { label, line } = convolution(editor.document);
      await driver.press('Control+Shift+o', undefined);
      const bare = label.replaceAll('"', '');
      await driver.waitFor({ selector: '.quick-input-widget .monaco-list-row' });
      await driver.type(bare);
      await driver.waitFor({ selector: '.quick-input-widget .monaco-list-row', hasText: bare });
      await picture('outline');
      await driver.press('Enter', undefined);
      await cursorAt(editor, 'the node', line);
      await driver.waitFor({ selector: '.breadcrumbs-control .monaco-breadcrumb-item', hasText: bare });
      await picture('breadcrumbs');
    });

    it('folds the nodes with Ctrl+Shift+[', async () => {
      const editor = await open(name);
      const { document } = editor;
      const brace = document.getText().split('\n').indexOf('{');
      editor.selection = new vscode.Selection(brace, 0, brace, 0);
      editor.revealRange(editor.selection, vscode.TextEditorRevealType.InCenter);
      await settled();
      await driver.press('Control+Shift+[', undefined);
      await until('the nodes are folded away', () =>
        editor.visibleRanges.some(({ end }) => end.line <= brace || end.line >= document.lineCount - 2),
      );
      const shownLines = (): number =>
        editor.visibleRanges.reduce((sum, { start, end }) => sum + end.line - start.line + 1, 0);
      assert.ok(shownLines() < 60, `${shownLines()} lines are shown`);
      await picture('folded');
      await driver.press('Control+Shift+]', undefined);
    });

    it('goes to the definition with F12, and lists references with Shift+F12', async () => {
      const editor = await open(name);
      const { value, line, places } = valueReadTwice(editor.document);
      placeAfter(editor, value, line + 1);
      await settled();
      await driver.waitFor({ selector: '.monaco-editor :is(.wordHighlight, .wordHighlightStrong)' });
      await picture('highlight');
      await driver.press('F12', undefined);
      await cursorAt(editor, 'the definition', line);
      await driver.press('Shift+F12', undefined);
      await driver.waitFor({ selector: '.peekview-widget .ref-tree .monaco-list-row' });
      const [title = ''] = (await driver.texts({ selector: '.peekview-widget .peekview-title' })) ?? [];
      assert.match(title, new RegExp(`\\b${places}\\b`));
      const rows = await driver.texts({ selector: '.peekview-widget .ref-tree .monaco-list-row' });
      assert.equal(rows?.length, places);
      await picture('references');
      await driver.press('Escape', undefined);
    });

    it('renames a value and a node with F2', async () => {
      const editor = await open(name);
      const { document } = editor;
      for (const [which, renamed] of [
        ['value', 'renamed_value'],
        ['label', 'renamed_node'],
      ] as const) {
        const found = convolution(document);
        const old = found[which];
        const places = which === 'value' ? count(document, old) : 1;
        placeAfter(editor, old, found.line);
        await settled();
        await driver.press('F2', undefined);
        await driver.waitFor({ selector: '.rename-box input:focus' });
        await driver.press('Control+a', undefined);
        await driver.type(renamed);
        await picture(`rename-${which}`);
        await driver.press('Enter', undefined);
        await until(`the ${which} is renamed`, () => count(document, renamed) === places);
        if (which === 'value') assert.equal(count(document, old), 0);
      }
      await until('nothing is wrong', () => errors(document).length === 0);
    });

    it('explains an op with Ctrl+K Ctrl+I', async () => {
      const editor = await open(name);
      placeAfter(editor, 'Conv <', convolution(editor.document).line);
      await settled();
      await driver.press('Control+k', undefined);
      await driver.press('Control+i', undefined);
      await driver.waitFor({ selector: '.monaco-hover:not(.hidden) .hover-row', hasText: 'Documentation' });
      const shown = ((await driver.texts({ selector: '.monaco-hover:not(.hidden)' })) ?? []).join('\n');
      assert.match(shown, /Conv/);
      assert.match(shown, /kernel_shape/);
      assert.match(shown, /since|opset/i);
      await picture('hover-op');
      await driver.press('Escape', undefined);
      placeAfter(editor, convolution(editor.document).value, convolution(editor.document).line);
      await settled();
      await driver.press('Control+k', undefined);
      await driver.press('Control+i', undefined);
      await driver.waitFor({ selector: '.monaco-hover:not(.hidden) .hover-row' });
      await picture('hover-value');
    });

    it('completes ops, attributes and values with Ctrl+Space', async () => {
      const editor = await open(name);
      const { document } = editor;
      const { value } = convolution(document);
      const line = await writeBelow(editor, 'extra = Leaky');
      await driver.press('Control+ ', undefined);
      await driver.waitFor({ selector: '.suggest-widget.visible .monaco-list-row', hasText: 'LeakyRelu' });
      await picture('complete-op');
      await driver.press('Enter', undefined);
      await until('the op is written', () => document.lineAt(line).text.includes('LeakyRelu'));
      // What the completion of an op leaves behind it doesn't matter here.
      const write = async (text: string): Promise<void> => {
        assert.ok(await editor.edit((edit) => edit.replace(document.lineAt(line).range, text)));
        const end = document.lineAt(line).range.end;
        editor.selection = new vscode.Selection(end, end);
        await settled();
        await driver.press('Control+ ', undefined);
      };
      await write('  extra = LeakyRelu <al');
      await driver.waitFor({ selector: '.suggest-widget.visible .monaco-list-row', hasText: 'alpha' });
      await picture('complete-attribute');
      await driver.press('Escape', undefined);
      await write('  extra = LeakyRelu <alpha = 0.5> (');
      await driver.type(value.replaceAll('"', '').slice(0, 3));
      await driver.waitFor({
        selector: '.suggest-widget.visible .monaco-list-row',
        hasText: value.replaceAll('"', ''),
      });
      await picture('complete-value');
      await driver.press('Escape', undefined);
      await driver.press('Escape', undefined);
    });

    it('shows the signature with Ctrl+Shift+Space', async () => {
      const editor = await open(name);
      const { value } = convolution(editor.document);
      await writeBelow(editor, `extra = Conv (${value}, `);
      await driver.press('Control+Shift+ ', undefined);
      await driver.waitFor({ selector: '.parameter-hints-widget.visible', hasText: 'Conv (X: T, W: T, B?: T)' });
      const active = await driver.texts({ selector: '.parameter-hints-widget.visible .parameter.active' });
      assert.deepEqual(
        active?.map((text) => text.trim()),
        ['W: T'],
      );
      await picture('signature');
      await driver.press('Escape', undefined);
    });

    it('formats with Ctrl+Shift+I', async () => {
      const editor = await open(name);
      const { document } = editor;
      const before = document.getText();
      const at = document.positionAt(before.indexOf(' = Conv <'));
      assert.ok(
        await editor.edit((edit) =>
          edit.replace(new vscode.Range(at, at.translate(0, ' = Conv <'.length)), '=Conv   <'),
        ),
      );
      await settled();
      await driver.press('Control+Shift+i', undefined);
      await until('the text has its shape again', () => document.getText() === before);
    });

    it('shows shapes behind the values, and colours by meaning', async () => {
      const editor = await open(name);
      const settings = vscode.workspace.getConfiguration('onnxFusionLens');
      await settings.update('inlayHints.shapes', true, vscode.ConfigurationTarget.Global);
      try {
        await vscode.commands.executeCommand('cursorBottom');
        const whole = new vscode.Range(0, 0, editor.document.lineCount, 0);
        const hints = await until('there are hints', async () => {
          const found = await vscode.commands.executeCommand<vscode.InlayHint[]>(
            'vscode.executeInlayHintProvider',
            editor.document.uri,
            whole,
          );
          return found.length > 0 ? found : undefined;
        });
        const [hint] = hints.slice(-1);
        const label = typeof hint!.label === 'string' ? hint!.label : hint!.label.map(({ value }) => value).join('');
        await driver.waitFor({ selector: '.monaco-editor .view-line', hasText: label.trim() });
        // Colours of meaning differ from those of the grammar: the initializers' and the values' names.
        const colours = (await driver.evaluate(
          `new Set([...document.querySelectorAll('.monaco-editor .view-line span span')].map((e) => getComputedStyle(e).color)).size`,
        )) as number;
        assert.ok(colours >= 5, `${colours} colours`);
        await picture('shapes');
      } finally {
        await settings.update('inlayHints.shapes', undefined, vscode.ConfigurationTarget.Global);
      }
    });
  });
}

describe('keys typed in a text with a function', () => {
  standAlone();
  const NAME = 'function.onnxtxt';

  beforeEach(function () {
    if (!driver.onScreen) this.skip();
    writeFileSync(workspaceFile(NAME).fsPath, FUNCTION_TEXT);
  });

  it('goes from a call to the function with F12, and renames it everywhere with F2', async () => {
    const editor = await open(NAME);
    const { document } = editor;
    await until('nothing is wrong', () => errors(document).length === 0);
    const call = await goTo(editor, 'Scale <factor = 2.0>');
    await driver.press('F12', undefined);
    await until('the cursor is at the function', () => editor.selection.active.line > call.line + 4);
    await driver.press('F2', undefined);
    await driver.waitFor({ selector: '.rename-box input:focus' });
    await driver.press('Control+a', undefined);
    await driver.type('Multiply');
    await shot(__filename, 'function-rename');
    await driver.press('Enter', undefined);
    await until(
      'the call is renamed too',
      () => count(document, 'own.Multiply') === 1 && count(document, 'Scale') === 0,
    );
    await until('nothing is wrong after it', () => errors(document).length === 0);
  });

  it('outlines functions and subgraphs, and follows a value into a subgraph', async () => {
    const editor = await open(NAME);
    const { document } = editor;
    await driver.press('Control+Shift+o', undefined);
    for (const entry of ['main', 'Scale', 'then_branch', 'call']) {
      await driver.waitFor({ selector: '.quick-input-widget .monaco-list-row', hasText: entry });
    }
    await shot(__filename, 'function-outline');
    await driver.press('Escape', undefined);
    await goTo(editor, 'scaled) },');
    await driver.press('F12', undefined);
    await cursorAt(
      editor,
      'the value outside',
      document
        .getText()
        .split('\n')
        .findIndex((line) => line.includes('[call]')),
    );
    await driver.press('Shift+F12', undefined);
    await driver.waitFor({ selector: '.peekview-widget .ref-tree .monaco-list-row' });
    await shot(__filename, 'function-references');
    await driver.press('Escape', undefined);
  });
});
