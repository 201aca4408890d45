import * as vscode from 'vscode';
import { decodeModel } from '../core/onnx/decode';
import type { Model } from '../core/onnx/model';
import { Generations } from '../core/text/generations';
import { rebuild } from '../core/text/rebuild';
import { parseModel } from '../core/text/parse';
import { printModel } from '../core/text/print';
import { bytesSource, type ByteSource } from '../core/wire/source';
import { joinChunks, type Chunk } from '../core/wire/splice';
import { splicedSource } from '../core/wire/splicedSource';
import { writeAtomically } from '../files/atomicWrite';
import { FileSource } from '../files/fileSource';
import { problemOf } from '../files/problem';
import { log } from './log';
import { fileNameOf, textUriOf } from './uris';

/** A model file as it was last read: the structure, and the text that shows it. */
export interface ModelFile {
  readonly uri: vscode.Uri;
  readonly model: Model;
  readonly source: ByteSource;
  readonly text: string;
  readonly textBytes: Uint8Array;
  /** When the text last became another, in ms; always later than the time given before. */
  readonly mtime: number;
  readonly ctime: number;
  readonly readonly: boolean;
}

interface Entry {
  file: ModelFile;
  /** Modification time and size of the file itself, to notice that another program wrote it. */
  stamp: string;
  generations: Generations;
}

/** Opens and saves model files; one reading of a file serves everything that looks at it. */
export class ModelFiles implements vscode.Disposable {
  private readonly entries = new Map<string, Entry>();
  private readonly queues = new Map<string, Promise<unknown>>();
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();

  /** Fires with the *text's* URI when a model file has other content than before. */
  readonly onDidChange = this.changed.event;

  /**
   * The model file, read anew only when it has changed.
   * @throws vscode.FileSystemError with a message for the person who opened it.
   */
  get(uri: vscode.Uri): Promise<ModelFile> {
    return this.inTurn(uri, () => this.load(uri));
  }

  /** Look whether another program has written the file, and tell if so. */
  async refresh(uri: vscode.Uri): Promise<void> {
    const before = this.entries.get(uri.toString())?.file;
    try {
      const file = await this.get(uri);
      if (before && before !== file) this.changed.fire(textUriOf(uri));
    } catch (error) {
      log().warn(`${uri.toString(true)}: ${problemOf(error)}`);
      this.changed.fire(textUriOf(uri));
    }
  }

  /**
   * The model that `text` would be saved as, without saving it.
   * @throws vscode.FileSystemError as `save` does.
   */
  preview(uri: vscode.Uri, text: string): Promise<{ model: Model; source: ByteSource }> {
    return this.inTurn(uri, async () => {
      const { file, generations } = await this.loadEntry(uri);
      if (text === file.text) return file;
      const source = splicedSource(this.build(file, generations, text), file.source);
      return { model: decodeModel(source), source };
    });
  }

  /**
   * Save edited text into the model file: only what was edited is encoded anew.
   * @throws vscode.FileSystemError with the place of the error when the text
   * doesn't parse or names weights that the file doesn't have; nothing is written then.
   */
  save(uri: vscode.Uri, text: string): Promise<void> {
    return this.inTurn(uri, async () => {
      const { file, generations } = await this.loadEntry(uri);
      const chunks = this.build(file, generations, text);
      // What can't be read back is not written.
      decodeModel(splicedSource(chunks, file.source));
      const moved = generations.moved(chunks, file.source);
      await this.write(uri, chunks, file.source);
      this.entries.delete(uri.toString());
      const saved = await this.read(uri, file.mtime, moved);
      this.entries.set(uri.toString(), saved);
      if (saved.file.text !== text) setTimeout(() => this.announceReprint(uri), 0);
    });
  }

  /** Nothing shows the file any more: what is known of it can be read again. */
  forget(uri: vscode.Uri): void {
    this.entries.delete(uri.toString());
  }

  dispose(): void {
    this.changed.dispose();
    for (const { file } of this.entries.values()) close(file.source);
    this.entries.clear();
  }

  private async load(uri: vscode.Uri): Promise<ModelFile> {
    return (await this.loadEntry(uri)).file;
  }

