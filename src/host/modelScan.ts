import * as vscode from 'vscode';
import { findFused, findFusions } from '../core/fusion/find';
import type { Finding, FusedNode } from '../core/fusion/finding';
import { problemOf } from '../files/problem';
import { openDocument } from './analysis';
import type { Services } from './services';
import { fileNameOf, textUriOf } from './uris';

/** A model file, and what was found in it or why it can't be read. */
export interface ScannedModel {
  /** Its text's URI. */
  readonly uri: vscode.Uri;
  /** Its path from the workspace's folder. */
  readonly path: string;
  readonly findings: readonly Finding[];
  readonly fused: readonly FusedNode[];
  readonly error?: string | undefined;
}

/** Folders that hold other people's files. */
const EXCLUDED = '**/{node_modules,.git,.venv,__pycache__}/**';

/** The model files in a folder, in order of their paths. */
export async function modelsIn(folder: vscode.Uri, token: vscode.CancellationToken): Promise<vscode.Uri[]> {
  const pattern = new vscode.RelativePattern(folder, '**/*.onnx');
  const files = await vscode.workspace.findFiles(pattern, EXCLUDED, undefined, token);
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * Look for fusions in model files, one after the other. A text that is open
 * counts with its edits. Ends early when cancelled.
 */
export async function scanModels(
  { files, analyses }: Services,
  models: readonly vscode.Uri[],
  progress: vscode.Progress<{ message: string; increment: number }>,
  token: vscode.CancellationToken,
): Promise<ScannedModel[]> {
  const scanned: ScannedModel[] = [];
  for (const model of models) {
    if (token.isCancellationRequested) break;
    progress.report({ message: fileNameOf(model), increment: 100 / models.length });
    const uri = textUriOf(model);
    const path = vscode.workspace.asRelativePath(model);
    try {
      const document = openDocument(uri);
      if (document) {
        const { findings, fused, errors } = analyses.of(document);
        const error = errors.length > 0 ? 'its text has errors' : undefined;
        scanned.push({ uri, path, findings, fused, error });
      } else {
        const { model: read, source } = await files.get(model);
        scanned.push({ uri, path, findings: findFusions(read, { source }), fused: findFused(read) });
        files.forget(model);
      }
    } catch (error) {
      const message = problemOf(error);
      const name = `${fileNameOf(model)}: `;
      scanned.push({
        uri,
        path,
        findings: [],
        fused: [],
        error: message.startsWith(name) ? message.slice(name.length) : message,
      });
    }
    // The editor's other requests get their turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return scanned;
}
