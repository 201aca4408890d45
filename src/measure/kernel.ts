/**
 * The native addon: its interface, and the one place that loads it.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** `avx512`, `avx2`, `neon` or `baseline`. */
export type InstructionSetName = string;

/** What padding pads with: zeros, the input mirrored without its edge, or its edge repeated. */
export type BorderName = 'zero' | 'reflect' | 'edge';

export type Algorithm =
  'fastest' | 'exact' | 'direct' | 'winograd' | 'winogradF4' | 'winogradF6' | 'winogradDepth' | 'depthwise';

/** A convolution with its normalisation; shapes as in ONNX, absent attributes have ONNX's defaults. */
export interface FusedProblem {
  readonly inputShape: readonly number[];
  readonly weightsShape: readonly number[];
  readonly weights: Float32Array;
  readonly scale: Float32Array;
  readonly bias: Float32Array;
  readonly kernelShape?: readonly number[];
  readonly strides?: readonly number[];
  readonly pads?: readonly number[];
  readonly dilations?: readonly number[];
  readonly group?: number;
  readonly autoPad?: string;
  /** What `pads` pads with; `zero` by default. */
  readonly border?: BorderName;
  /** ConvTranspose: the weights are C × M/group × kernel, and the next two attributes count. */
  readonly transposed?: boolean;
  readonly outputPadding?: readonly number[];
  readonly outputShape?: readonly number[];
  readonly epsilon?: number;
  readonly activation?: 'none' | 'Relu' | 'LeakyRelu';
  readonly alpha?: number;
}

export interface PlanOptions {
  /** By default the best one available. */
  readonly instructionSet?: InstructionSetName;
  /**
   * `fastest` (the default) takes whichever should be fastest, `exact` leaves out Winograd's, which trades accuracy for
   * speed; the others ask for one algorithm.
   */
  readonly algorithm?: Algorithm;
}

/** A tensor added before the activation, broadcast to the output as ONNX's Add does. */
export interface ResidualTensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

export interface RunOptions {
  readonly threads: number;
  readonly fused: boolean;
  readonly residual?: ResidualTensor;
}

/** Weights packed for one input shape and instruction set. */
export interface Plan {
  readonly outputShape: readonly number[];
  /** Name of the convolution algorithm chosen. */
  readonly algorithm: string;
  readonly instructionSet: InstructionSetName;
  /**
   * Computes `y` from `x` and returns the milliseconds that it took. Not fused means the control: the same convolution,
   * then normalisation, addition and activation as a pass of their own.
   */
  run(x: Float32Array, y: Float32Array, options: RunOptions): number;
  workspaceBytes(threads: number): number;
}

export interface OnnxRuntime {
  readonly version: string;
}

/** An input or output; a size that isn't fixed is -1. `other` is a type that can't be given as a typed array. */
export interface TensorDescription {
  readonly name: string;
  readonly type: ElementTypeName | 'other';
  readonly shape: readonly number[];
}

export type ElementTypeName =
  | 'float'
  | 'double'
  | 'uint8'
  | 'int8'
  | 'uint16'
  | 'int16'
  | 'uint32'
  | 'int32'
  | 'uint64'
  | 'int64'
  | 'bool'
  | 'float16';

export type TensorArray =
  | Float32Array
  | Float64Array
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array;

export interface OutputTensor extends TensorDescription {
  readonly data: TensorArray;
}

export interface SessionOptions {
  readonly threads: number;
  /** Registers the `fusionlens` operators, so that fused nodes run our kernel instead of their function's body. */
  readonly fusedOps?: boolean;
  /** Leaves out Winograd's algorithm in them. */
  readonly exact?: boolean;
  readonly instructionSet?: InstructionSetName;
  /** The folder of the model's external data. */
  readonly externalDataFolder?: string;
  /** On release the runtime writes the times of all nodes to a file whose path begins so (Chrome's trace format). */
  readonly profilePrefix?: string;
}

/** A model in ONNX Runtime. Inputs are copied once; outputs are written into the same memory run after run. */
export interface Session {
  readonly inputs: readonly TensorDescription[];
  readonly outputs: readonly TensorDescription[];
  setInput(name: string, type: ElementTypeName, shape: readonly number[], data: TensorArray): void;
  /** Milliseconds of the run alone. */
  run(): number;
  output(index: number): OutputTensor;
  /** How often fused kernels have run in this session. */
  fusedRuns(): number;
  release(): void;
}

