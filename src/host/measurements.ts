import * as path from 'node:path';
import * as vscode from 'vscode';
import { findFusions } from '../core/fusion/find';
import { indexScopes } from '../core/fusion/scope';
import type { Finding } from '../core/fusion/finding';
import type { Model } from '../core/onnx/model';
import { ExternalData } from '../files/externalData';
import { FileSource } from '../files/fileSource';
import { KernelUnavailableError, MeasureCancelled } from '../measure/client';
import { measureFindings, type FindingOutcome } from '../measure/measureFindings';
import type { DimensionSizes } from '../measure/dimensions';
import type { Figure } from '../measure/statistics';
import { TensorReader } from '../measure/tensorReader';
import type { MeasurementOfFinding } from '../protocol';
import type { Analyses, Analysis } from './analysis';
import type { Dimensions } from './dimensions';
import { log } from './log';
import type { ModelFiles } from './modelFiles';
import type { Shapes } from './shapes';
import { modelUriOf } from './uris';

/** Milliseconds of timed runs for each pair. */
const BUDGET_MS = 1500;

interface Entry {
  readonly state: MeasurementOfFinding;
  /** What was measured: of anything else these would be somebody else's figures. */
  readonly subject: string;
  /** The shape of the pair's input that it was measured with. */
  readonly inputShape?: readonly number[] | undefined;
}

/** Measures pairs on this machine and remembers what came of it. */
export class Measurements implements vscode.Disposable {
  private readonly entries = new Map<string, Map<string, Entry>>();
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private running: AbortController | undefined;

  /** Fires with the text's URI when what is known of its pairs changes. */
  readonly onDidChange = this.changed.event;

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly files: ModelFiles,
    private readonly analyses: Analyses,
    private readonly shapes: Shapes,
    private readonly dimensions: Dimensions,
  ) {}

  /** What is known of a finding's speedup, as long as the pair reads as it did when it was measured. */
  of(analysis: Analysis, finding: Finding): MeasurementOfFinding | undefined {
    const entry = this.entries.get(analysis.uri.toString())?.get(finding.id);
    if (!entry || entry.subject !== this.subjectOf(analysis, finding)) return undefined;
    return entry.inputShape && !this.mayHaveInput(analysis, finding, entry.inputShape) ? undefined : entry.state;
  }

  /**
   * Measure findings of the text at `uri`: those named, or all that can fuse.
   * Failures are shown, not thrown.
   */
  async measure(uri: vscode.Uri, ids?: readonly string[]): Promise<void> {
    if (!vscode.workspace.isTrusted) {
      await vscode.window.showWarningMessage(
        'Measuring runs native code on the model. Trust this workspace to measure.',
      );
      return;
    }
    if (this.running) {
      void vscode.window.showInformationMessage('A measurement is running. Wait for it, or cancel it, and try again.');
      return;
    }
    const controller = new AbortController();
    this.running = controller;
    try {
      await this.run(uri, ids, controller);
    } finally {
      this.running = undefined;
      this.changed.fire(uri);
    }
  }

  get isRunning(): boolean {
    return this.running !== undefined;
  }

  /** End the measurement that is running, if one is. */
  cancel(): void {
    this.running?.abort();
  }

  dispose(): void {
    this.cancel();
    this.changed.dispose();
  }

  private async run(uri: vscode.Uri, ids: readonly string[] | undefined, controller: AbortController): Promise<void> {
    const analysis = await this.analyses.at(uri);
    if (analysis.errors.length > 0) {
      void vscode.window.showErrorMessage('The text has errors. Mend them before measuring.');
      return;
    }
    const findings = analysis.findings.filter((finding) => finding.fusable && (!ids || ids.includes(finding.id)));
    if (findings.length === 0) {
      void vscode.window.showInformationMessage('No pair in this model can fuse, so there is nothing to measure.');
      return;
    }
    const { model, reader, close } = await this.readable(analysis);
    try {
      const sizes = await this.dimensions.require(uri, model, 'Measure');
      if (!sizes) return;
      await vscode.window.withProgress(
        {
          location: vscode.ProgressLocation.Notification,
          cancellable: true,
          title: `Measuring ${analysis.fileName}`,
        },
        async (progress, token) => {
          token.onCancellationRequested(() => controller.abort());
          await this.measureAll(analysis, findings, model, reader, sizes, controller.signal, progress);
        },
      );
    } finally {
      close();
    }
  }

  private async measureAll(
    analysis: Analysis,
    findings: readonly Finding[],
    model: Model,
    reader: TensorReader,
    sizes: DimensionSizes,
    signal: AbortSignal,
    progress: vscode.Progress<{ message: string; increment: number }>,
  ): Promise<void> {
    const settings = vscode.workspace.getConfiguration('onnxFusionLens', analysis.uri);
    const threads = settings.get<number>('measure.threads', 1);
    const exact = settings.get<boolean>('measure.exact', false);
    const set = (finding: Finding, state: MeasurementOfFinding | undefined, inputShape?: readonly number[]) =>
      this.set(analysis, finding, state, inputShape);
    // The model that is measured is the file that the text would make: its findings have the text's ids.
    const inText = new Map(findings.map((finding) => [finding.id, finding]));
    const inFile = findFusions(model, { source: reader.source }).filter((finding) => inText.has(finding.id));
    let done = 0;
    let current: Finding | undefined;
    try {
      await measureFindings(
        model,
        reader,
        inFile,
        sizes,
        { threads: threads === 1 ? [1] : [1, threads], budgetMs: BUDGET_MS, exact },
        {
          signal,
          script: vscode.Uri.joinPath(this.extensionUri, 'dist', 'measure.js').fsPath,
          onProgress: ({ fraction, message }) => {
            progress.report({ message, increment: (fraction - done) * 100 });
            done = fraction;
          },
          onStart: ({ id }) => {
            current = inText.get(id);
            if (current) set(current, { kind: 'running' });
          },
          onOutcome: ({ id }, outcome) => {
            const finding = inText.get(id);
            if (finding)
              set(finding, stateOf(outcome), outcome.kind === 'measured' ? outcome.result.inputShape : undefined);
            current = undefined;
          },
        },
      );
    } catch (error) {
      if (current) set(current, undefined);
      if (error instanceof MeasureCancelled) return;
      if (error instanceof KernelUnavailableError) {
        log().warn(`${error.message} ${error.remedy}`);
        void vscode.window.showWarningMessage(`Nothing was measured. ${error.message} ${error.remedy}`);
        return;
      }
      throw error;
    }
  }

  /** The model as it would be saved now, with its weights within reach until `close`. */
  private async readable(analysis: Analysis): Promise<{ model: Model; reader: TensorReader; close: () => void }> {
    const uri = modelUriOf(analysis.uri);
    const file = uri ?? analysis.uri;
    const external = file.scheme === 'file' ? new ExternalData(path.dirname(file.fsPath)) : undefined;
    const { model, source } = uri
      ? await this.files.preview(uri, analysis.text)
      : { model: analysis.model, source: undefined };
    return {
      model,
      reader: new TensorReader(source, external?.open),
      close: () => {
        external?.close();
        if (source instanceof FileSource) source.close();
      },
    };
  }

  /**
   * May the pair's input have this shape? Edits upstream can change it without a change in the pair. What isn't known,
   * or only of the text before its last edits, doesn't speak against it.
   */
  private mayHaveInput(analysis: Analysis, finding: Finding, measured: readonly number[]): boolean {
    const { model, shapes } = analysis;
    const scope = indexScopes(model).find(({ body }) => body === finding.scope);
    const input = finding.pad?.node.inputs[0] ?? finding.convolution.inputs[0] ?? '';
    const shape = scope && shapes.types.shapeOf(scope, input);
    if (!shape || !this.shapes.isCurrent(analysis)) return true;
    if (shape.length !== measured.length) return false;
    return shape.every((size, axis) => typeof size !== 'number' || size === measured[axis]);
  }

  /**
   * The texts of the pair, of the tensors that it reads and of what its shapes
   * follow from, and the settings: figures hold as long as these stay.
   */
  private subjectOf({ uri, text, model }: Analysis, { nodes }: Finding): string {
    const inputs = new Set(nodes.flatMap((node) => node.inputs));
    const tensors = model.graph.initializers.filter(({ name }) => inputs.has(name));
    const settings = vscode.workspace.getConfiguration('onnxFusionLens.measure', uri);
    return JSON.stringify([
      [...nodes, ...model.graph.inputs, ...model.opsetImports.filter(({ domain }) => domain === ''), ...tensors].map(
        ({ span }) => (span ? text.slice(span.start, span.end) : ''),
      ),
      settings.get('threads'),
    ]);
  }

  private set(
    analysis: Analysis,
    finding: Finding,
    state: MeasurementOfFinding | undefined,
    inputShape?: readonly number[],
  ): void {
    const key = analysis.uri.toString();
    const entries = this.entries.get(key) ?? new Map<string, Entry>();
    this.entries.set(key, entries);
    if (state) entries.set(finding.id, { state, subject: this.subjectOf(analysis, finding), inputShape });
    else entries.delete(finding.id);
    this.changed.fire(analysis.uri);
  }
}