  private async loadEntry(uri: vscode.Uri): Promise<Entry> {
    const key = uri.toString();
    const known = this.entries.get(key);
    const stat = await vscode.workspace.fs.stat(uri);
    if (known?.stamp === stampOf(stat)) return known;
    const entry = await this.read(
      uri,
      known?.file.mtime ?? 0,
      known && ((model) => known.generations.replacedBy(model)),
    );
    if (known) close(known.file.source);
    this.entries.set(key, entry);
    return entry;
  }

  private async read(
    uri: vscode.Uri,
    after: number,
    generationsOf: (model: Model) => Generations = (model) => Generations.of(model),
  ): Promise<Entry> {
    const stat = await vscode.workspace.fs.stat(uri);
    const source =
      uri.scheme === 'file' ? new FileSource(uri.fsPath) : bytesSource(await vscode.workspace.fs.readFile(uri));
    try {
      const model = decodeModel(source);
      const elideAbove = vscode.workspace.getConfiguration('onnxFusionLens', uri).get<number>('elideTensorsAbove');
      const text = printModel(model, source, { fileName: fileNameOf(uri), elideAbove });
      return {
        stamp: stampOf(stat),
        generations: generationsOf(model),
        file: {
          uri,
          model,
          source,
          text,
          textBytes: new TextEncoder().encode(text),
          mtime: Math.max(stat.mtime, after + 1),
          ctime: stat.ctime,
          readonly: stat.permissions === vscode.FilePermission.Readonly,
        },
      };
    } catch (error) {
      close(source);
      throw vscode.FileSystemError.Unavailable(`${fileNameOf(uri)}: ${problemOf(error)}`);
    }
  }

  private async write(uri: vscode.Uri, chunks: readonly Chunk[], source: ByteSource): Promise<void> {
    if (uri.scheme !== 'file') {
      await vscode.workspace.fs.writeFile(uri, joinChunks(chunks, source));
      return;
    }
    try {
      await writeAtomically(uri.fsPath, chunks, source, () => close(source));
    } catch (error) {
      throw vscode.FileSystemError.Unavailable(`${fileNameOf(uri)} was not written: ${problemOf(error)}`);
    }
  }

  /** The chunks of the file that `text` states. */
  private build(file: ModelFile, generations: Generations, text: string): readonly Chunk[] {
    const edited = parseModel(text);
    const error = edited.errors[0];
    if (error) throw refused(file, text, error.span.start, error.message);
    try {
      return rebuild(
        edited.model,
        { model: file.model, source: file.source, fileName: fileNameOf(file.uri) },
        generations,
      );
    } catch (cause) {
      const span = (cause as { span?: { start: number } }).span;
      throw refused(file, text, span?.start, problemOf(cause));
    }
  }

  /** The saved file reads differently from what the editor wrote: have the editor read it again. */
  private announceReprint(uri: vscode.Uri): void {
    const entry = this.entries.get(uri.toString());
    if (entry) entry.file = { ...entry.file, mtime: entry.file.mtime + 1 };
    this.changed.fire(textUriOf(uri));
  }

  /** One at a time for each file, in the order asked; between turns no descriptor is held. */
  private inTurn<T>(uri: vscode.Uri, work: () => Promise<T>): Promise<T> {
    const key = uri.toString();
    const releasing = () =>
      work().finally(() => {
        const entry = this.entries.get(key);
        if (entry) close(entry.file.source);
      });
    const turn = (this.queues.get(key) ?? Promise.resolve()).then(releasing, releasing);
    this.queues.set(key, turn);
    void turn
      .catch(() => undefined)
      .then(() => {
        if (this.queues.get(key) === turn) this.queues.delete(key);
      });
    return turn;
  }
}

function refused(file: ModelFile, text: string, offset: number | undefined, message: string): vscode.FileSystemError {
  const where = offset === undefined ? '' : ` (${positionAt(text, offset)})`;
  return vscode.FileSystemError.Unavailable(`${fileNameOf(file.uri)} was not saved: ${message}${where}`);
}

/** "line 12, column 5", both counted from 1. */
function positionAt(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  return `line ${line}, column ${offset - before.lastIndexOf('\n')}`;
}

function stampOf(stat: vscode.FileStat): string {
  return `${stat.mtime}:${stat.size}`;
}

function close(source: ByteSource): void {
  if (source instanceof FileSource) source.close();
}
