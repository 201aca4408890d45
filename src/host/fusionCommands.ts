import * as vscode from 'vscode';
import { degenerateOf } from '../core/fusion/degenerate';
import { problemOf } from '../files/problem';
import { activeModel } from './activeModel';
import { dropBiases } from './fuse';
import { folderFor, fuseFolder } from './fuseFolder';
import { log } from './log';
import { explain, revealInGraph, revealInText } from './revealFinding';
import type { Services } from './services';
import { targetOf, type Target } from './targets';
import { toTextUri } from './uris';

/** The commands on findings that the tree, the graph's context menu and the explorer offer. */
export function registerFusionCommands(services: Services): vscode.Disposable {
  const { analyses, reveals } = services;
  const onTarget: Readonly<Record<string, (target: Target) => Promise<void>>> = {
    'onnxFusionLens.revealInText': (target) => revealInText(analyses, target),
    'onnxFusionLens.revealInGraph': (target) => revealInGraph(analyses, reveals, target),
    'onnxFusionLens.explain': (target) => explain(analyses, target),
    'onnxFusionLens.unfuseNode': async ({ uri, id }) => {
      if (id !== undefined) await vscode.commands.executeCommand('onnxFusionLens.unfuse', uri, id);
    },
    'onnxFusionLens.dropBiases': async ({ uri }) => {
      const count = await dropBiases(analyses, uri, degenerateOf);
      if (count === 0) void vscode.window.showInformationMessage('No bias in this model is cancelled.');
    },
  };
  const guarded = (name: string, run: (argument: unknown) => Promise<void>): vscode.Disposable =>
    vscode.commands.registerCommand(name, async (argument?: unknown) => {
      try {
        await run(argument);
      } catch (error) {
        log().error(`${name}: ${problemOf(error)}`);
        void vscode.window.showErrorMessage(problemOf(error));
      }
    });
  return vscode.Disposable.from(
    ...Object.entries(onTarget).map(([name, run]) =>
      guarded(name, async (argument) => {
        const active = activeModel();
        const target = targetOf(argument) ?? (active && { uri: active });
        if (target) await run({ ...target, uri: toTextUri(target.uri) });
        else void vscode.window.showInformationMessage('Open an ONNX model first.');
      }),
    ),
    guarded('onnxFusionLens.fuseFolder', async (argument) => {
      const folder = await folderFor(argument);
      if (folder) await fuseFolder(services, folder);
    }),
  );
}
