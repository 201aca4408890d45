import { createHash } from 'node:crypto';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { Model, TextSpan } from '../core/onnx/model';
import type { InferredShapes } from '../core/shapes/valueShape';
import { ValueTypes } from '../core/shapes/valueTypes';
import { problemOf } from '../files/problem';
import { MeasureCancelled } from '../measure/client';
import type { DimensionSizes } from '../measure/dimensions';
import { ShapesProcess } from '../measure/shapesProcess';
import type { Analysis } from './analysis';
import type { Dimensions } from './dimensions';
import { log } from './log';
import { evictHidden } from './shownTexts';
import { modelUriOf } from './uris';

/** Milliseconds without an edit before the runtime is asked again. */
const DELAY_MS = 400;
/** Models of which results are kept. */
const KEPT = 16;

/** As much of a text's analysis as shapes follow from. */
type ParsedText = Pick<Analysis, 'uri' | 'fileName' | 'text' | 'model' | 'errors'>;

/** What was inferred of one state of a model. */
interface Result {
  readonly inferred: InferredShapes;
  /** What it follows from: see `keyOf`. */
  readonly key: string;
  /** Sizes given for the model's own open dimensions. */
  readonly sizes: DimensionSizes;
}

/** What a model's types are known from. */
export interface ShapesState {
  readonly types: ValueTypes;
  /** Sizes that the inferred shapes hold for. */
  readonly sizes: DimensionSizes;
  /** Why ONNX Runtime tells nothing, in its words. */
  readonly refusal?: string | undefined;
}

/**
 * Asks ONNX Runtime for the shapes of the texts that are looked at, one text at
 * a time, in a process of its own; only in a trusted workspace and for local
 * files. While a text is being edited, what was known of it before stands.
 */
export class Shapes implements vscode.Disposable {
  private readonly process: ShapesProcess;
  private readonly results = new Map<string, Result>();
  private readonly known = new WeakMap<Model, { readonly result: Result | undefined; readonly state: ShapesState }>();
  /** Texts to look at, with the newest analysis of each. */
  private readonly waiting = new Map<string, ParsedText>();
  private readonly keys = new WeakMap<Model, string>();
  private running: { readonly uri: string; readonly key: string } | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly subscriptions: { dispose(): unknown }[];
  /** Texts that were asked about. */
  private readonly seen = new Map<string, vscode.Uri>();

  /** Fires with the text's URI when other shapes are known of its model. */
  readonly onDidChange = this.changed.event;

