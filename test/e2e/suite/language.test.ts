import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { diagnosticsOf, goTo, openText, standAlone, textOf, until } from './support';

const NAME = 'model.onnx';

/** Asks the editor what it would show at a place of the text. */
const ask = <T>(command: string, ...args: unknown[]): Promise<T> =>
  Promise.resolve(vscode.commands.executeCommand<T>(command, textOf(NAME).uri, ...args));

const markdownOf = (hovers: readonly vscode.Hover[]): string =>
  hovers
    .flatMap(({ contents }) =>
      contents.map((content) => (content instanceof vscode.MarkdownString ? content.value : '')),
    )
    .join('\n');

/** The first place of the text's first convolution's own name, and the value that it computes. */
function firstConvolution(document: vscode.TextDocument): { readonly op: number; readonly output: string } {
  const match = /^ *(?:\[[^\]]*\] )?("[^"]*"|\w+) = Conv </m.exec(document.getText());
  assert.ok(match, 'the model has no convolution');
  return { op: match.index + match[0].length - 'Conv <'.length, output: match[1]! };
}

const errorsOf = (document: vscode.TextDocument): vscode.Diagnostic[] =>
  diagnosticsOf(document).filter(({ severity }) => severity === vscode.DiagnosticSeverity.Error);

async function replace(editor: vscode.TextEditor, old: string, text: string): Promise<void> {
  const { document } = editor;
  const at = document.getText().indexOf(old);
  assert.ok(at >= 0, `${old} is not in the text`);
  const range = new vscode.Range(document.positionAt(at), document.positionAt(at + old.length));
  assert.ok(await editor.edit((edit) => edit.replace(range, text)));
}

describe('the language of the text', () => {
  standAlone();

  it('finds no fault with an exported model, outlines and folds it', async () => {
    const { document } = await openText(NAME);
    await until('the fusions are marked', () => diagnosticsOf(document).length > 0);
    assert.deepEqual(errorsOf(document), []);
    const [graph] = await ask<vscode.DocumentSymbol[]>('vscode.executeDocumentSymbolProvider');
    assert.ok(graph && graph.children.length > 50, 'the outline has the nodes');
    const folds = await ask<vscode.FoldingRange[]>('vscode.executeFoldingRangeProvider');
    assert.ok(folds.length >= 3, 'header, declarations and nodes fold');
    assert.deepEqual(
      (await ask<vscode.TextEdit[] | undefined>('vscode.executeFormatDocumentProvider', { tabSize: 2 })) ?? [],
      [],
    );
  });

  it('explains ops and values, and leads from a value to all its places', async () => {
    const editor = await openText(NAME);
    const { document } = editor;
    const { op, output } = firstConvolution(document);
    const place = document.positionAt(op + 1);
    const hover = markdownOf(await ask<vscode.Hover[]>('vscode.executeHoverProvider', place));
    assert.match(hover, /Conv \(X: T, W: T, B\?: T\) => \(Y: T\)/);
    assert.match(hover, /onnx\.ai\/onnx\/operators\/onnx__Conv\.html/);
    const value = await goTo(editor, `${output} = Conv`);
    const inside = value.translate(0, 2);
    const references = await ask<vscode.Location[]>('vscode.executeReferenceProvider', inside);
    assert.ok(references.length >= 2);
    const use = references.at(-1)!.range.start.translate(0, 1);
    const [definition] = await ask<vscode.Location[]>('vscode.executeDefinitionProvider', use);
    assert.ok(definition?.range.contains(inside), 'the use leads to the definition');
    const highlights = await ask<vscode.DocumentHighlight[]>('vscode.executeDocumentHighlights', inside);
    assert.equal(highlights.length, references.length);
  });

  it('renames a value everywhere, and refuses a name that is taken', async () => {
    const editor = await openText(NAME);
    const { document } = editor;
    const { output } = firstConvolution(document);
    const at = (await goTo(editor, `${output} = Conv`)).translate(0, 1);
    const count = document.getText().split(output).length - 1;
    const edit = await ask<vscode.WorkspaceEdit>('vscode.executeDocumentRenameProvider', at, 'a new name');
    assert.equal(edit.get(document.uri).length, count);
    assert.ok(await vscode.workspace.applyEdit(edit));
    assert.equal(document.getText().split('"a new name"').length - 1, count);
    const input = /\((?:\w+\[[^\]]*\] )("[^"]*"|\w+)/.exec(document.getText())![1]!.replaceAll('"', '');
    await assert.rejects(ask('vscode.executeDocumentRenameProvider', at, input), /is taken/);
    await until('nothing is wrong after the rename', () => errorsOf(document).length === 0);
  });

  it('completes ops, attributes and values, and shows which input is written', async () => {
    const editor = await openText(NAME);
    const { document } = editor;
    const { op, output } = firstConvolution(document);
    const line = document.positionAt(op).line + 1;
    const start = new vscode.Position(line, 0);
    const write = async (text: string): Promise<vscode.Position> => {
      assert.ok(await editor.edit((edit) => edit.replace(document.lineAt(line).range, text)));
      return new vscode.Position(line, text.length);
    };
    assert.ok(await editor.edit((edit) => edit.insert(start, '\n')));
    const labels = async (at: vscode.Position): Promise<string[]> => {
      const list = await ask<vscode.CompletionList>('vscode.executeCompletionItemProvider', at);
      return list.items.map(({ label }) => (typeof label === 'string' ? label : label.label));
    };
    assert.ok((await labels(await write('  extra = Le'))).includes('LeakyRelu'));
    assert.ok((await labels(await write('  extra = LeakyRelu <'))).includes('alpha'));
    const inputs = await write('  extra = LeakyRelu <alpha = 0.5> (');
    assert.ok((await labels(inputs)).includes(output.replaceAll('"', '')));
    const help = await ask<vscode.SignatureHelp>('vscode.executeSignatureHelpProvider', inputs);
    assert.match(help.signatures[0]!.label, /^LeakyRelu \(X: T\)/);
  });

  it('formats what a person wrote, and shows shapes where the setting asks for them', async () => {
    const editor = await openText(NAME);
    const { document } = editor;
    const before = document.getText();
    await replace(editor, ' = Conv <', '=Conv   <');
    await vscode.commands.executeCommand('editor.action.formatDocument');
    await until('the text has its shape again', () => document.getText() === before);
    const whole = new vscode.Range(0, 0, document.lineCount, 0);
    assert.deepEqual(await ask<vscode.InlayHint[]>('vscode.executeInlayHintProvider', whole), []);
    const settings = vscode.workspace.getConfiguration('onnxFusionLens');
    await settings.update('inlayHints.shapes', true, vscode.ConfigurationTarget.Global);
    try {
      const hints = await ask<vscode.InlayHint[]>('vscode.executeInlayHintProvider', whole);
      assert.ok(hints.length > 0, 'the output of the graph has a declared shape');
    } finally {
      await settings.update('inlayHints.shapes', undefined, vscode.ConfigurationTarget.Global);
    }
    const tokens = await ask<vscode.SemanticTokens>('vscode.provideDocumentRangeSemanticTokens', whole);
    assert.ok(tokens.data.length > 500);
  });
});
