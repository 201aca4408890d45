import * as vscode from 'vscode';
import { degenerateOf } from '../core/fusion/degenerate';
import { chainOf } from '../core/fusion/describe';
import type { Finding } from '../core/fusion/finding';
import { documentSelector, rangeOf, type Analyses, type Analysis } from './analysis';
import { DIAGNOSTIC_SOURCE, FUSABLE_CODE } from './diagnostics';
import { dropBiasEdit, fusionEdit, unfusionEdit } from './fuse';
import type { Measurements } from './measurements';

const FIX_ALL = vscode.CodeActionKind.SourceFixAll.append('onnxFusionLens');

/** The quick fixes on a pair: fuse it, all of its kind, all; drop a cancelled bias. Fuse-all is on `source.fixAll` too. */
export function registerCodeActions(analyses: Analyses, measurements: Measurements): vscode.Disposable {
  return vscode.languages.registerCodeActionsProvider(documentSelector, new FusionActions(analyses, measurements), {
    providedCodeActionKinds: [vscode.CodeActionKind.QuickFix, FIX_ALL],
  });
}

/** What touches many places is worked out when it's chosen, not each time the light bulb is looked for. */
interface LazyAction extends vscode.CodeAction {
  document?: vscode.TextDocument;
  version?: number;
  makeEdit?: () => vscode.WorkspaceEdit;
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
    const analysis = this.analyses.of(document);
    const { findings, errors } = analysis;
    if (errors.length > 0) return [];
    const fusable = findings.filter((finding) => finding.fusable);
    if (context.only && FIX_ALL.intersects(context.only) && !context.only.intersects(vscode.CodeActionKind.QuickFix)) {
      return fusable.length > 0 ? [this.fuseAll(document, FIX_ALL, fusable)] : [];
    }
    const quickFix = vscode.CodeActionKind.QuickFix;
    const here = fusable.filter((finding) => touches(document, finding, range));
    const diagnostics = context.diagnostics.filter(
      ({ source, code }) => source === DIAGNOSTIC_SOURCE && code === FUSABLE_CODE,
    );
    const actions = here.map((finding) => this.fuseOne(document, finding, here.length > 1, diagnostics));
    for (const fusedOp of new Set(here.map((finding) => finding.fusedOp))) {
      const alike = fusable.filter((finding) => finding.fusedOp === fusedOp);
      if (alike.length > 1 && alike.length < fusable.length) {
        actions.push(this.fuseAll(document, quickFix, alike, `Fuse all ${alike.length} ${chainOf(alike[0]!)}`));
      }
    }
    if (here.length > 0 && fusable.length > 1) actions.push(this.fuseAll(document, quickFix, fusable));
    actions.push(...this.dropBiases(document, analysis, range, context), ...this.unfuse(document, analysis, range));
    return actions;
  }

  resolveCodeAction(action: LazyAction): LazyAction {
    const { document, version, makeEdit } = action;
    if (document && makeEdit && document.version === version) action.edit = makeEdit();
    return action;
  }

  /** Dropping the bias under the cursor, and all that are cancelled. */
  private dropBiases(
    document: vscode.TextDocument,
    analysis: Analysis,
    range: vscode.Range,
    context: vscode.CodeActionContext,
  ): LazyAction[] {
    const cancelled = degenerateOf(analysis).filter(({ code }) => code === 'cancelled-bias');
    const here = cancelled.filter(({ node }) => node.span && rangeOf(document, node.span).intersection(range));
    if (here.length === 0) return [];
    const diagnostics = context.diagnostics.filter(
      ({ source, code }) => source === DIAGNOSTIC_SOURCE && code === 'cancelled-bias',
    );
    const make = (title: string, cases: typeof cancelled): LazyAction => {
      const action: LazyAction = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
      action.diagnostics = diagnostics;
      return later(action, document, () => dropBiasEdit(document, analysis, cases));
    };
    const names = here.map(({ node }) => node.inputs[2]!);
    const one = make(here.length === 1 ? `Drop the cancelled bias ${names[0]!}` : `Drop these cancelled biases`, here);
    if (cancelled.length === here.length) return [one];
    return [one, make(`Drop all ${cancelled.length} cancelled biases in this model`, cancelled)];
  }

  /** Turning back the fused node under the cursor, and all of them. */
  private unfuse(document: vscode.TextDocument, analysis: Analysis, range: vscode.Range): LazyAction[] {
    const { fused } = analysis;
    const here = fused.filter(({ node }) => node.span && rangeOf(document, node.span).intersection(range));
    if (here.length === 0) return [];
    const make = (title: string, nodes: typeof fused): LazyAction => {
      const action: LazyAction = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
      return later(action, document, () => unfusionEdit(document, analysis, nodes));
    };
    const one = here.map((node) => make(`Unfuse ${node.id}`, [node]));
    return fused.length > here.length ? [...one, make(`Unfuse all ${fused.length} in this model`, fused)] : one;
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

  private fuseAll(
    document: vscode.TextDocument,
    kind: vscode.CodeActionKind,
    findings: readonly Finding[],
    title = findings.length === 1 ? 'Fuse the one pair in this model' : `Fuse all ${findings.length} in this model`,
  ): LazyAction {
    const action: LazyAction = new vscode.CodeAction(title, kind);
    return later(action, document, () => fusionEdit(document, this.analyses.of(document), findings));
  }
}

function later(action: LazyAction, document: vscode.TextDocument, makeEdit: () => vscode.WorkspaceEdit): LazyAction {
  return Object.assign(action, { document, version: document.version, makeEdit });
}

/** "Fuse Conv → InstanceNormalization → Relu": the ops that become one. */
export function fuseTitle(finding: Finding): string {
  return `Fuse ${chainOf(finding)}`;
}

function touches(document: vscode.TextDocument, finding: Finding, range: vscode.Range): boolean {
  return finding.nodes.some((node) => node.span && rangeOf(document, node.span).intersection(range));
}
