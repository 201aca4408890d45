import * as vscode from 'vscode';
import { problemOf } from '../files/problem';
import { activeModel } from './activeModel';
import { compareWith, compareWithHead } from './compareCommand';
import type { CompareTexts } from './compareTexts';
import { fuse, unfuse } from './fuse';
import { GraphPage } from './graphPage';
import { GraphPanel } from './graphPanel';
import { log } from './log';
import { saveModelAs } from './saveModelAs';
import type { Services } from './services';
import { targetOf } from './targets';
import { isText, modelUriOf, toTextUri } from './uris';

/** Every command of the extension; each works on the model it is given, or on the active one. */
export function registerCommands(
  { files, analyses, measurements, dimensions }: Services,
  compareTexts: CompareTexts,
): vscode.Disposable {
  const commands: Readonly<Record<string, (uri: vscode.Uri, ...rest: never[]) => unknown>> = {
    'onnxFusionLens.openAsText': async (uri) => {
      await vscode.window.showTextDocument(toTextUri(uri), { preview: false });
    },
    'onnxFusionLens.openGraph': async (uri) => {
      const model = modelUriOf(uri) ?? uri;
      await vscode.commands.executeCommand('vscode.openWith', model, GraphPage.viewType);
    },
    'onnxFusionLens.showGraphPanel': async () => {
      await vscode.commands.executeCommand(`${GraphPanel.viewId}.focus`);
    },
    'onnxFusionLens.fuse': async (uri, id: string) => {
      await fuse(analyses, toTextUri(uri), [id]);
    },
    'onnxFusionLens.fuseAll': async (uri) => {
      const count = await fuse(analyses, toTextUri(uri));
      if (count === 0) void vscode.window.showInformationMessage('No pair in this model can be fused.');
    },
    'onnxFusionLens.unfuse': async (uri, id?: string) => {
      const count = await unfuse(analyses, toTextUri(uri), typeof id === 'string' ? [id] : undefined);
      if (count === 0) void vscode.window.showInformationMessage('No node in this model is fused.');
    },
    'onnxFusionLens.setDimensions': async (uri) => {
      await dimensions.ask(uri, (await analyses.at(toTextUri(uri))).model);
    },
    'onnxFusionLens.measure': async (uri, id?: string) => {
      await measurements.measure(toTextUri(uri), typeof id === 'string' ? [id] : undefined);
    },
    'onnxFusionLens.compareWith': async (uri, selected?: readonly vscode.Uri[]) => {
      await compareWith(compareTexts, uri, Array.isArray(selected) ? selected : []);
    },
    'onnxFusionLens.compareWithHead': async (uri) => {
      await compareWithHead(compareTexts, uri);
    },
    'onnxFusionLens.saveModelAs': async (uri, target?: vscode.Uri) => {
      await saveModelAs(files, uri, target instanceof vscode.Uri ? target : undefined);
    },
  };
  return vscode.Disposable.from(
    vscode.commands.registerCommand('onnxFusionLens.showLog', () => log().show()),
    ...Object.entries(commands).map(([name, run]) =>
      vscode.commands.registerCommand(name, async (target?: unknown, ...rest: unknown[]) => {
        const given = targetOf(target);
        const uri = given?.uri ?? activeModel();
        if (!uri) {
          void vscode.window.showInformationMessage('Open an ONNX model first.');
          return;
        }
        try {
          // Says what is wrong with a file that can't be read, where opening its text would only fail.
          const model = isText(uri) ? modelUriOf(uri) : uri;
          if (model) await files.get(model);
          await run(uri, ...((given?.id === undefined ? rest : [given.id]) as never[]));
        } catch (error) {
          log().error(`${name} on ${uri.toString(true)}: ${problemOf(error)}`);
          void vscode.window.showErrorMessage(problemOf(error));
        }
      }),
    ),
  );
}
