import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { findNode, nodeAtOffset, type Drawing, type NodeReference } from '../core/layout/drawing';
import { drawingOf } from '../core/layout/drawModel';
import type { Model } from '../core/onnx/model';
import { problemOf } from '../files/problem';
import { openDimensions, type DimensionSizes } from '../measure/dimensions';
import {
  dispatch,
  type FromWebview,
  type Handlers,
  type MeasurementsByFinding,
  type ToWebview,
  type WebviewKind,
} from '../protocol';
import { rangeOf, type Analysis } from './analysis';
import { log } from './log';
import type { Services } from './services';
import { fileNameOf, modelUriOf } from './uris';
import { webviewHtml } from './webviewHtml';

const NOTHING_OPEN = 'Open an .onnx file, or its text, to see its graph here.';
/** Drawing a large model takes a while: the graph follows when edits pause, in ms. */
const REFRESH_MS = 200;

/** Shows one model's graph in a webview: follows the text's edits, the cursor and the measurements. */
export class GraphView implements vscode.Disposable {
  private readonly subscriptions: vscode.Disposable[] = [];
  private uri: vscode.Uri | undefined;
  private shown: { readonly analysis: Analysis; readonly drawing: Drawing } | undefined;
  /** The node that the person chose in this graph last; the cursor's move that follows is no news. */
  private chosen: NodeReference | undefined;
  private version = 0;
  private timer: NodeJS.Timeout | undefined;
  private ready = false;
  /** The last wish to see a node that was fulfilled. */
  private revealed = 0;

  constructor(
    private readonly webview: vscode.Webview,
    kind: WebviewKind,
    private readonly services: Services,
  ) {
    const dist = vscode.Uri.joinPath(services.extensionUri, 'dist');
    const resource = (name: string) => webview.asWebviewUri(vscode.Uri.joinPath(dist, name)).toString();
    webview.options = { enableScripts: true, localResourceRoots: [dist] };
    this.subscriptions.push(
      webview.onDidReceiveMessage((message: unknown) => dispatch(this.handlers, message)),
      services.analyses.onDidChange((uri) => {
        if (this.isShown(uri)) this.refreshSoon();
      }),
      services.measurements.onDidChange((uri) => {
        if (this.isShown(uri)) this.postMeasurements();
      }),
      services.reveals.onDidRequest((uri) => {
        if (this.isShown(uri)) this.selectRequested();
      }),
      vscode.window.onDidChangeTextEditorSelection(({ textEditor, selections }) => {
        const cursor = selections[0]?.active;
        if (cursor && this.isShown(textEditor.document.uri)) this.select(textEditor.document, cursor);
      }),
    );
    webview.html = webviewHtml({
      nonce: randomBytes(16).toString('base64'),
      cspSource: webview.cspSource,
      scriptUri: resource('webview.js'),
      styleUri: resource('webview.css'),
      workerUri: resource('layoutWorker.js'),
      kind,
    });
  }

  /** Show the model of this text, or say that none is open. */
  show(uri: vscode.Uri | undefined): void {
    if (uri?.toString() === this.uri?.toString()) return;
    this.uri = uri;
    this.shown = undefined;
    if (uri) this.post({ type: 'status', status: { kind: 'loading', fileName: nameOf(uri) } });
    void this.refresh();
  }

  dispose(): void {
    clearTimeout(this.timer);
    vscode.Disposable.from(...this.subscriptions).dispose();
  }

  private readonly handlers: Handlers<FromWebview> = {
    ready: () => {
      this.ready = true;
      void this.refresh();
    },
    selectNode: ({ node }) => void this.reveal(node),
    requestOpenAsText: () => this.run('onnxFusionLens.openAsText'),
    requestFuseAll: () => this.run('onnxFusionLens.fuseAll'),
    requestFuse: ({ finding }) => this.run('onnxFusionLens.fuse', finding),
    requestMeasure: ({ finding }) => this.run('onnxFusionLens.measure', finding),
    requestSetDimensions: () => this.run('onnxFusionLens.setDimensions'),
    cancelMeasure: () => this.services.measurements.cancel(),
    logError: ({ message }) => log().error(`graph: ${message}`),
  };

  private run(command: string, ...rest: unknown[]): void {
    if (this.uri) void vscode.commands.executeCommand(command, this.uri, ...rest);
  }

