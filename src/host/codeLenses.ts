import * as vscode from 'vscode';
import { adviceLines } from '../core/fusion/adviceText';
import { describeFusion } from '../core/fusion/describe';
import type { Finding, FusedNode } from '../core/fusion/finding';
import { fuseNotes } from '../core/fusion/rewrite';
import { documentSelector, rangeOf, type Analyses, type Analysis } from './analysis';
import { fuseTitle } from './codeActions';
import type { Measurements } from './measurements';

/** On each pair that can fuse: the fix, and what it gains on this machine. */
export function registerCodeLenses(analyses: Analyses, measurements: Measurements): vscode.Disposable {
  const changed = new vscode.EventEmitter<void>();
  const provider: vscode.CodeLensProvider = {
    onDidChangeCodeLenses: changed.event,
    provideCodeLenses(document) {
      const analysis = analyses.of(document);
      const { findings, fused } = analysis;
      const fusable = findings.filter((finding) => finding.fusable);
      const lenses = fusable.flatMap((finding) => lensesOf(document, analysis, finding, measurements));
      lenses.push(...fused.flatMap((node) => unfuseLens(document, node)));
      return fusable.length > 0 ? [...summary(document, analysis, fusable.length), ...lenses] : lenses;
    },
  };
  return vscode.Disposable.from(
    changed,
    analyses.onDidChange(() => changed.fire()),
    measurements.onDidChange(() => changed.fire()),
    vscode.languages.registerCodeLensProvider(documentSelector, provider),
  );
}

/** On a node that is fused already. */
function unfuseLens(document: vscode.TextDocument, { id, node }: FusedNode): vscode.CodeLens[] {
  if (!node.span) return [];
  const command = {
    title: '$(debug-step-back) Unfuse',
    command: 'onnxFusionLens.unfuse',
    arguments: [document.uri, id],
  };
  return [new vscode.CodeLens(rangeOf(document, node.span), command)];
}

function summary(document: vscode.TextDocument, analysis: Analysis, fusable: number): vscode.CodeLens[] {
  const found = analysis.findings.length;
  const top = new vscode.Range(0, 0, 0, 0);
  const lens = (title: string, command: string) =>
    new vscode.CodeLens(top, { title, command, arguments: [document.uri] });
  const pairs = found === 1 ? 'pair' : 'pairs';
  const notes = fuseNotes(analysis.model).join(', ');
  const title = `$(zap) Fuse all: ${fusable} of ${found} ${pairs}${notes === '' ? '' : ` (${notes})`}`;
  return [lens(title, 'onnxFusionLens.fuseAll'), lens('$(dashboard) Measure all', 'onnxFusionLens.measure')];
}

function lensesOf(
  document: vscode.TextDocument,
  analysis: Analysis,
  finding: Finding,
  measurements: Measurements,
): vscode.CodeLens[] {
  const span = finding.convolution.span;
  if (!span) return [];
  const range = rangeOf(document, span);
  const state = measurements.of(analysis, finding);
  const speedup = state?.kind === 'measured' ? state.speedup : undefined;
  const notes = fuseNotes(analysis.model);
  const raised = notes.find((note) => note.startsWith('raises'));
  const fix = new vscode.CodeLens(range, {
    title: `$(zap) ${fuseTitle(finding)}${raised === undefined ? '' : ` (${raised})`}`,
    tooltip: [
      `${describeFusion(finding)}.`,
      ...(notes.length > 0 ? [`In the model's header, it ${notes.join(' and ')}.`] : []),
      ...adviceLines(finding, speedup),
    ].join('\n'),
    command: 'onnxFusionLens.fuse',
    arguments: [document.uri, finding.id],
  });
  const measure = (title: string, tooltip: string) =>
    new vscode.CodeLens(range, {
      title,
      tooltip,
      command: 'onnxFusionLens.measure',
      arguments: [document.uri, finding.id],
    });
  switch (state?.kind) {
    case undefined:
      return [fix, measure('$(dashboard) Measure', 'Measure this pair on this machine')];
    case 'running':
      return [fix, new vscode.CodeLens(range, { title: '$(loading~spin) Measuring…', command: '' })];
    case 'failed':
      return [fix, measure('$(warning) Not measured', state.message)];
    case 'measured':
      return [fix, measure(`$(dashboard) ${state.title}`, state.detail)];
  }
}
