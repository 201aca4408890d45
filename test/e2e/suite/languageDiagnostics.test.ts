import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import * as vscode from 'vscode';
import { diagnosticsOf, driver, openText, shot, standAlone, until, workspaceFile } from './support';

interface Mistake {
  readonly what: string;
  /** Text below the first node. */
  readonly nodes?: string;
  /** Text before the first declaration of the graph. */
  readonly declared?: string;
  /** A change anywhere. */
  readonly change?: readonly [from: RegExp, to: string];
  readonly code: string;
  /** What the diagnostic marks. */
  readonly marks: string;
  readonly severity?: vscode.DiagnosticSeverity;
}

const { Error: error, Hint, Information, Warning } = vscode.DiagnosticSeverity;
const MISTAKES: readonly Mistake[] = [
  { what: 'an undefined value', nodes: 'extra = Relu (nowhere)', code: 'undefined-value', marks: 'nowhere' },
  { what: 'a value defined twice', nodes: 'input = Relu (input)', code: 'duplicate-definition', marks: 'input' },
  { what: 'a cycle', nodes: 'one = Relu (other)\n  other = Relu (one)', code: 'cycle', marks: '' },
  { what: 'an unknown op', nodes: 'extra = Cnov (input)', code: 'unknown-op', marks: 'Cnov' },
  {
    what: 'an unknown attribute',
    nodes: 'extra = Relu <wrong = 1> (input)',
    code: 'unknown-attribute',
    marks: 'wrong',
  },
  { what: 'too many inputs', nodes: 'extra = Relu (input, input)', code: 'input-count', marks: '' },
  { what: 'too few inputs', nodes: 'extra = Conv (input)', code: 'input-count', marks: '' },
  { what: 'too many outputs', nodes: 'extra, more = Relu (input)', code: 'output-count', marks: '' },
  {
    what: 'an attribute of another type',
    nodes: 'extra = LeakyRelu <alpha = "x"> (input)',
    code: 'attribute-type',
    marks: '',
  },
  { what: 'an op of a later opset', nodes: 'extra = Gelu (input)', code: 'unknown-op', marks: 'Gelu' },
  {
    what: 'a domain that is not imported',
    nodes: 'extra = ai.onnx.ml.Scaler (input)',
    code: 'missing-opset',
    marks: '',
  },
  {
    what: 'an opset to come',
    change: [/opset_import: \["": \d+\]/, 'opset_import: ["": 99]'],
    code: 'unknown-opset',
    marks: '',
  },
  {
    what: 'an initializer that nothing reads',
    declared: 'float[1] lonely = {1},',
    code: 'unused-initializer',
    marks: 'lonely',
  },
  { what: 'a mistake in the syntax', nodes: 'extra = = Relu (input)', code: '', marks: '' },
];

for (const name of ['model.onnx', 'model-mistakes.onnxtxt']) {
  describe(`mistakes typed in ${name}`, () => {
    standAlone();

    const open = async (): Promise<vscode.TextEditor> => {
      const editor = await openText('model.onnx');
      if (name === 'model.onnx') return editor;
      writeFileSync(workspaceFile(name).fsPath, editor.document.getText());
      return vscode.window.showTextDocument(workspaceFile(name), { preview: false });
    };

    for (const { what, nodes, declared, change, code, marks } of MISTAKES) {
      it(`marks ${what}`, async () => {
        const editor = await open();
        const { document } = editor;
        const text = document.getText();
        let edited = text;
        if (nodes !== undefined) edited = edited.replace(/^\{\n.*\n/m, (first) => `${first}  ${nodes}\n`);
        if (declared !== undefined) edited = edited.replace(/=> \(.*\)\n<\n/, (head) => `${head}  ${declared}\n`);
        if (change) edited = edited.replace(...change);
        assert.notEqual(edited, text);
        if (code !== '')
          await until(`${code} isn't there yet`, () => !diagnosticsOf(document).some((known) => known.code === code));
        const whole = new vscode.Range(0, 0, document.lineCount, 0);
        assert.ok(await editor.edit((edit) => edit.replace(whole, edited)));
        const found = await until(`${what} is marked`, () =>
          diagnosticsOf(document).find((diagnostic) =>
            code === '' ? diagnostic.source === 'ONNX' && diagnostic.code === undefined : diagnostic.code === code,
          ),
        );
        assert.equal(found.source, 'ONNX');
        assert.ok([error, Warning, Information, Hint].includes(found.severity));
        assert.ok(found.message.length > 12, found.message);
        if (marks !== '') assert.equal(document.getText(found.range).replaceAll('"', ''), marks);
        assert.ok(!found.range.isEmpty, 'nothing is underlined');
        if (name === 'model.onnx' && code === 'cycle') {
          editor.revealRange(found.range, vscode.TextEditorRevealType.InCenter);
          await driver.waitFor({ selector: '.monaco-editor .squiggly-error' });
          await shot(__filename, code);
        }
      });
    }
  });
}

describe('mistakes while a person types', () => {
  standAlone();

  it('marks the syntax at once, and names and ops after it', async () => {
    const editor = await openText('model.onnx');
    const { document } = editor;
    await until('the text is checked', () => diagnosticsOf(document).length > 0);
    const seen: string[] = [];
    const note = (): void => {
      for (const { source, code } of diagnosticsOf(document)) {
        const kind = source !== 'ONNX' ? '' : typeof code === 'string' ? code : 'syntax';
        if (kind !== '' && !seen.includes(kind)) seen.push(kind);
      }
    };
    note();
    assert.ok(!seen.includes('syntax') && !seen.includes('unknown-op'), seen.join(', '));
    const listening = vscode.languages.onDidChangeDiagnostics(note);
    try {
      const edited = document
        .getText()
        .replace(/^\{\n.*\n/m, (first) => `${first}  one = Cnov (input)\n  two = = Relu (input)\n`);
      const whole = new vscode.Range(0, 0, document.lineCount, 0);
      assert.ok(await editor.edit((edit) => edit.replace(whole, edited)));
      await until('both are marked', () => seen.includes('syntax') && seen.includes('unknown-op'));
      assert.ok(seen.indexOf('syntax') < seen.indexOf('unknown-op'), seen.join(', '));
      await until('both stay', () => diagnosticsOf(document).filter(({ source }) => source === 'ONNX').length >= 2);
    } finally {
      listening.dispose();
    }
  });
});
