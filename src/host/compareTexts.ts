import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { decodeModel } from '../core/onnx/decode';
import { printModel } from '../core/text/print';
import { externalLocations } from '../core/text/repoint';
import { bytesSource, type ByteSource } from '../core/wire/source';
import { textSeenFrom, type OpenedModel } from '../files/comparable';
import { ExternalData } from '../files/externalData';
import { FileSource } from '../files/fileSource';
import { problemOf } from '../files/problem';
import { FileHistory, gitProgram } from './compareGit';
import type { ModelFiles } from './modelFiles';
import { COMPARE_SCHEME, elideAbove, fileNameOf, textUriOf } from './uris';
import { watchModel } from './watch';

/** What the left of a comparison shows. */
export interface Before {
  readonly model: vscode.Uri;
  /** The version in git: a commit, branch or tag, `''` for the index; the file on disk when left out. */
  readonly ref?: string | undefined;
}

/** The document that shows `before` for comparing it with the text of the model `after`. */
export function compareUri({ model, ref }: Before, after: vscode.Uri): vscode.Uri {
  const query = JSON.stringify({ before: model.toString(), ref, after: after.toString() });
  return vscode.Uri.from({ scheme: COMPARE_SCHEME, path: textUriOf(model).path, query });
}

/** What a version is called: `model.onnx (HEAD)`. */
export function labelOf({ model, ref }: Before): string {
  const name = fileNameOf(model);
  return ref === undefined ? name : `${name} (${ref === '' ? 'index' : ref})`;
}

/** The read-only texts on the left of comparisons. */
export class CompareTexts implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly prepared = new Map<string, string>();
  private readonly watchers = new Map<string, vscode.Disposable>();
  private readonly subscriptions: vscode.Disposable;

  constructor(files: ModelFiles) {
    const open = (): vscode.TextDocument[] =>
      vscode.workspace.textDocuments.filter(({ uri }) => uri.scheme === COMPARE_SCHEME);
    const afterChanged = (text: vscode.Uri): void => {
      for (const { uri } of open()) {
        if (textUriOf(partsOf(uri).after).toString() === text.toString()) this.changed.fire(uri);
      }
    };
    this.subscriptions = vscode.Disposable.from(
      this.changed,
      vscode.workspace.registerTextDocumentContentProvider(COMPARE_SCHEME, this),
      // What is saved may have its weights in other places, which the left names.
      vscode.workspace.onDidSaveTextDocument(({ uri }) => afterChanged(uri)),
      files.onDidChange(afterChanged),
      vscode.workspace.onDidOpenTextDocument(({ uri }) => this.watch(uri)),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => {
        this.watchers.get(uri.toString())?.dispose();
        this.watchers.delete(uri.toString());
      }),
    );
  }

  /**
   * Make the text of a comparison's left, so that opening it can't fail.
   * @throws Error that says which of the models can't be read, and why.
   */
  async prepare(uri: vscode.Uri, signal: AbortSignal): Promise<void> {
    this.prepared.set(uri.toString(), await textOf(uri, signal));
    this.changed.fire(uri);
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const text = this.prepared.get(uri.toString());
    this.prepared.delete(uri.toString());
    return text ?? (await textOf(uri));
  }

  dispose(): void {
    vscode.Disposable.from(this.subscriptions, ...this.watchers.values()).dispose();
  }

  private watch(uri: vscode.Uri): void {
    if (uri.scheme !== COMPARE_SCHEME) return;
    const { before } = partsOf(uri);
    if (before.ref !== undefined) return;
    this.watchers.get(uri.toString())?.dispose();
    this.watchers.set(
      uri.toString(),
      watchModel(before.model, () => this.changed.fire(uri)),
    );
  }
}

function partsOf(uri: vscode.Uri): { readonly before: Before; readonly after: vscode.Uri } {
  const { before, ref, after } = JSON.parse(uri.query) as { before: string; ref?: string; after: string };
  return { before: { model: vscode.Uri.parse(before, true), ref }, after: vscode.Uri.parse(after, true) };
}

