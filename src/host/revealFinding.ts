import * as vscode from 'vscode';
import type { TextSpan } from '../core/onnx/model';
import { describeFusion } from '../core/fusion/describe';
import { rangeOf, type Analyses, type Analysis } from './analysis';
import { GraphPage } from './graphPage';
import { GraphPanel } from './graphPanel';
import type { GraphReveals } from './graphReveals';
import type { Target } from './targets';
import { modelUriOf } from './uris';

/** The place in the text of what a target means; the text's beginning for a model. */
function placeOf(analysis: Analysis, { id, offset }: Target): TextSpan | undefined {
  if (offset !== undefined) return { start: offset, end: offset };
  if (id === undefined) return { start: 0, end: 0 };
  const node =
    analysis.findings.find((finding) => finding.id === id)?.convolution ??
    analysis.fused.find((fused) => fused.id === id)?.node;
  return node?.spans?.opType ?? node?.span;
}

/** Put the cursor on the finding's line in the text, opening it if need be. */
export async function revealInText(analyses: Analyses, target: Target): Promise<void> {
  const editor = await vscode.window.showTextDocument(target.uri, { preview: false });
  const span = placeOf(analyses.of(editor.document), target);
  if (span) reveal(editor, rangeOf(editor.document, { start: span.start, end: span.start }));
}

function reveal(editor: vscode.TextEditor, range: vscode.Range): void {
  editor.selection = new vscode.Selection(range.start, range.end);
  editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}

/** Select the finding's convolution in the graph: on the model's page, in the side panel for text that is no file's. */
export async function revealInGraph(analyses: Analyses, reveals: GraphReveals, target: Target): Promise<void> {
  const { uri } = target;
  const span = placeOf(await analyses.at(uri), target);
  if (span) reveals.request(uri, span.start);
  const model = modelUriOf(uri);
  if (model) await vscode.commands.executeCommand('vscode.openWith', model, GraphPage.viewType);
  else await vscode.commands.executeCommand(`${GraphPanel.viewId}.focus`);
}

/** Say why a pair can't fuse, and offer to go to what is in the way. */
export async function explain(analyses: Analyses, target: Target): Promise<void> {
  await revealInText(analyses, target);
  const document = await vscode.workspace.openTextDocument(target.uri);
  const finding = analyses.of(document).findings.find(({ id }) => id === target.id);
  if (!finding) return;
  const cause = (finding.reason?.related ?? [])
    .map(({ span, node }) => span ?? node?.spans?.opType ?? node?.span)
    .find((span) => span !== undefined);
  const goTo = cause ? [{ title: 'Go to the Cause', at: cause }] : [];
  const chosen = await vscode.window.showInformationMessage(`${describeFusion(finding)}.`, ...goTo);
  if (!chosen) return;
  reveal(await vscode.window.showTextDocument(document, { preview: false }), rangeOf(document, chosen.at));
}
