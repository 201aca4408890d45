import * as vscode from 'vscode';
import type { Finding } from '../core/fusion/finding';
import { documentSelector, rangeOf, type Analyses } from './analysis';
import { DIAGNOSTIC_SOURCE, FUSABLE_CODE } from './diagnostics';
import { fusionEdit } from './fuse';
import type { Measurements } from './measurements';

const FIX_ALL = vscode.CodeActionKind.SourceFixAll.append('onnxFusionLens');

/** The quick fix on a pair, and fuse-all as a quick fix and on `source.fixAll`. */
export function registerCodeActions(analyses: Analyses, measurements: Measurements): vscode.Disposable {
  return vscode.languages.registerCodeActionsProvider(documentSelector, new FusionActions(analyses, measurements), {
    providedCodeActionKinds: [vscode.CodeActionKind.QuickFix, FIX_ALL],
  });
}

/** Fuse-all is worked out when it's chosen, not each time the light bulb is looked for. */
interface LazyAction extends vscode.CodeAction {
  document?: vscode.TextDocument;
  version?: number;
}

class FusionActions implements vscode.CodeActionProvider<LazyAction> {
  constructor(
    private readonly analyses: Analyses,
    private readonly measurements: Measurements,
  ) {}

  provideCodeActions(
    document: vscode.TextDocument,
    range: vscode.Range,
    context: vscode.CodeActionContext,
  ): LazyAction[] {
    const { findings, errors } = this.analyses.of(document);
    const fusable = findings.filter((finding) => finding.fusable);
    if (fusable.length === 0 || errors.length > 0) return [];
    if (context.only && FIX_ALL.intersects(context.only) && !context.only.intersects(vscode.CodeActionKind.QuickFix)) {
      return [this.fuseAll(document, FIX_ALL, fusable.length)];
    }
    const here = fusable.filter((finding) => touches(document, finding, range));
    if (here.length === 0) return [];
    const diagnostics = context.diagnostics.filter(
      ({ source, code }) => source === DIAGNOSTIC_SOURCE && code === FUSABLE_CODE,
    );
    const actions = here.map((finding) => this.fuseOne(document, finding, here.length > 1, diagnostics));
    return fusable.length > 1
      ? [...actions, this.fuseAll(document, vscode.CodeActionKind.QuickFix, fusable.length)]
      : actions;
  }

  resolveCodeAction(action: LazyAction): LazyAction {
    const { document, version } = action;
    if (document && document.version === version) {
      const analysis = this.analyses.of(document);
      action.edit = fusionEdit(document, analysis, analysis.findings);
    }
    return action;
  }

  private fuseOne(
    document: vscode.TextDocument,
    finding: Finding,
    several: boolean,
    diagnostics: vscode.Diagnostic[],
  ): LazyAction {
    const action: LazyAction = new vscode.CodeAction(
      `${fuseTitle(finding)}${several ? ` (${finding.id})` : ''}`,
      vscode.CodeActionKind.QuickFix,
    );
    action.edit = fusionEdit(document, this.analyses.of(document), [finding]);
    action.diagnostics = diagnostics;
    const measured = this.measurements.of(this.analyses.of(document), finding);
    action.isPreferred = !several && !(measured?.kind === 'measured' && measured.speedup < 1);
    return action;
  }

  private fuseAll(document: vscode.TextDocument, kind: vscode.CodeActionKind, count: number): LazyAction {
    const action: LazyAction = new vscode.CodeAction(
      count === 1 ? 'Fuse the one pair in this model' : `Fuse all ${count} in this model`,
      kind,
    );
    action.document = document;
    action.version = document.version;
    return action;
  }
}

/** "Fuse Conv → InstanceNormalization → Relu": the ops that become one. */
export function fuseTitle(finding: Finding): string {
  const ops = [finding.convolution, finding.normalization, finding.activation].flatMap((node) => node?.opType ?? []);
  return `Fuse ${ops.join(' → ')}`;
}

function touches(document: vscode.TextDocument, finding: Finding, range: vscode.Range): boolean {
  return finding.nodes.some((node) => node.span && rangeOf(document, node.span).intersection(range));
}
