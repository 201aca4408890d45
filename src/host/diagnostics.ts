import * as vscode from 'vscode';
import { describeFusion } from '../core/fusion/describe';
import type { Finding } from '../core/fusion/finding';
import { openDocument, rangeOf, type Analyses, type Analysis } from './analysis';
import { LANGUAGE } from './uris';

export const DIAGNOSTIC_SOURCE = 'ONNX Fusion Lens';
/** Diagnostic code of a pair that can fuse; pairs that can't carry their reason's code. */
export const FUSABLE_CODE = 'fusable';

/** Shows parse errors and findings of the open texts in the Problems panel. */
export function registerDiagnostics(analyses: Analyses): vscode.Disposable {
  const collection = vscode.languages.createDiagnosticCollection('onnxFusionLens');
  const update = (uri: vscode.Uri) => {
    const document = openDocument(uri);
    if (document?.languageId === LANGUAGE) collection.set(uri, diagnosticsOf(document, analyses.of(document)));
    else collection.delete(uri);
  };
  for (const document of vscode.workspace.textDocuments) update(document.uri);
  return vscode.Disposable.from(collection, analyses.onDidChange(update));
}

function diagnosticsOf(document: vscode.TextDocument, analysis: Analysis): vscode.Diagnostic[] {
  const errors = analysis.errors.map(
    ({ message, span }) => new vscode.Diagnostic(rangeOf(document, span), message, vscode.DiagnosticSeverity.Error),
  );
  const findings = analysis.findings.flatMap((finding) => diagnosticOf(document, finding) ?? []);
  for (const diagnostic of errors.concat(findings)) diagnostic.source = DIAGNOSTIC_SOURCE;
  return errors.concat(findings);
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
  diagnostic.relatedInformation = (finding.reason?.related ?? []).flatMap(({ message, span: place, node }) => {
    const at = place ?? node?.spans?.opType ?? node?.span;
    return at
      ? [new vscode.DiagnosticRelatedInformation(new vscode.Location(document.uri, rangeOf(document, at)), message)]
      : [];
  });
  return diagnostic;
}
