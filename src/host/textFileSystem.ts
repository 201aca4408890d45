import * as vscode from 'vscode';
import type { ModelFiles } from './modelFiles';
import { TEXT_SCHEME, modelUriOf } from './uris';
import { watchModel } from './watch';

/** Shows every model file as a writable text document. */
export class TextFileSystem implements vscode.FileSystemProvider {
  private readonly changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly onDidChangeFile = this.changed.event;

  static register(files: ModelFiles): vscode.Disposable {
    const provider = new TextFileSystem(files);
    return vscode.Disposable.from(
      provider.changed,
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
    );
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const file = await this.files.get(existing(uri));
    const stat = { type: vscode.FileType.File, ctime: file.ctime, mtime: file.mtime, size: file.textBytes.length };
    return file.readonly ? { ...stat, permissions: vscode.FilePermission.Readonly } : stat;
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    return (await this.files.get(existing(uri))).textBytes;
  }

  async writeFile(uri: vscode.Uri, content: Uint8Array): Promise<void> {
    await this.files.save(existing(uri), new TextDecoder().decode(content));
  }

  readDirectory(): [string, vscode.FileType][] {
    return [];
  }

  createDirectory(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
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
