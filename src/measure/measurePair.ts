/**
 * Measures one Conv + InstanceNormalization pair: stock ONNX Runtime, our convolution without fusing, and fused.
 */
import { compareOutputs, type OutputError } from './compare';
import { interleave } from './interleave';
import type { FusedProblem, InstructionSetName, Kernel, OnnxRuntime } from './kernel';
import type { PairProblem } from './pairProblem';
import { normalArray } from './random';
import { type Figure, figure, ratioOfMedians } from './statistics';

export interface MeasureOptions {
  /** Thread counts to measure, in this order. */
  readonly threads: readonly number[];
  /** Milliseconds of measuring for each thread count. */
  readonly budgetMs: number;
  readonly seed?: number;
  readonly instructionSet?: InstructionSetName;
  /** Without Winograd's algorithm. */
  readonly exact?: boolean;
}

/** Why it is faster. The product of `fusion` and `convolution` is about the speedup. */
export interface Attribution {
  /** Unfused control ÷ fused: what fusing alone gains. */
  readonly fusion: Figure;
  /** Stock ÷ unfused control: what our convolution gains over the runtime's. */
  readonly convolution: Figure;
  /** Fused on one thread ÷ fused on this many, where one thread was measured before. */
  readonly threads?: number;
}

/** Times are milliseconds. */
export interface PairMeasurement {
  readonly threads: number;
  readonly rounds: number;
  readonly stockMs: Figure;
  readonly unfusedMs: Figure;
  readonly fusedMs: Figure;
  /** Stock ÷ fused. */
  readonly speedup: Figure;
  readonly attribution: Attribution;
}

export interface PairResult {
  readonly inputShape: readonly number[];
  readonly weightsShape: readonly number[];
  readonly outputShape: readonly number[];
  readonly algorithm: string;
  readonly instructionSet: InstructionSetName;
  readonly runtimeVersion: string;
  /** Fused and unfused output against stock's, the larger error of the two. */
  readonly maxError: OutputError;
  readonly measurements: readonly PairMeasurement[];
}

export interface Progress {
  /** 0 to 1. */
  readonly fraction: number;
  readonly message: string;
}

/** Outputs that differ by more than this part of their scale aren't the same function: no timing would mean anything. */
const LARGEST_RELATIVE_ERROR = 1e-3;

function fusedProblem(problem: PairProblem): FusedProblem {
  const { activation, conv } = problem;
  return {
    ...conv,
    inputShape: problem.inputShape,
    weightsShape: problem.weightsShape,
    weights: problem.weights,
    scale: problem.scale,
    bias: problem.bias,
    epsilon: problem.epsilon,
    ...(typeof activation === 'string'
      ? { activation }
      : { activation: 'LeakyRelu', alpha: activation.LeakyRelu.alpha }),
  };
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * Compares the outputs, then times the three for each thread count. Throws an `Error` with a message for the user where
 * the problem is invalid, ONNX Runtime refuses the model, or the outputs differ.
 */
export async function measurePair(
  engines: { readonly kernel: Kernel; readonly runtime: OnnxRuntime },
  problem: PairProblem,
  options: MeasureOptions,
  onProgress?: (progress: Progress) => void,
): Promise<PairResult> {
  const { kernel, runtime } = engines;
  const { instructionSet } = options;
  const plan = new kernel.Plan({
    ...fusedProblem(problem),
    ...(instructionSet === undefined ? {} : { instructionSet }),
    ...(options.exact === true ? { algorithm: 'exact' } : {}),
  });
  const residual = problem.residual === undefined ? {} : { residual: problem.residual };
  const x = kernel.alignedFloats(elements(problem.inputShape));
  x.set(normalArray(x.length, options.seed ?? 1));
  const unfused = kernel.alignedFloats(elements(plan.outputShape));
  const fused = kernel.alignedFloats(unfused.length);
  let maxError: OutputError = { absolute: 0, relative: 0 };
  const measurements: PairMeasurement[] = [];
  for (const [index, threads] of options.threads.entries()) {
    const label = `${threads} ${threads === 1 ? 'thread' : 'threads'}`;
    const report = (part: number, message: string): void =>
      onProgress?.({ fraction: (index + part) / options.threads.length, message });
    report(0, `comparing outputs, ${label}`);
    const session = new kernel.Session(runtime, problem.stockModel, { threads });
    const view = problem.viewModel && new kernel.Session(runtime, problem.viewModel, { threads });
    try {
      const [input, added] = session.inputs;
      if (input === undefined) throw new Error("The pair's model has no input.");
      session.setInput(input.name, 'float', problem.inputShape, x);
      if (added && problem.residual) {
        session.setInput(added.name, 'float', problem.residual.shape, problem.residual.data);
      }
      session.run();
      plan.run(x, unfused, { threads, fused: false, ...residual });
      plan.run(x, fused, { threads, fused: true, ...residual });
      const expected = session.output(0).data as Float32Array;
      for (const planes of [unfused, fused]) {
        view?.setInput(view.inputs[0]!.name, 'float', plan.outputShape, planes);
        view?.run();
        const actual = view ? (view.output(0).data as Float32Array) : planes;
        const error = compareOutputs(actual, expected);
        if (error.relative > maxError.relative) maxError = error;
      }
      if (!(maxError.relative <= LARGEST_RELATIVE_ERROR)) {
        throw new Error(
          `The fused kernel's output differs from ONNX Runtime's by ${maxError.absolute.toExponential(1)} ` +
            `(${maxError.relative.toExponential(1)} of its scale), so nothing was measured.`,
        );
      }
      const ours = (isFused: boolean) => () => {
        const time = plan.run(x, isFused ? fused : unfused, { threads, fused: isFused, ...residual });
        return time + (view?.run() ?? 0);
      };
      const [stockTimes, unfusedTimes, fusedTimes] = (await interleave(
        [
          { name: 'stock', run: () => session.run() },
          { name: 'unfused', run: ours(false) },
          { name: 'fused', run: ours(true) },
        ],
        { budgetMs: options.budgetMs, onRound: (fraction) => report(fraction, `measuring, ${label}`) },
      )) as [number[], number[], number[]];
      const fusedMs = figure(fusedTimes);
      const single = measurements.find((m) => m.threads === 1);
      measurements.push({
        threads,
        rounds: fusedTimes.length,
        stockMs: figure(stockTimes),
        unfusedMs: figure(unfusedTimes),
        fusedMs,
        speedup: ratioOfMedians(stockTimes, fusedTimes),
        attribution: {
          fusion: ratioOfMedians(unfusedTimes, fusedTimes),
          convolution: ratioOfMedians(stockTimes, unfusedTimes),
          ...(single === undefined || threads === 1 ? {} : { threads: single.fusedMs.median / fusedMs.median }),
        },
      });
    } finally {
      session.release();
      view?.release();
    }
  }
  return {
    inputShape: problem.inputShape,
    weightsShape: problem.weightsShape,
    outputShape: plan.outputShape,
    algorithm: plan.algorithm,
    instructionSet: plan.instructionSet,
    runtimeVersion: runtime.version,
    maxError,
    measurements,
  };
}
