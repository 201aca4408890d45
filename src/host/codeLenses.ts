import * as vscode from 'vscode';
import { adviceLines } from '../core/fusion/adviceText';
import { describeFusion } from '../core/fusion/describe';
import type { Finding } from '../core/fusion/finding';
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
      const { findings } = analysis;
      const fusable = findings.filter((finding) => finding.fusable);
      const lenses = fusable.flatMap((finding) => lensesOf(document, analysis, finding, measurements));
      return fusable.length > 0 ? [...summary(document, fusable.length, findings.length), ...lenses] : lenses;
    },
  };
  return vscode.Disposable.from(
    changed,
    analyses.onDidChange(() => changed.fire()),
    measurements.onDidChange(() => changed.fire()),
    vscode.languages.registerCodeLensProvider(documentSelector, provider),
  );
}

function summary(document: vscode.TextDocument, fusable: number, found: number): vscode.CodeLens[] {
  const top = new vscode.Range(0, 0, 0, 0);
  const lens = (title: string, command: string) =>
    new vscode.CodeLens(top, { title, command, arguments: [document.uri] });
  const pairs = found === 1 ? 'pair' : 'pairs';
  return [
    lens(`$(zap) Fuse all: ${fusable} of ${found} ${pairs}`, 'onnxFusionLens.fuseAll'),
    lens('$(dashboard) Measure all', 'onnxFusionLens.measure'),
  ];
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
  const fix = new vscode.CodeLens(range, {
    title: `$(zap) ${fuseTitle(finding)}`,
    tooltip: [`${describeFusion(finding)}.`, ...adviceLines(finding, speedup)].join('\n'),
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