function stateOf(outcome: FindingOutcome): MeasurementOfFinding {
  if (outcome.kind === 'failed') return outcome;
  const { result, notes } = outcome;
  const measured = result.measurements.at(-1);
  if (!measured) return { kind: 'failed', message: 'Nothing was timed.' };
  const { speedup, attribution, stockMs, unfusedMs, fusedMs, threads, rounds } = measured;
  const parts = [
    `fusion ${times(attribution.fusion)}`,
    `convolution ${times(attribution.convolution)}`,
    ...(attribution.threads === undefined ? [] : [`${threads} threads ${attribution.threads.toFixed(1)}×`]),
  ];
  const slower = speedup.median + speedup.spread < 1;
  return {
    kind: 'measured',
    speedup: speedup.median,
    title: `${times(speedup)} on this machine${slower ? ', slower than stock' : ''} (${parts.join(', ')})`,
    detail: [
      `Stock ONNX Runtime ${result.runtimeVersion}: ${milliseconds(stockMs)}`,
      `Our convolution, not fused: ${milliseconds(unfusedMs)}`,
      `Fused: ${milliseconds(fusedMs)}`,
      `Speedup ${speedup.median.toFixed(2)}× ± ${speedup.spread.toFixed(2)}; medians ± half the interquartile range of ${rounds} interleaved rounds`,
      `Input ${result.inputShape.join('×')}, weights ${result.weightsShape.join('×')}, ${threads} ${threads === 1 ? 'thread' : 'threads'}, ${result.algorithm} (${result.instructionSet})`,
      `Largest difference from stock's output: ${result.maxError.absolute.toExponential(1)}`,
      ...notes,
    ].join('\n'),
  };
}

function times({ median }: Figure): string {
  return `${median.toFixed(1)}×`;
}

function milliseconds({ median, spread }: Figure): string {
  return `${median.toPrecision(3)} ms ± ${spread.toPrecision(2)}`;
}
