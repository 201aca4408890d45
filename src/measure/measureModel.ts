/**
 * Measures a whole model: stock against fused, both in ONNX Runtime, the fused one with our operators registered.
 */
import { compareOutputs, type OutputError } from './compare';
import { interleave } from './interleave';
import type {
  ElementTypeName,
  Kernel,
  OnnxRuntime,
  Session,
  SessionOptions,
  TensorArray,
  TensorDescription,
} from './kernel';
import type { MeasureOptions, Progress } from './measurePair';
import { normalArray } from './random';
import { type Figure, figure, ratioOfMedians } from './statistics';

export interface ModelProblem {
  readonly stockModel: Uint8Array;
  readonly fusedModel: Uint8Array;
  /** Full shape of each graph input that has no initializer. */
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  /** The folder of the model's external data. */
  readonly externalDataFolder?: string;
}

export interface ModelMeasurement {
  readonly threads: number;
  readonly rounds: number;
  readonly stockMs: Figure;
  readonly fusedMs: Figure;
  /** Stock ÷ fused. */
  readonly speedup: Figure;
}

export interface ModelResult {
  readonly runtimeVersion: string;
  /** How many fused nodes one run of the fused model executes with our kernel. */
  readonly fusedNodes: number;
  /** Over all floating-point outputs. */
  readonly maxError: OutputError;
  readonly measurements: readonly ModelMeasurement[];
}

const ARRAYS: Record<ElementTypeName, new (length: number) => TensorArray> = {
  float: Float32Array,
  double: Float64Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  uint64: BigUint64Array,
  int64: BigInt64Array,
  bool: Uint8Array,
  float16: Uint16Array,
};

/** Random values for floats; ones for other types, which are mostly sizes, masks and indices. */
function inputData(input: TensorDescription, shape: readonly number[], seed: number): TensorArray {
  const length = shape.reduce((product, size) => product * size, 1);
  if (input.type === 'other') throw new Error(`Input "${input.name}" has a type that can't be filled with test data.`);
  if (input.type === 'float') return normalArray(length, seed);
  if (input.type === 'double') return Float64Array.from(normalArray(length, seed));
  const data = new ARRAYS[input.type](length);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return data.fill(1n);
  const halfPrecisionOne = 0x3c00;
  return data.fill(input.type === 'float16' ? halfPrecisionOne : 1);
}

function setInputs(session: Session, problem: ModelProblem, seed: number): void {
  session.inputs.forEach((input, index) => {
    const shape = problem.inputShapes[input.name];
    if (shape === undefined) throw new Error(`The shape of input "${input.name}" is not known.`);
    if (input.type === 'other') throw new Error(`Input "${input.name}" has a type that can't be given test data.`);
    session.setInput(input.name, input.type, shape, inputData(input, shape, seed + index));
  });
}

function largestError(stock: Session, fused: Session): OutputError {
  let worst: OutputError = { absolute: 0, relative: 0 };
  stock.outputs.forEach((output, index) => {
    if (output.type !== 'float' && output.type !== 'double') return;
    const expected = stock.output(index).data as Float32Array | Float64Array;
    const error = compareOutputs(fused.output(index).data as Float32Array | Float64Array, expected);
    if (error.relative >= worst.relative) worst = error;
  });
  return worst;
}

/** Compares the outputs, then times both models for each thread count. Throws an `Error` with a message for the user. */
export async function measureModel(
  engines: { readonly kernel: Kernel; readonly runtime: OnnxRuntime },
  problem: ModelProblem,
  options: MeasureOptions,
  onProgress?: (progress: Progress) => void,
): Promise<ModelResult> {
  const { kernel, runtime } = engines;
  const measurements: ModelMeasurement[] = [];
  let maxError: OutputError = { absolute: 0, relative: 0 };
  let fusedNodes = 0;
  for (const [index, threads] of options.threads.entries()) {
    const label = `${threads} ${threads === 1 ? 'thread' : 'threads'}`;
    const report = (part: number, message: string): void =>
      onProgress?.({ fraction: (index + part) / options.threads.length, message });
    report(0, `loading the models, ${label}`);
    const common: SessionOptions = {
      threads,
      ...(problem.externalDataFolder === undefined ? {} : { externalDataFolder: problem.externalDataFolder }),
    };
    const stock = new kernel.Session(runtime, problem.stockModel, common);
    let fused: Session | undefined;
    try {
      const set = options.instructionSet;
      fused = new kernel.Session(runtime, problem.fusedModel, {
        ...common,
        fusedOps: true,
        ...(set === undefined ? {} : { instructionSet: set }),
        ...(options.exact === true ? { exact: true } : {}),
      });
      const sessions = [stock, fused] as const;
      for (const session of sessions) {
        setInputs(session, problem, options.seed ?? 1);
        session.run();
      }
      fusedNodes = fused.fusedRuns();
      const error = largestError(stock, fused);
      if (error.relative >= maxError.relative) maxError = error;
      const [stockTimes, fusedTimes] = (await interleave(
        sessions.map((session, i) => ({ name: i === 0 ? 'stock' : 'fused', run: () => session.run() })),
        { budgetMs: options.budgetMs, onRound: (fraction) => report(fraction, `measuring, ${label}`) },
      )) as [number[], number[]];
      measurements.push({
        threads,
        rounds: fusedTimes.length,
        stockMs: figure(stockTimes),
        fusedMs: figure(fusedTimes),
        speedup: ratioOfMedians(stockTimes, fusedTimes),
      });
    } finally {
      stock.release();
      fused?.release();
    }
  }
  return { runtimeVersion: runtime.version, fusedNodes, maxError, measurements };
}