  private refreshSoon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.refresh(), REFRESH_MS);
  }

  private async refresh(): Promise<void> {
    clearTimeout(this.timer);
    const { uri } = this;
    if (!this.ready) return;
    if (!uri) {
      this.post({ type: 'status', status: { kind: 'none', message: NOTHING_OPEN } });
      return;
    }
    const version = ++this.version;
    try {
      const analysis = await this.services.analyses.at(uri);
      if (version !== this.version) return;
      const { model, findings, fused, errors, shapes } = analysis;
      const drawing = drawingOf(model, findings, fused, { typeOf: shapes.types.typeOf });
      this.shown = { analysis, drawing };
      const count = errors.length === 1 ? 'an error' : `${errors.length} errors`;
      this.post({
        type: 'model',
        version,
        uri: uri.toString(),
        fileName: analysis.fileName,
        drawing,
        measurements: this.measurements(),
        notice: errors.length > 0 ? `The text has ${count}; what can't be read is left out.` : undefined,
        dimensions: dimensionsText(model, shapes.sizes),
      });
      if (!this.selectRequested()) this.selectAtCursor();
    } catch (error) {
      if (version !== this.version) return;
      this.shown = undefined;
      this.post({ type: 'status', status: { kind: 'error', fileName: nameOf(uri), message: messageFor(uri, error) } });
    }
  }

  private measurements(): MeasurementsByFinding {
    if (!this.shown) return {};
    const { analysis } = this.shown;
    return Object.fromEntries(
      analysis.findings.flatMap((finding) => {
        const state = this.services.measurements.of(analysis, finding);
        return state ? [[finding.id, state]] : [];
      }),
    );
  }

  private postMeasurements(): void {
    const running = this.services.measurements.isRunning;
    this.post({ type: 'measurements', measurements: this.measurements(), running });
  }

  /** The line of a node, in the editor where the text is open, else beside the graph. */
  private async reveal(reference: NodeReference): Promise<void> {
    const node = this.shown && findNode(this.shown.drawing, reference);
    if (!this.uri || !node?.span) return;
    const uri = this.uri.toString();
    this.chosen = reference;
    const visible = vscode.window.visibleTextEditors.find(({ document }) => document.uri.toString() === uri);
    const editor = await vscode.window.showTextDocument(this.uri, {
      viewColumn: visible?.viewColumn ?? vscode.ViewColumn.Beside,
      preserveFocus: true,
      preview: false,
    });
    const { start } = rangeOf(editor.document, node.span);
    editor.selection = new vscode.Selection(start, start);
    editor.revealRange(new vscode.Range(start, start), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  }

  /** Select the node that was last asked for, once. */
  private selectRequested(): boolean {
    const reveal = this.uri && this.services.reveals.of(this.uri);
    if (!this.shown || !reveal || reveal.number === this.revealed) return false;
    this.revealed = reveal.number;
    this.post({ type: 'select', node: nodeAtOffset(this.shown.drawing, reveal.offset) });
    return true;
  }

  private selectAtCursor(): void {
    const uri = this.uri?.toString();
    const editor = vscode.window.visibleTextEditors.find(({ document }) => document.uri.toString() === uri);
    if (editor) this.select(editor.document, editor.selection.active);
  }

  private select(document: vscode.TextDocument, cursor: vscode.Position): void {
    if (!this.shown) return;
    // A node's indentation counts as the node.
    const { firstNonWhitespaceCharacterIndex } = document.lineAt(cursor.line);
    const offset = document.offsetAt(
      cursor.with({ character: Math.max(cursor.character, firstNonWhitespaceCharacterIndex) }),
    );
    const node = nodeAtOffset(this.shown.drawing, offset);
    const known = node !== undefined && node.graph === this.chosen?.graph && node.node === this.chosen.node;
    this.chosen = undefined;
    if (!known) this.post({ type: 'select', node });
  }

  private isShown(uri: vscode.Uri): boolean {
    return this.uri?.toString() === uri.toString();
  }

  private post(message: ToWebview): void {
    if (this.ready) void this.webview.postMessage(message);
  }
}

/** The sizes of a model's symbolic dimensions in one line. */
function dimensionsText(model: Model, sizes: DimensionSizes): string | undefined {
  const open = new Map(
    openDimensions(model).map(({ key, input, axis }) => [key, sizes.get(`${input}.${axis}`) ?? sizes.get(key)]),
  );
  return open.size === 0 ? undefined : [...open].map(([key, size]) => `${key} = ${size ?? '?'}`).join(', ');
}

function nameOf(uri: vscode.Uri): string {
  return fileNameOf(modelUriOf(uri) ?? uri);
}

/** The message without the file's name, which the webview shows above it. */
function messageFor(uri: vscode.Uri, error: unknown): string {
  const message = problemOf(error);
  const prefix = `${nameOf(uri)}: `;
  return message.startsWith(prefix) ? message.slice(prefix.length) : message;
}
