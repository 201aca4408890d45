import * as os from 'node:os';
import * as path from 'node:path';
import type { Finding } from '../core/fusion/finding';
import { joinChunks } from '../core/wire/splice';
import { ExternalData } from '../files/externalData';
import { problemOf } from '../files/problem';
import { KernelUnavailableError, measure } from '../measure/client';
import { measureFindings, type FindingOutcome } from '../measure/measureFindings';
import type { ModelResult } from '../measure/measureModel';
import type { MeasureOptions } from '../measure/measurePair';
import { inputShapes, OpenDimensionsError } from '../measure/dimensions';
import type { Figure } from '../measure/statistics';
import { TensorReader } from '../measure/tensorReader';
import { chosenFindings, findingsOf, fusedChunks } from './fusion';
import { Failure, openModel, print, table, type OpenModel } from './output';

interface BenchOptions {
  readonly pairs?: boolean;
  readonly model?: boolean;
  readonly only?: readonly string[];
  readonly threads: readonly number[];
  readonly dim: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly exact?: boolean;
  readonly json?: boolean;
}

/** One pair at one thread count, as `--json` prints it; times are medians in milliseconds. */
interface PairRow {
  readonly id: string;
  readonly shape: readonly number[];
  readonly weightsShape: readonly number[];
  readonly threads: number;
  readonly stockMs: number;
  readonly unfusedMs: number;
  readonly fusedMs: number;
  readonly speedup: number;
  /** Half the interquartile range of the speedup. */
  readonly spread: number;
  /** The same of the times, in milliseconds. */
  readonly timeSpread: { readonly stockMs: number; readonly unfusedMs: number; readonly fusedMs: number };
  readonly attribution: { readonly fusion: number; readonly convolution: number; readonly threads?: number };
  /** Largest difference from stock's output, absolute and as a part of the output's scale. */
  readonly maxError: number;
  readonly maxRelativeError: number;
  readonly algorithm: string;
  readonly instructionSet: string;
  readonly rounds: number;
  readonly notes: readonly string[];
}

interface SkippedPair {
  readonly id: string;
  readonly message: string;
}

export async function bench(file: string, options: BenchOptions): Promise<void> {
  const opened = openModel(file);
  const measureOptions: MeasureOptions = {
    threads: options.threads,
    budgetMs: options.seconds * 1000,
    exact: options.exact === true,
  };
  const machine = `${os.cpus()[0]?.model.trim() ?? 'unknown processor'}, ${os.availableParallelism()} threads, ${os.platform()} ${os.arch()}`;
  const findings = chosenFindings(opened, findingsOf(opened), options.only);
  try {
    const pairs =
      options.pairs || !options.model ? await benchPairs(opened, findings, options, measureOptions) : undefined;
    const model = options.model ? modelRows(await benchModel(opened, findings, options, measureOptions)) : undefined;
    if (options.json) {
      print(
        JSON.stringify(
          {
            machine,
            threads: options.threads,
            pairs: pairs?.rows ?? [],
            skipped: pairs?.skipped ?? [],
            ...(model && { model: { ...model.at(-1), perThreads: model } }),
          },
          undefined,
          2,
        ),
      );
      return;
    }
    print(machine);
    if (pairs) printPairs(pairs);
    if (model) printModelRows(model);
  } catch (error) {
    if (error instanceof KernelUnavailableError) throw new Failure(`${error.message} ${error.remedy}`, 2);
    if (error instanceof OpenDimensionsError) throw new Failure(`${file}: ${error.message}`, 2);
    if (error instanceof Failure) throw error;
    throw new Failure(`${file}: ${problemOf(error)}`, 2);
  }
}

async function benchPairs(
  { model, source, file }: OpenModel,
  findings: readonly Finding[],
  { dim }: BenchOptions,
  options: MeasureOptions,
): Promise<{ rows: PairRow[]; skipped: SkippedPair[] }> {
  const rows: PairRow[] = [];
  const skipped: SkippedPair[] = [];
  if (findings.length === 0) return { rows, skipped };
  const reader = new TensorReader(source, new ExternalData(path.dirname(file)).open);
  await measureFindings(model, reader, findings, new Map(Object.entries(dim)), options, {
    onProgress: ({ fraction, message }) => progress(fraction, message),
    onOutcome: ({ id }, outcome) => {
      if (outcome.kind === 'failed') skipped.push({ id, message: outcome.message });
      else rows.push(...rowsOf(id, outcome));
    },
  });
  progress();
  return { rows, skipped };
}