  constructor(
    extensionUri: vscode.Uri,
    private readonly dimensions: Dimensions,
  ) {
    this.process = new ShapesProcess({ script: vscode.Uri.joinPath(extensionUri, 'dist', 'measure.js').fsPath });
    const again = (): void => {
      for (const uri of [...this.seen.values()]) this.changed.fire(uri);
    };
    this.subscriptions = [
      this.changed,
      evictHidden(this.seen, this.waiting),
      dimensions.onDidChange(again),
      vscode.workspace.onDidGrantWorkspaceTrust(again),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('onnxFusionLens.inferShapes')) again();
      }),
    ];
  }

  /** What is known now; more is asked for where that is out of date. */
  of(analysis: ParsedText): ShapesState {
    const { uri, model } = analysis;
    this.request(analysis);
    const result = isEnabled(uri) ? this.results.get(uri.toString()) : undefined;
    const known = this.known.get(model);
    if (known && known.result === result) return known.state;
    const state: ShapesState = {
      types: new ValueTypes(model, result?.inferred),
      sizes: result?.sizes ?? new Map<string, number>(),
      refusal: result?.inferred.refusal,
    };
    this.known.set(model, { result, state });
    return state;
  }

  /** Was what is known inferred from the present text, and not from one before its last edits? */
  isCurrent(analysis: ParsedText): boolean {
    const result = this.results.get(analysis.uri.toString());
    return result !== undefined && result.key === this.keyOf(analysis);
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.process.dispose();
    vscode.Disposable.from(...this.subscriptions).dispose();
  }

  private request(analysis: ParsedText): void {
    const { uri, model } = analysis;
    const id = uri.toString();
    this.seen.set(id, uri);
    if (!isEnabled(uri) || analysis.errors.length > 0 || model.graph.nodes.length === 0) return;
    if (this.waiting.get(id)?.model === model) return;
    // An analysis that was answered already asks nothing, unless sizes have changed since.
    if (this.keys.has(model) && (this.isCurrent(analysis) || this.isRunning(analysis))) return;
    this.waiting.set(id, analysis);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.next(), DELAY_MS);
  }

  private isRunning(analysis: ParsedText): boolean {
    return this.running?.uri === analysis.uri.toString() && this.running.key === this.keyOf(analysis);
  }

  private async next(): Promise<void> {
    if (this.running) {
      const newer = this.waiting.get(this.running.uri);
      // An older state of the same text is no longer wanted; other texts come after this one.
      if (newer && !this.isRunning(newer)) this.process.cancel();
      else this.waiting.delete(this.running.uri);
      return;
    }
    const [first] = this.waiting;
    if (!first) return;
    const [id, analysis] = first;
    this.waiting.delete(id);
    if (!this.isCurrent(analysis)) await this.infer(id, analysis);
    await this.next();
  }

  private async infer(id: string, analysis: ParsedText): Promise<void> {
    const { uri, text, model, fileName } = analysis;
    const key = this.keyOf(analysis);
    const sizes = this.dimensions.of(uri);
    const own = this.dimensions.ofModel(uri, model);
    const modelFile = modelUriOf(uri)?.fsPath;
    this.running = { uri: id, key };
    const start = Date.now();
    let inferred: InferredShapes;
    try {
      const folder = path.dirname(modelFile ?? uri.fsPath);
      inferred = await this.process.infer({ text, folder, modelFile, sizes });
    } catch (error) {
      if (error instanceof MeasureCancelled) return;
      inferred = { shapes: new Map(), functions: new Map(), refusal: problemOf(error) };
    } finally {
      this.running = undefined;
    }
    const { refusal } = inferred;
    if (refusal === undefined) log().debug(`${fileName}: shapes inferred in ${Date.now() - start} ms`);
    else log().info(`${fileName}: no shapes from ONNX Runtime: ${refusal}`);
    this.results.delete(id);
    this.results.set(id, { inferred, key, sizes: own });
    for (const oldest of this.results.keys()) {
      if (this.results.size <= KEPT) break;
      this.results.delete(oldest);
    }
    this.changed.fire(uri);
  }

  /** Equal for states of a text in which all shapes are the same. */
  private keyOf(analysis: ParsedText): string {
    const { model, uri } = analysis;
    let key = this.keys.get(model);
    if (key === undefined) this.keys.set(model, (key = structureKey(analysis)));
    return `${key} ${JSON.stringify([...this.dimensions.of(uri)].sort())}`;
  }
}

/** A digest of what shapes follow from: operators, inputs, attributes, types; neither layout nor names of nodes. */
function structureKey({ text, model }: ParsedText): string {
  const hash = createHash('sha1');
  const add = (span: TextSpan | undefined): void =>
    void hash.update(span ? text.slice(span.start, span.end) : '').update('\n');
  const { graph } = model;
  for (const { domain, version } of model.opsetImports) hash.update(`${domain}:${version}\n`);
  for (const part of [...graph.inputs, ...graph.outputs, ...graph.valueInfos, ...graph.initializers]) add(part.span);
  for (const { spans, span } of graph.nodes) {
    add(span && { start: spans?.outputs[0]?.start ?? span.start, end: span.end });
  }
  for (const fn of model.functions) add(fn.span);
  return hash.digest('base64');
}

/** May native code look at the model? */
function isEnabled(uri: vscode.Uri): boolean {
  return (
    vscode.workspace.isTrusted &&
    (modelUriOf(uri) ?? uri).scheme === 'file' &&
    vscode.workspace.getConfiguration('onnxFusionLens', uri).get('inferShapes', true)
  );
}