export interface Kernel {
  /** Available on this machine, best first. */
  readonly instructionSets: readonly InstructionSetName[];
  readonly Plan: new (problem: FusedProblem & PlanOptions) => Plan;
  /** The exact output, computed in double precision by plain loops; `residual` has the output's shape. */
  readonly reference: (problem: FusedProblem, x: Float32Array, residual?: Float32Array) => Float64Array;
  /** Zeros that begin at a cache line, where vectors are loaded and stored fastest. */
  readonly alignedFloats: (length: number) => Float32Array;
  readonly OnnxRuntime: new (libraryPath: string) => OnnxRuntime;
  readonly Session: new (runtime: OnnxRuntime, model: Uint8Array, options: SessionOptions) => Session;
}

/** Why the kernel can't be had here, and what to do about it. */
export interface KernelUnavailable {
  readonly message: string;
  readonly remedy: string;
}

export function isAvailable(kernel: Kernel | KernelUnavailable): kernel is Kernel {
  return 'Plan' in kernel;
}

const load = createRequire(__filename);

/**
 * The addon: kernel/ beside the bundle (or in dist/ when run from source) has what was built on this machine, its
 * folders, such as kernel/linux-arm64/, what was built for others.
 */
function addonPath(): string {
  const folders = [path.join(__dirname, 'kernel'), path.join(__dirname, '..', '..', 'dist', 'kernel')];
  const addons = folders.flatMap((folder) => [
    path.join(folder, 'fusion-kernel.node'),
    path.join(folder, `${process.platform}-${process.arch}`, 'fusion-kernel.node'),
  ]);
  return addons.find((addon) => existsSync(addon)) ?? addons[0]!;
}

/** Loads the addon. Every failure comes back as one message with a remedy; nothing is thrown. */
export function loadKernel(addon: string = addonPath()): Kernel | KernelUnavailable {
  const platform = `${process.platform}-${process.arch}`;
  if (!existsSync(addon)) {
    return {
      message: `The fused kernel is not built for this platform (${platform}).`,
      remedy:
        'Install a C++17 compiler (g++ or clang++) and run "npm run build", or install the build for this platform.',
    };
  }
  try {
    return load(addon) as Kernel;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      message: `The fused kernel can't be loaded on this platform (${platform}): ${reason}`,
      remedy: `Rebuild it here with "npm run build", after deleting ${addon}.`,
    };
  }
}

/** The shared library that onnxruntime-node ships for this platform. */
export function onnxRuntimeLibrary(): string | KernelUnavailable {
  const platform = `${process.platform}-${process.arch}`;
  let directory: string;
  try {
    const packageFile = load.resolve('onnxruntime-node/package.json');
    directory = path.join(path.dirname(packageFile), 'bin', 'napi-v6', process.platform, process.arch);
  } catch {
    return {
      message: 'The package onnxruntime-node is not installed.',
      remedy: 'Run "npm ci" in the folder of the extension, or reinstall the extension.',
    };
  }
  const names: Partial<Record<NodeJS.Platform, readonly string[]>> = {
    linux: ['libonnxruntime.so.1'],
    darwin: ['libonnxruntime.1.dylib'],
    win32: ['onnxruntime.dll'],
  };
  for (const name of names[process.platform] ?? []) {
    const library = path.join(directory, name);
    if (existsSync(library)) return library;
  }
  return {
    message: `onnxruntime-node has no library for this platform (${platform}).`,
    remedy: 'Measure on Linux or Windows (x64, arm64) or macOS (arm64).',
  };
}

/** Kernel and ONNX Runtime together, as measuring needs them. */
export function loadEngines(): { readonly kernel: Kernel; readonly runtime: OnnxRuntime } | KernelUnavailable {
  const kernel = loadKernel();
  if (!isAvailable(kernel)) return kernel;
  const library = onnxRuntimeLibrary();
  if (typeof library !== 'string') return library;
  try {
    return { kernel, runtime: new kernel.OnnxRuntime(library) };
  } catch (error) {
    return {
      message: error instanceof Error ? error.message : String(error),
      remedy: 'Reinstall the extension, or run "npm ci" in its folder.',
    };
  }
}