function rowsOf(id: string, { result, notes }: Extract<FindingOutcome, { kind: 'measured' }>): PairRow[] {
  return result.measurements.map(({ threads, rounds, stockMs, unfusedMs, fusedMs, speedup, attribution }) => ({
    id,
    shape: result.inputShape,
    weightsShape: result.weightsShape,
    threads,
    stockMs: stockMs.median,
    unfusedMs: unfusedMs.median,
    fusedMs: fusedMs.median,
    speedup: speedup.median,
    spread: speedup.spread,
    timeSpread: { stockMs: stockMs.spread, unfusedMs: unfusedMs.spread, fusedMs: fusedMs.spread },
    attribution: {
      fusion: attribution.fusion.median,
      convolution: attribution.convolution.median,
      ...(attribution.threads !== undefined && { threads: attribution.threads }),
    },
    maxError: result.maxError.absolute,
    maxRelativeError: result.maxError.relative,
    algorithm: result.algorithm,
    instructionSet: result.instructionSet,
    rounds,
    notes,
  }));
}

function printPairs({ rows, skipped }: { rows: readonly PairRow[]; skipped: readonly SkippedPair[] }): void {
  if (rows.length === 0 && skipped.length === 0) print('no pair can fuse, so there is nothing to measure');
  if (rows.length > 0) {
    const header = [
      'pair',
      'input',
      'weights',
      'threads',
      'stock ms',
      'unfused ms',
      'fused ms',
      'speedup',
      'fusion',
      'convolution',
      'threads ×',
      'max error',
      'algorithm',
    ];
    print(
      table([
        header,
        ...rows.map((row) => [
          row.id,
          row.shape.join('×'),
          row.weightsShape.join('×'),
          String(row.threads),
          withSpread(row.stockMs, row.timeSpread.stockMs),
          withSpread(row.unfusedMs, row.timeSpread.unfusedMs),
          withSpread(row.fusedMs, row.timeSpread.fusedMs),
          `${withSpread(row.speedup, row.spread)}×`,
          `${row.attribution.fusion.toFixed(2)}×`,
          `${row.attribution.convolution.toFixed(2)}×`,
          row.attribution.threads === undefined ? '' : `${row.attribution.threads.toFixed(2)}×`,
          `${row.maxError.toExponential(1)} (${row.maxRelativeError.toExponential(1)} of scale)`,
          `${row.algorithm}, ${row.instructionSet}`,
        ]),
      ]),
    );
    print('times are medians ± half the interquartile range; speedup = stock ÷ fused = fusion × convolution');
  }
  for (const { id, notes, threads } of rows) {
    if (threads === rows[0]?.threads) notes.forEach((note) => print(`${id}: ${note}`));
  }
  for (const { id, message } of skipped) print(`${id}: not measured: ${message}`);
}

async function benchModel(
  opened: OpenModel,
  findings: readonly Finding[],
  { dim }: BenchOptions,
  options: MeasureOptions,
): Promise<ModelResult> {
  const folder = path.resolve(path.dirname(opened.file));
  const result = await measure<'model'>(
    {
      kind: 'model',
      problem: {
        stockModel: opened.source.read(0, opened.source.size),
        fusedModel: joinChunks(fusedChunks(opened, findings), opened.source),
        inputShapes: inputShapes(opened.model, new Map(Object.entries(dim))),
        externalDataFolder: folder,
      },
      options,
    },
    { onProgress: ({ fraction, message }) => progress(fraction, message) },
  );
  progress();
  return result;
}

function modelRows({ measurements, maxError, fusedNodes }: ModelResult) {
  return measurements.map(({ threads, rounds, stockMs, fusedMs, speedup }) => ({
    threads,
    rounds,
    fusedNodes,
    stockMs: stockMs.median,
    fusedMs: fusedMs.median,
    speedup: speedup.median,
    spread: speedup.spread,
    timeSpread: { stockMs: stockMs.spread, fusedMs: fusedMs.spread },
    maxError: maxError.absolute,
    maxRelativeError: maxError.relative,
  }));
}

function printModelRows(rows: ReturnType<typeof modelRows>): void {
  print(
    table([
      ['whole model', 'threads', 'fused nodes', 'stock ms', 'fused ms', 'speedup', 'max error'],
      ...rows.map((row) => [
        '',
        String(row.threads),
        String(row.fusedNodes),
        withSpread(row.stockMs, row.timeSpread.stockMs),
        withSpread(row.fusedMs, row.timeSpread.fusedMs),
        `${withSpread(row.speedup, row.spread)}×`,
        `${row.maxError.toExponential(1)} (${row.maxRelativeError.toExponential(1)} of scale)`,
      ]),
    ]),
  );
}

function withSpread(median: Figure['median'], spread: Figure['spread']): string {
  return `${figures(median)} ± ${figures(spread)}`;
}

/** Three significant figures, without an exponent. */
function figures(value: number): string {
  return value >= 100 ? value.toFixed(0) : Number(value.toPrecision(value < 0.1 ? 2 : 3)).toString();
}

/** On a terminal, one line on standard error that is written over; without arguments it is cleared. */
function progress(fraction?: number, message = ''): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(fraction === undefined ? '\r\u001b[K' : `\r\u001b[K${Math.round(fraction * 100)} %  ${message}`);
}
