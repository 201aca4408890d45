import * as vscode from 'vscode';
import { findFused, findFusions } from '../core/fusion/find';
import type { Finding, FusedNode } from '../core/fusion/finding';
import type { Model, TextSpan } from '../core/onnx/model';
import { parseModel, reparseModel, type ParsedText, type ParseError } from '../core/text/parse';
import type { ModelFiles } from './modelFiles';
import type { Shapes, ShapesState } from './shapes';
import { evictHidden } from './shownTexts';
import { LANGUAGE, TEXT_SCHEME, fileNameOf, isText, modelUriOf } from './uris';

/** While a person types, dependants are told at most this often, in milliseconds. */
const DEBOUNCE_MS = 150;

/** All that is known about one state of a model's text. */
export interface Analysis {
  readonly uri: vscode.Uri;
  /** Name of the model file, or of the text where the text stands for itself. */
  readonly fileName: string;
  readonly text: string;
  readonly model: Model;
  readonly errors: readonly ParseError[];
  readonly findings: readonly Finding[];
  /** Nodes that are fused already. */
  readonly fused: readonly FusedNode[];
  /** True while the text has edits that aren't saved. */
  readonly dirty: boolean;
  /** What is known of its values' types. */
  readonly shapes: ShapesState;
}

/**
 * Parses texts and finds their fusions, once for each state of a text. An open
 * document is what counts, edits included; without one, the model file itself.
 */
export class Analyses implements vscode.Disposable {
  private readonly ofDocuments = new WeakMap<
    vscode.TextDocument,
    { version: number; analysis: Analysis; parsed: ParsedText }
  >();
  private readonly ofFiles = new Map<string, { analysis: Analysis; parsed: ParsedText }>();
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly pending = new Map<string, NodeJS.Timeout>();
  private readonly subscriptions: { dispose(): unknown }[];

  /** Fires with the text's URI when its analysis is out of date. */
  readonly onDidChange = this.changed.event;

  constructor(
    private readonly files: ModelFiles,
    private readonly shapes: Shapes,
  ) {
    this.subscriptions = [
      this.changed,
      evictHidden(this.ofFiles),
      shapes.onDidChange((uri) => this.changed.fire(uri)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.schedule(document)),
      vscode.workspace.onDidSaveTextDocument((document) => this.schedule(document)),
      vscode.workspace.onDidOpenTextDocument((document) => this.announce(document)),
      vscode.workspace.onDidCloseTextDocument((document) => this.announce(document)),
      files.onDidChange((uri) => {
        if (openDocument(uri)?.isDirty !== true) this.changed.fire(uri);
      }),
    ];
  }

  /** The analysis of the document's present state. */
  of(document: vscode.TextDocument): Analysis {
    const known = this.ofDocuments.get(document);
    if (known?.version === document.version) {
      const analysis = this.withShapes(known.analysis, document.isDirty);
      this.ofDocuments.set(document, { ...known, analysis });
      return analysis;
    }
    const text = document.getText();
    const earlier = known?.parsed ?? this.ofFiles.get(document.uri.toString())?.parsed;
    const parsed = earlier ? reparseModel(earlier, text) : parseModel(text);
    const analysis = this.analyse(document.uri, parsed, document.isDirty);
    this.ofDocuments.set(document, { version: document.version, analysis, parsed });
    return analysis;
  }

  /**
   * The analysis of a text that need not be open.
   * @throws ModelFormatError or a file error when the model can't be read.
   */
  async at(uri: vscode.Uri): Promise<Analysis> {
    const open = openDocument(uri);
    if (open && (open.isDirty || !modelUriOf(uri))) return this.of(open);
    const file = await this.files.get(requireModelUri(uri));
    // A document outlives its tab for some minutes and isn't read again then: without edits, the file counts.
    const document = openDocument(uri);
    if (document && (document.isDirty || document.getText() === file.text)) return this.of(document);
    const known = this.ofFiles.get(uri.toString());
    const parsed = known ? reparseModel(known.parsed, file.text) : parseModel(file.text);
    const analysis =
      known?.parsed === parsed ? this.withShapes(known.analysis, false) : this.analyse(uri, parsed, false);
    this.ofFiles.set(uri.toString(), { analysis, parsed });
    return analysis;
  }

  dispose(): void {
    for (const timer of this.pending.values()) clearTimeout(timer);
    vscode.Disposable.from(...this.subscriptions).dispose();
  }

  private analyse(uri: vscode.Uri, { text, model, errors }: ParsedText, dirty: boolean): Analysis {
    const read = { uri, fileName: fileNameOf(modelUriOf(uri) ?? uri), text, model, errors, dirty };
    const shapes = this.shapes.of(read);
    return { ...read, shapes, findings: findingsOf(model, shapes), fused: findFused(model) };
  }

  /** The same analysis with the shapes that are known by now. */
  private withShapes(analysis: Analysis, dirty: boolean): Analysis {
    const shapes = this.shapes.of(analysis);
    if (shapes === analysis.shapes) return analysis.dirty === dirty ? analysis : { ...analysis, dirty };
    return { ...analysis, dirty, shapes, findings: findingsOf(analysis.model, shapes) };
  }

  private announce(document: vscode.TextDocument): void {
    if (document.languageId !== LANGUAGE) return;
    this.ofFiles.delete(document.uri.toString());
    this.changed.fire(document.uri);
  }

  private schedule(document: vscode.TextDocument): void {
    if (document.languageId !== LANGUAGE) return;
    const key = document.uri.toString();
    clearTimeout(this.pending.get(key));
    this.pending.set(
      key,
      setTimeout(() => {
        this.pending.delete(key);
        this.changed.fire(document.uri);
      }, DEBOUNCE_MS),
    );
  }
}

/** The open document of a text URI, if there is one. */
export function openDocument(uri: vscode.Uri): vscode.TextDocument | undefined {
  const key = uri.toString();
  return vscode.workspace.textDocuments.find((document) => !document.isClosed && document.uri.toString() === key);
}

export function rangeOf(document: vscode.TextDocument, span: TextSpan): vscode.Range {
  return new vscode.Range(document.positionAt(span.start), document.positionAt(span.end));
}

/** Documents that the language features are registered for. */
export const documentSelector: vscode.DocumentSelector = [{ language: LANGUAGE }, { scheme: TEXT_SCHEME }];

/** Findings with what their advice needs to know. */
function findingsOf(model: Model, { types }: ShapesState): readonly Finding[] {
  return findFusions(model, { shapes: { get: (name) => types.inferred?.shapes.get(name)?.shape } });
}

function requireModelUri(uri: vscode.Uri): vscode.Uri {
  const model = modelUriOf(uri);
  if (!model) throw new Error(`${isText(uri) ? fileNameOf(uri) : uri.toString()} isn't open and shows no model file`);
  return model;
}
