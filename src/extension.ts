import type * as vscode from 'vscode';
import { Analyses } from './host/analysis';
import { registerCodeActions } from './host/codeActions';
import { registerCodeLenses } from './host/codeLenses';
import { registerCommands } from './host/commands';
import { CompareTexts } from './host/compareTexts';
import { registerDiagnostics } from './host/diagnostics';
import { GraphPage } from './host/graphPage';
import { GraphPanel } from './host/graphPanel';
import { registerLanguageFeatures } from './host/language';
import { disposeLog } from './host/log';
import { Measurements } from './host/measurements';
import { ModelFiles } from './host/modelFiles';
import { TextFileSystem } from './host/textFileSystem';

export function activate(context: vscode.ExtensionContext): void {
  const files = new ModelFiles();
  const analyses = new Analyses(files);
  const measurements = new Measurements(context.extensionUri, files, analyses);
  const services = { extensionUri: context.extensionUri, files, analyses, measurements };
  const compareTexts = new CompareTexts(files);
  context.subscriptions.push(
    { dispose: disposeLog },
    files,
    analyses,
    measurements,
    TextFileSystem.register(files),
    registerDiagnostics(analyses),
    registerCodeLenses(analyses, measurements),
    registerCodeActions(analyses, measurements),
    registerLanguageFeatures(analyses),
    GraphPage.register(services),
    GraphPanel.register(services),
    compareTexts,
    registerCommands(services, compareTexts),
  );
}
