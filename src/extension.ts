import type * as vscode from 'vscode';
import { Analyses } from './host/analysis';
import { registerCodeActions } from './host/codeActions';
import { registerCodeLenses } from './host/codeLenses';
import { registerCommands } from './host/commands';
import { CompareTexts } from './host/compareTexts';
import { Dimensions } from './host/dimensions';
import { registerDiagnostics } from './host/diagnostics';
import { GraphPage } from './host/graphPage';
import { GraphPanel } from './host/graphPanel';
import { registerAdviceHovers } from './host/adviceHovers';
import { registerFusedPreviews } from './host/fuseFolder';
import { registerFusionCommands } from './host/fusionCommands';
import { FusionsTree } from './host/fusionsTree';
import { GraphReveals } from './host/graphReveals';
import { registerLanguageFeatures } from './host/language';
import { disposeLog } from './host/log';
import { Measurements } from './host/measurements';
import { ModelFiles } from './host/modelFiles';
import { registerSavedAsModel } from './host/savedAsModel';
import { Shapes } from './host/shapes';
import { TextFileSystem } from './host/textFileSystem';

export function activate(context: vscode.ExtensionContext): void {
  const files = new ModelFiles();
  const dimensions = new Dimensions(context.workspaceState);
  const shapes = new Shapes(context.extensionUri, dimensions);
  const analyses = new Analyses(files, shapes);
  const measurements = new Measurements(context.extensionUri, files, analyses, shapes, dimensions);
  const reveals = new GraphReveals();
  const services = { extensionUri: context.extensionUri, files, analyses, measurements, dimensions, reveals };
  const compareTexts = new CompareTexts(files);
  context.subscriptions.push(
    { dispose: disposeLog },
    files,
    dimensions,
    shapes,
    analyses,
    measurements,
    reveals,
    TextFileSystem.register(files),
    registerSavedAsModel(files),
    registerDiagnostics(analyses),
    registerCodeLenses(analyses, measurements),
    registerCodeActions(analyses, measurements),
    registerLanguageFeatures(analyses),
    registerAdviceHovers(analyses, measurements),
    registerFusedPreviews(services),
    registerFusionCommands(services),
    new FusionsTree(services),
    GraphPage.register(services),
    GraphPanel.register(services),
    compareTexts,
    registerCommands(services, compareTexts),
  );
}
