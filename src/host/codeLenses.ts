import * as vscode from 'vscode';
import { adviceLines } from '../core/fusion/adviceText';
import { describeFusion } from '../core/fusion/describe';
import type { Finding, FusedNode } from '../core/fusion/finding';
import { fuseNotes } from '../core/fusion/rewrite';
import { documentSelector, rangeOf, type Analyses, type Analysis } from './analysis';
import { fuseTitle } from './codeActions';
import type { MeasurementOfFinding } from '../protocol';
import type { Measurements } from './measurements';

/** A lens on a pair or on a node that is fused already; what it says is worked out when it comes into view. */
class NodeLens extends vscode.CodeLens {
  constructor(
    range: vscode.Range,
    readonly describe: () => vscode.Command,
  ) {
    super(range);
  }
}

/** On each pair that can fuse: the fix, and what it gains on this machine. */
export function registerCodeLenses(analyses: Analyses, measurements: Measurements): vscode.Disposable {
  const changed = new vscode.EventEmitter<void>();
  const provider: vscode.CodeLensProvider = {
    onDidChangeCodeLenses: changed.event,
    provideCodeLenses(document) {
      const analysis = analyses.of(document);
      const { findings, fused } = analysis;
      const lenses: vscode.CodeLens[] = [];
      let fusable = 0;
      for (const finding of findings) {
        if (!finding.fusable) continue;
        fusable++;
        const { span } = finding.convolution;
        if (!span) continue;
        const range = rangeOf(document, span);
        lenses.push(
          new NodeLens(range, () => fuseCommand(analysis, finding, measurements)),
          new NodeLens(range, () => measureCommand(analysis, finding, measurements)),
        );
      }
      for (const node of fused) {
        const { span } = node.node;
        if (span) lenses.push(new NodeLens(rangeOf(document, span), () => unfuseCommand(analysis, node)));
      }
      return fusable > 0 ? [...summary(document, analysis, fusable), ...lenses] : lenses;
    },
    resolveCodeLens(lens) {
      if (lens instanceof NodeLens) lens.command = lens.describe();
      return lens;
    },
  };
  return vscode.Disposable.from(
    changed,
    analyses.onDidChange(() => changed.fire()),
    measurements.onDidChange(() => changed.fire()),
    vscode.languages.registerCodeLensProvider(documentSelector, provider),
  );
}

const unfuseCommand = ({ uri }: Analysis, { id }: FusedNode): vscode.Command => ({
  title: '$(debug-step-back) Unfuse',
  command: 'onnxFusionLens.unfuse',
  arguments: [uri, id],
});

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

const speedupOf = (state: MeasurementOfFinding | undefined): number | undefined =>
  state?.kind === 'measured' ? state.speedup : undefined;

function fuseCommand(analysis: Analysis, finding: Finding, measurements: Measurements): vscode.Command {
  const notes = fuseNotes(analysis.model);
  const raised = notes.find((note) => note.startsWith('raises'));
  return {
    title: `$(zap) ${fuseTitle(finding)}${raised === undefined ? '' : ` (${raised})`}`,
    tooltip: [
      `${describeFusion(finding)}.`,
      ...(notes.length > 0 ? [`In the model's header, it ${notes.join(' and ')}.`] : []),
      ...adviceLines(finding, speedupOf(measurements.of(analysis, finding))),
    ].join('\n'),
    command: 'onnxFusionLens.fuse',
    arguments: [analysis.uri, finding.id],
  };
}

function measureCommand(analysis: Analysis, finding: Finding, measurements: Measurements): vscode.Command {
  const measure = (title: string, tooltip: string): vscode.Command => ({
    title,
    tooltip,
    command: 'onnxFusionLens.measure',
    arguments: [analysis.uri, finding.id],
  });
  const state = measurements.of(analysis, finding);
  switch (state?.kind) {
    case undefined:
      return measure('$(dashboard) Measure', 'Measure this pair on this machine');
    case 'running':
      return { title: '$(loading~spin) Measuring…', command: '' };
    case 'failed':
      return measure('$(warning) Not measured', state.message);
    case 'measured':
      return measure(`$(dashboard) ${state.title}`, state.detail);
  }
}
