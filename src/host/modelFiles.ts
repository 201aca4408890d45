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
import { externalLocations } from '../core/text/repoint';
import { writeAtomically } from '../files/atomicWrite';
import type { CopyOptions } from '../files/copyData';
import { FileSource } from '../files/fileSource';
import { problemOf } from '../files/problem';
import { describePlan, saveCopy } from '../files/saveCopy';
import { log } from './log';
import { elideAbove, fileNameOf, textUriOf } from './uris';

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

/** How long another program may take to write a file, in milliseconds, before the person is told that it can't be read. */
const WRITING_MS = 1500;

/** Text that can't be saved: what is wrong with it, and where. */
export class RefusedText extends Error {
  override readonly name = 'RefusedText';

  constructor(
    fileName: string,
    problem: string,
    readonly position: vscode.Position | undefined,
  ) {
    const where = position && `Line ${position.line + 1}, column ${position.character + 1}: `;
    super(`${where ?? ''}${problem.replace(/[^.]$/, '$&.')} ${fileName} was not saved.`);
  }
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
  /** Models whose text is open. */
  private readonly held = new Set<string>();
  private readonly queues = new Map<string, Promise<unknown>>();
  private readonly retries = new Map<string, NodeJS.Timeout>();
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
    const key = uri.toString();
    const before = this.entries.get(key)?.file;
    clearTimeout(this.retries.get(key));
    this.retries.delete(key);
    try {
      const file = await this.get(uri);
      if (before && before !== file) this.changed.fire(textUriOf(uri));
    } catch (error) {
      log().warn(`${uri.toString(true)}: ${problemOf(error)}`);
      if (before)
        this.retries.set(
          key,
          setTimeout(() => void this.tellUnreadable(uri), WRITING_MS),
        );
      this.changed.fire(textUriOf(uri));
    }
  }

  /** The file as it was when it could last be read, while something shows it. */
  lastRead(uri: vscode.Uri): ModelFile | undefined {
    return this.entries.get(uri.toString())?.file;
  }

  /**
   * The model that `text` would be saved as, without saving it.
   * @throws as `save` does.
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
   * Save edited text into the model file: only what was edited is encoded anew. The editor keeps its text, with its
   * undo steps and with references to where the weights were before: they are known as long as the text is open.
   * @throws RefusedText when the text doesn't parse or names weights that the
   * file doesn't have; vscode.FileSystemError when the file can't be read or
   * written. Nothing is written then.
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
      drop(file.source);
      const saved = await this.read(uri, file.mtime, moved);
      this.entries.set(uri.toString(), saved);
      this.holdIfOpen(uri.toString(), saved);
    });
  }

  /**
   * Save edited text of a model as another model file, with its external data.
   * @returns what was done about the external data, for the person: a sentence each.
   * @throws as `save` does, and an `AbortError`; neither model nor data is left then.
   */
  saveAs(uri: vscode.Uri, text: string, target: vscode.Uri, options: CopyOptions = {}): Promise<readonly string[]> {
    return this.inTurn(uri, async () => {
      const { file, generations } = await this.loadEntry(uri);
      const { source } = file;
      const chunks = this.build(file, generations, text);
      const locations = externalLocations(decodeModel(splicedSource(chunks, source)));
      if (uri.scheme === 'file' && target.scheme === 'file') {
        try {
          const plan = await saveCopy({ chunks, source, file: uri.fsPath, target: target.fsPath }, options);
          return describePlan(plan, target.fsPath);
        } catch (error) {
          if (options.signal?.aborted) throw error;
          throw vscode.FileSystemError.Unavailable(`${fileNameOf(target)} was not written: ${problemOf(error)}`);
        }
      }
      await vscode.workspace.fs.writeFile(target, joinChunks(chunks, source));
      return locations.length === 0 ? [] : [`Copy its external data beside it yourself: ${locations.join(', ')}.`];
    });
  }

  /**
   * Save the text of a model whose file another one has replaced, built over the file that it was read from, in a new
   * file in its folder.
   * @throws as `save` does.
   */
  saveReplaced(uri: vscode.Uri, text: string, target: string): Promise<void> {
    return this.inTurn(uri, async () => {
      const entry = this.entries.get(uri.toString());
      if (!entry) throw new Error('Nothing is known of the model any more.');
      const { file, generations } = entry;
      const chunks = this.build(file, generations, text);
      decodeModel(splicedSource(chunks, file.source));
      await writeAtomically(target, chunks, file.source);
    });
  }

  /** The model's text is open: its weights have to be there when it is saved, even if the file is deleted before. */
  hold(uri: vscode.Uri): void {
    const key = uri.toString();
    this.held.add(key);
    const entry = this.entries.get(key);
    if (entry) this.holdIfOpen(key, entry);
  }

  /** Nothing shows the file any more: what is known of it can be read again. */
  forget(uri: vscode.Uri): void {
    const key = uri.toString();
    this.held.delete(key);
    const source = this.entries.get(key)?.file.source;
    if (source) drop(source);
    this.entries.delete(key);
  }

  private holdIfOpen(key: string, { file: { source } }: Entry): void {
    if (this.held.has(key) && source instanceof FileSource) source.hold();
  }

  dispose(): void {
    this.changed.dispose();
    for (const timer of this.retries.values()) clearTimeout(timer);
    for (const { file } of this.entries.values()) drop(file.source);
    this.entries.clear();
  }

  /** A file that can't be read is perhaps being written; if it still is so later, the person is told. */
  private async tellUnreadable(uri: vscode.Uri): Promise<void> {
    this.retries.delete(uri.toString());
    if (!this.entries.has(uri.toString())) return;
    try {
      const before = this.lastRead(uri);
      if ((await this.get(uri)) !== before) this.changed.fire(textUriOf(uri));
    } catch (error) {
      if (error instanceof vscode.FileSystemError && error.code === 'FileNotFound') return;
      const message = `Another program wrote a file that can't be shown. ${problemOf(error)} The text is that of before; it can be saved once the model is back.`;
      void vscode.window.showWarningMessage(message);
    }
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
    if (known) drop(known.file.source);
    this.entries.set(key, entry);
    this.holdIfOpen(key, entry);
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
      const text = printModel(model, source, { fileName: fileNameOf(uri), elideAbove: elideAbove(uri) });
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

function refused(file: ModelFile, text: string, offset: number | undefined, message: string): RefusedText {
  return new RefusedText(fileNameOf(file.uri), message, offset === undefined ? undefined : positionAt(text, offset));
}

function positionAt(text: string, offset: number): vscode.Position {
  const before = text.slice(0, offset);
  return new vscode.Position(before.split('\n').length - 1, offset - before.lastIndexOf('\n') - 1);
}

function stampOf(stat: vscode.FileStat): string {
  return `${stat.mtime}:${stat.size}`;
}

function close(source: ByteSource): void {
  if (source instanceof FileSource) source.close();
}

/** The file won't be read any more. */
function drop(source: ByteSource): void {
  close(source);
  if (source instanceof FileSource) source.release();
}
