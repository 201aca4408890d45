import * as vscode from 'vscode';
import type { Finding, FusedNode } from '../core/fusion/finding';
import type { Degenerate } from '../core/fusion/degenerate';
import { dropBiasEdits } from '../core/fusion/degenerateEdits';
import { fuseEdits } from '../core/fusion/rewrite';
import { unfuseEdits } from '../core/fusion/unfuse';
import type { TextEdit } from '../core/text/edit';
import { rangeOf, type Analyses, type Analysis } from './analysis';

function workspaceEdit(document: vscode.TextDocument, edits: readonly TextEdit[]): vscode.WorkspaceEdit {
  const edit = new vscode.WorkspaceEdit();
  for (const { span, newText } of edits) edit.replace(document.uri, rangeOf(document, span), newText);
  return edit;
}

/**
 * The edit of `document` that fuses `findings`; those that can't fuse are left
 * out. Text with errors isn't touched: what couldn't be read may be in the way.
 */
export function fusionEdit(
  document: vscode.TextDocument,
  analysis: Analysis,
  findings: readonly Finding[],
): vscode.WorkspaceEdit {
  const fusable = analysis.errors.length > 0 ? [] : findings.filter((finding) => finding.fusable);
  return workspaceEdit(document, fuseEdits(analysis.text, analysis.model, fusable));
}

/** The edit of `document` that turns fused nodes back; none where the text has errors. */
export function unfusionEdit(
  document: vscode.TextDocument,
  { text, model, errors }: Analysis,
  fused: readonly FusedNode[],
): vscode.WorkspaceEdit {
  return workspaceEdit(document, errors.length > 0 ? [] : unfuseEdits(text, model, fused));
}

/**
 * Turn fused nodes in the text at `uri` back, opening it if need be.
 * @param ids which nodes, as `findFused` names them; all when left out.
 * @returns how many were turned back.
 * @throws Error when the text has errors.
 */
export async function unfuse(analyses: Analyses, uri: vscode.Uri, ids?: readonly string[]): Promise<number> {
  const document = await vscode.workspace.openTextDocument(uri);
  const analysis = analyses.of(document);
  if (analysis.errors.length > 0) throw new Error('The text has errors. Mend them before unfusing.');
  const chosen = analysis.fused.filter((fused) => !ids || ids.includes(fused.id));
  if (chosen.length === 0) return 0;
  const applied = await vscode.workspace.applyEdit(unfusionEdit(document, analysis, chosen));
  return applied ? chosen.length : 0;
}

/** The edit of `document` that drops the cancelled biases among `cases`. */
export function dropBiasEdit(
  document: vscode.TextDocument,
  { text, model, errors }: Analysis,
  cases: readonly Degenerate[],
): vscode.WorkspaceEdit {
  return workspaceEdit(document, errors.length > 0 ? [] : dropBiasEdits(text, model, cases));
}

/**
 * Drop every cancelled bias in the text at `uri`, opening it if need be.
 * @returns how many were dropped.
 * @throws Error when the text has errors.
 */
export async function dropBiases(
  analyses: Analyses,
  uri: vscode.Uri,
  casesOf: (analysis: Analysis) => readonly Degenerate[],
): Promise<number> {
  const document = await vscode.workspace.openTextDocument(uri);
  const analysis = analyses.of(document);
  if (analysis.errors.length > 0) throw new Error('The text has errors. Mend them before dropping biases.');
  const cases = casesOf(analysis).filter(({ code }) => code === 'cancelled-bias');
  if (cases.length === 0) return 0;
  return (await vscode.workspace.applyEdit(dropBiasEdit(document, analysis, cases))) ? cases.length : 0;
}

/**
 * Fuse in the text at `uri`, opening it if need be.
 * @param ids which findings; all that can fuse when left out.
 * @returns how many pairs were fused.
 * @throws Error when the text has errors.
 */
export async function fuse(analyses: Analyses, uri: vscode.Uri, ids?: readonly string[]): Promise<number> {
  const document = await vscode.workspace.openTextDocument(uri);
  const analysis = analyses.of(document);
  if (analysis.errors.length > 0) throw new Error('The text has errors. Mend them before fusing.');
  const chosen = analysis.findings.filter((finding) => finding.fusable && (!ids || ids.includes(finding.id)));
  if (chosen.length === 0) return 0;
  const applied = await vscode.workspace.applyEdit(fusionEdit(document, analysis, chosen));
  return applied ? chosen.length : 0;
}