async function textOf(uri: vscode.Uri, signal?: AbortSignal): Promise<string> {
  const { before, after } = partsOf(uri);
  const opened: Opened[] = [];
  try {
    const right = await openAt({ model: after });
    opened.push(right);
    const left = await openAt(before, signal);
    opened.push(left);
    const options = { elideAbove: elideAbove(after), signal };
    const rightText =
      shownText(after) ?? printModel(right.model, right.source, { ...options, fileName: right.fileName });
    return await textSeenFrom(left, right, rightText, labelFor(before, after), options);
  } finally {
    for (const { close } of opened) close();
  }
}

/** The open text of the model, where it is that of the file. */
function shownText(model: vscode.Uri): string | undefined {
  const text = textUriOf(model).toString();
  return vscode.workspace.textDocuments.find(({ uri, isDirty }) => uri.toString() === text && !isDirty)?.getText();
}

/** The left's name in references to weights that the right doesn't have: never the right's own. */
function labelFor(before: Before, after: vscode.Uri): string {
  const label = labelOf(before);
  return label === fileNameOf(after) ? vscode.workspace.asRelativePath(before.model) : label;
}

interface Opened extends OpenedModel {
  readonly close: () => void;
}

/** @throws Error that starts with the version's name. */
async function openAt(version: Before, signal?: AbortSignal): Promise<Opened> {
  const { model: uri, ref } = version;
  const fileName = fileNameOf(uri);
  try {
    if (ref !== undefined) return await openInGit(uri, ref, signal);
    if (uri.scheme !== 'file') {
      const source = bytesSource(await vscode.workspace.fs.readFile(uri));
      return { model: decodeModel(source), source, fileName, close: () => undefined };
    }
    const source = new FileSource(uri.fsPath);
    const external = new ExternalData(path.dirname(uri.fsPath));
    return opening(
      source,
      () => external.close(),
      () => ({ external: external.open, fileName }),
    );
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Error(`${labelOf(version)}: ${problemOf(error)}`, { cause: error });
  }
}

function opening(
  source: FileSource,
  alsoClose: () => void,
  rest: () => Pick<OpenedModel, 'external' | 'fileName'>,
): Opened {
  const close = (): void => {
    source.close();
    alsoClose();
  };
  try {
    return { model: decodeModel(source), source, ...rest(), close };
  } catch (error) {
    close();
    throw error;
  }
}

/** A version in git, in a temporary file; its external data is that on disk where that hasn't changed since. */
async function openInGit(uri: vscode.Uri, ref: string, signal?: AbortSignal): Promise<Opened> {
  const program = await gitProgram();
  if (program === undefined) throw new Error("VS Code's git support is turned off, or there is no git.");
  const history = new FileHistory(program, uri.fsPath);
  const folder = await fs.promises.mkdtemp(path.join(os.tmpdir(), 'onnx-compare-'));
  const removeFolder = (): void => fs.rmSync(folder, { recursive: true, force: true });
  try {
    const file = path.join(folder, 'model');
    await history.write(ref, file, signal);
    const files = new Map<string, FileSource>();
    const closeAll = (): void => {
      for (const data of files.values()) data.close();
      removeFolder();
    };
    const external = (location: string): ByteSource | undefined => files.get(location);
    const opened = opening(new FileSource(file), closeAll, () => ({ external, fileName: fileNameOf(uri) }));
    try {
      for (const [index, location] of externalLocations(opened.model).entries()) {
        const data = await externalInGit(history, ref, location, path.join(folder, `data-${index}`), signal);
        if (data) files.set(location, data);
      }
    } catch (error) {
      opened.close();
      throw error;
    }
    return opened;
  } catch (error) {
    removeFolder();
    throw error;
  }
}

async function externalInGit(
  history: FileHistory,
  ref: string,
  location: string,
  target: string,
  signal?: AbortSignal,
): Promise<FileSource | undefined> {
  const onDisk = path.join(path.dirname(history.file), location);
  try {
    if (fs.existsSync(onDisk) && (await history.isUnchanged(ref, location))) return new FileSource(onDisk);
    await history.write(ref, target, signal, location);
    return new FileSource(target);
  } catch (error) {
    if (signal?.aborted) throw error;
    return undefined;
  }
}
