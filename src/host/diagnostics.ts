import * as vscode from 'vscode';
import { degenerateOf, type Degenerate } from '../core/fusion/degenerate';
import { describeFusion } from '../core/fusion/describe';
import type { Finding, RelatedPlace } from '../core/fusion/finding';
import { checkText } from '../core/language/check';
import type { Problem } from '../core/language/problem';
import { openDocument, rangeOf, type Analyses, type Analysis } from './analysis';
import { indexOf } from './language/textIndexes';
import { COMPARE_SCHEME, FUSED_SCHEME, LANGUAGE } from './uris';

/** Source of the diagnostics on fusions. */
export const DIAGNOSTIC_SOURCE = 'ONNX Fusion Lens';
/** Source of the diagnostics on the text itself: its syntax, names and ops. */
export const LANGUAGE_SOURCE = 'ONNX';
/** Diagnostic code of a pair that can fuse; pairs that can't carry their reason's code. */
export const FUSABLE_CODE = 'fusable';

/** Names and ops are checked this long after the rest, in milliseconds: not while a person types. */
const CHECK_AFTER_MS = 300;

/**
 * Shows the mistakes and the findings of the open texts in the Problems panel:
 * at once those that come with the analysis, which the lenses wait for too;
 * after a pause in typing those of names and ops. Until then the editor moves
 * the ones it has along with the text.
 */
export function registerDiagnostics(analyses: Analyses): vscode.Disposable {
  const found = vscode.languages.createDiagnosticCollection('onnxFusionLens');
  const checked = vscode.languages.createDiagnosticCollection('onnxFusionLens.checks');
  const pending = new Map<string, NodeJS.Timeout>();
  const cancel = (uri: vscode.Uri) => {
    clearTimeout(pending.get(uri.toString()));
    pending.delete(uri.toString());
  };
  const check = (uri: vscode.Uri) => {
    cancel(uri);
    const document = editableText(uri);
    if (document) checked.set(uri, problemsOf(document, analyses.of(document)));
  };
  const update = (uri: vscode.Uri) => {
    cancel(uri);
    const document = editableText(uri);
    if (document) {
      found.set(uri, diagnosticsOf(document, analyses.of(document)));
      const timer = setTimeout(() => check(uri), CHECK_AFTER_MS);
      pending.set(uri.toString(), timer);
    } else {
      found.delete(uri);
      checked.delete(uri);
    }
  };
  for (const document of vscode.workspace.textDocuments) update(document.uri);
  return vscode.Disposable.from(found, checked, analyses.onDidChange(update), {
    dispose: () => {
      for (const timer of pending.values()) clearTimeout(timer);
    },
  });
}

/** The open text of that URI, unless it only shows something. */
function editableText(uri: vscode.Uri): vscode.TextDocument | undefined {
  if (uri.scheme === COMPARE_SCHEME || uri.scheme === FUSED_SCHEME) return undefined;
  const document = openDocument(uri);
  return document?.languageId === LANGUAGE ? document : undefined;
}

function diagnosticsOf(document: vscode.TextDocument, analysis: Analysis): vscode.Diagnostic[] {
  const mistakes = analysis.errors.map(
    ({ message, span }) => new vscode.Diagnostic(rangeOf(document, span), message, vscode.DiagnosticSeverity.Error),
  );
  for (const diagnostic of mistakes) diagnostic.source = LANGUAGE_SOURCE;
  const findings = analysis.findings.flatMap((finding) => diagnosticOf(document, finding) ?? []);
  for (const found of degenerateOf(analysis)) {
    const diagnostic = degenerateDiagnostic(document, found);
    if (diagnostic) findings.push(diagnostic);
  }
  for (const diagnostic of findings) diagnostic.source = DIAGNOSTIC_SOURCE;
  return mistakes.concat(findings);
}

function problemsOf(document: vscode.TextDocument, analysis: Analysis): vscode.Diagnostic[] {
  return checkText(indexOf(analysis)).map((problem) => problemDiagnostic(document, problem));
}

const severities: Readonly<Record<Problem['severity'], vscode.DiagnosticSeverity>> = {
  error: vscode.DiagnosticSeverity.Error,
  warning: vscode.DiagnosticSeverity.Warning,
  information: vscode.DiagnosticSeverity.Information,
  hint: vscode.DiagnosticSeverity.Hint,
};

function problemDiagnostic(document: vscode.TextDocument, problem: Problem): vscode.Diagnostic {
  const { code, severity, message, span, unnecessary, related } = problem;
  const diagnostic = new vscode.Diagnostic(rangeOf(document, span), message, severities[severity]);
  diagnostic.source = LANGUAGE_SOURCE;
  diagnostic.code = code;
  if (unnecessary === true) diagnostic.tags = [vscode.DiagnosticTag.Unnecessary];
  diagnostic.relatedInformation = (related ?? []).map(
    ({ message: text, span: at }) =>
      new vscode.DiagnosticRelatedInformation(new vscode.Location(document.uri, rangeOf(document, at)), text),
  );
  return diagnostic;
}

function diagnosticOf(document: vscode.TextDocument, finding: Finding): vscode.Diagnostic | undefined {
  const span = finding.convolution.spans?.opType ?? finding.convolution.span;
  if (!span) return undefined;
  const diagnostic = new vscode.Diagnostic(
    rangeOf(document, span),
    describeFusion(finding),
    vscode.DiagnosticSeverity.Information,
  );
  diagnostic.code = finding.reason?.code ?? FUSABLE_CODE;
  const related = [...(finding.reason?.related ?? []), ...(finding.left ?? []).flatMap((left) => left.related)];
  diagnostic.relatedInformation = relatedInformation(document, related);
  return diagnostic;
}

function degenerateDiagnostic(document: vscode.TextDocument, found: Degenerate): vscode.Diagnostic | undefined {
  const { code, severity, message, span, related } = found;
  if (!span) return undefined;
  const diagnostic = new vscode.Diagnostic(
    rangeOf(document, span),
    message.charAt(0).toUpperCase() + message.slice(1),
    severities[severity],
  );
  diagnostic.code = code;
  if (code === 'cancelled-bias') diagnostic.tags = [vscode.DiagnosticTag.Unnecessary];
  diagnostic.relatedInformation = relatedInformation(document, related);
  return diagnostic;
}

function relatedInformation(
  document: vscode.TextDocument,
  places: readonly RelatedPlace[],
): vscode.DiagnosticRelatedInformation[] {
  return places.flatMap(({ message, span: place, node }) => {
    const at = place ?? node?.spans?.opType ?? node?.span;
    return at
      ? [new vscode.DiagnosticRelatedInformation(new vscode.Location(document.uri, rangeOf(document, at)), message)]
      : [];
  });
}
