import * as vscode from 'vscode';
import { parseModel } from '../core/text/parse';
import { locationsIn } from '../core/text/generations';
import { RefusedText, type ModelFile, type ModelFiles } from './modelFiles';
import { TEXT_SCHEME, fileNameOf, modelUriOf } from './uris';
import { watchModel } from './watch';

/** Shows every model file as a writable text document. */
export class TextFileSystem implements vscode.FileSystemProvider {
  private readonly changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly onDidChangeFile = this.changed.event;
  /** Files that VS Code's own Save As makes, empty, before it writes the text into them; with the time of that. */
  private readonly announced = new Map<string, number>();

  static register(files: ModelFiles): vscode.Disposable {
    const provider = new TextFileSystem(files);
    return vscode.Disposable.from(
      provider.changed,
      vscode.workspace.onDidOpenTextDocument(({ uri }) => {
        const model = uri.scheme === TEXT_SCHEME ? modelUriOf(uri) : undefined;
        if (model) files.hold(model);
      }),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => {
        const model = uri.scheme === TEXT_SCHEME ? modelUriOf(uri) : undefined;
        if (model) files.forget(model);
      }),
      files.onDidChange((uri) => provider.changed.fire([{ type: vscode.FileChangeType.Changed, uri }])),
      vscode.workspace.registerFileSystemProvider(TEXT_SCHEME, provider, { isCaseSensitive: true }),
    );
  }

  private constructor(private readonly files: ModelFiles) {}

  watch(uri: vscode.Uri): vscode.Disposable {
    const model = modelUriOf(uri);
    if (!model) return new vscode.Disposable(() => undefined);
    return watchModel(
      model,
      () => void this.files.refresh(model),
      () => this.changed.fire([{ type: vscode.FileChangeType.Deleted, uri }]),
      () =>
        void this.files.refresh(model).then(() => this.changed.fire([{ type: vscode.FileChangeType.Created, uri }])),
    );
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const model = modelUriOf(uri);
    if (!model) return vscode.workspace.fs.stat(onDisk(uri));
    const announced = this.announced.get(uri.toString());
    if (announced !== undefined) return { type: vscode.FileType.File, ctime: announced, mtime: announced, size: 0 };
    const file = await this.readable(model);
    const stat = { type: vscode.FileType.File, ctime: file.ctime, mtime: file.mtime, size: file.textBytes.length };
    return file.readonly ? { ...stat, permissions: vscode.FilePermission.Readonly } : stat;
  }

  /** Where another program wrote what is no model, an open text stays that of before. */
  private async readable(model: vscode.Uri): Promise<ModelFile> {
    try {
      return await this.files.get(model);
    } catch (error) {
      const last = this.files.lastRead(model);
      if (last && (await isFile(model))) return last;
      throw error;
    }
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    if (this.announced.has(uri.toString())) return new Uint8Array(0);
    return (await this.files.get(existing(uri))).textBytes;
  }

  async writeFile(uri: vscode.Uri, content: Uint8Array): Promise<void> {
    const model = existing(uri);
    const text = new TextDecoder().decode(content);
    try {
      const exists = await isFile(model);
      if (!exists && content.length === 0) {
        this.announced.set(uri.toString(), Date.now());
        return;
      }
      const origin = originOf(uri, text, exists);
      if (origin) {
        report(fileNameOf(model), await this.files.saveAs(origin, text, model));
        this.announced.delete(uri.toString());
        this.changed.fire([{ type: vscode.FileChangeType.Changed, uri }]);
        await this.files.refresh(model);
      } else if (exists) {
        await this.files.save(model, text);
      } else {
        const problem = 'The file no longer exists, and its weights with it; put it back, then save.';
        throw new RefusedText(fileNameOf(model), problem, undefined);
      }
    } catch (error) {
      if (!(error instanceof RefusedText)) throw error;
      showRefusal(uri, error);
      throw vscode.FileSystemError.Unavailable(error.message);
    }
  }

  async readDirectory(uri: vscode.Uri): Promise<[string, vscode.FileType][]> {
    const entries = await vscode.workspace.fs.readDirectory(onDisk(uri));
    return entries.flatMap(([name, type]): [string, vscode.FileType][] => {
      if ((type & vscode.FileType.Directory) !== 0) return [[name, type]];
      return name.endsWith('.onnx') ? [[`${name.slice(0, -'.onnx'.length)}.onnxtxt`, type]] : [];
    });
  }

  createDirectory(uri: vscode.Uri): Thenable<void> {
    return vscode.workspace.fs.createDirectory(onDisk(uri));
  }

  delete(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  rename(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }
}

function existing(uri: vscode.Uri): vscode.Uri {
  const model = modelUriOf(uri);
  if (!model) throw vscode.FileSystemError.FileNotFound(uri);
  return model;
}

/** The folder on disk that a folder of this scheme is. */
function onDisk(uri: vscode.Uri): vscode.Uri {
  if (uri.query !== '') throw vscode.FileSystemError.FileNotFound(uri);
  return vscode.Uri.from({ scheme: 'file', path: uri.path });
}

async function isFile(uri: vscode.Uri): Promise<boolean> {
  try {
    await vscode.workspace.fs.stat(uri);
    return true;
  } catch (error) {
    if (error instanceof vscode.FileSystemError && error.code === 'FileNotFound') return false;
    throw error;
  }
}

/**
 * The model that a text belongs to which VS Code's own Save As writes under
 * another name: its document is still open with the same text, and the text's
 * references name it. Read against the wrong model they'd mean other weights.
 * @param exists whether there is a model under that name already, which the text may refer to.
 */
export function originOf(uri: vscode.Uri, text: string, exists: boolean): vscode.Uri | undefined {
  const others = vscode.workspace.textDocuments.filter(
    (document) =>
      document.uri.scheme === TEXT_SCHEME && document.uri.toString() !== uri.toString() && document.getText() === text,
  );
  if (others.length === 0) return undefined;
  const own = fileNameOf(existing(uri));
  const names = locationsIn(parseModel(text).model);
  if (exists && names.has(own)) return undefined;
  const named = others.map((document) => modelUriOf(document.uri)).filter((model) => model !== undefined);
  return named.find((model) => names.has(fileNameOf(model))) ?? named[0];
}

/** Tells what was done about a saved model's external data, where there is any. */
export function report(name: string, sentences: readonly string[]): void {
  if (sentences.length > 0) void vscode.window.showInformationMessage(`${name} is saved. ${sentences.join(' ')}`);
}

/** Says what is wrong and where before VS Code says that saving failed, and shows the place. */
function showRefusal(uri: vscode.Uri, { message, position }: RefusedText): void {
  if (!position) {
    void vscode.window.showErrorMessage(message);
    return;
  }
  const place = new vscode.Range(position, position);
  for (const editor of vscode.window.visibleTextEditors) {
    if (editor.document.uri.toString() === uri.toString()) {
      editor.revealRange(place, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
    }
  }
  void vscode.window.showErrorMessage(message, 'Go to Error').then(async (choice) => {
    if (choice) await vscode.window.showTextDocument(uri, { selection: place, preview: false });
  });
}
