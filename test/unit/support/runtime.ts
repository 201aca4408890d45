/** Runs models in stock ONNX Runtime. */
import * as ort from 'onnxruntime-node';

export interface TensorOut {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** Uniform numbers in [-1, 1), the same for the same seed. */
export function randomFloats(count: number, seed: number): Float32Array {
  let state = seed | 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
}

/** Runs a model whose inputs all are float tensors of the given shapes and random values. */
export async function runModel(
  model: Uint8Array | string,
  inputs: Readonly<Record<string, ort.Tensor>>,
  graphOptimizationLevel: 'disabled' | 'all' = 'all',
): Promise<Map<string, TensorOut>> {
  const options: ort.InferenceSession.SessionOptions = {
    logSeverityLevel: 4,
    intraOpNumThreads: 1,
    graphOptimizationLevel,
  };
  const session =
    typeof model === 'string'
      ? await ort.InferenceSession.create(model, options)
      : await ort.InferenceSession.create(model, options);
  try {
    const results = await session.run(inputs);
    const outputs = new Map<string, TensorOut>();
    for (const [name, tensor] of Object.entries(results)) {
      if (tensor.type === 'float32') outputs.set(name, { dims: tensor.dims, data: tensor.data as Float32Array });
    }
    return outputs;
  } finally {
    await session.release();
  }
}

export const floatTensor = (dims: readonly number[], seed: number): ort.Tensor =>
  new ort.Tensor(
    'float32',
    randomFloats(
      dims.reduce((product, size) => product * size, 1),
      seed,
    ),
    dims,
  );

/** The largest difference, relative to the largest expected value where that is above one. */
export function largestError(actual: TensorOut, expected: TensorOut): number {
  if (actual.dims.join() !== expected.dims.join()) return Infinity;
  let worst = 0;
  let largest = 1;
  for (let index = 0; index < expected.data.length; index++) {
    const error = Math.abs(actual.data[index]! - expected.data[index]!);
    // Also catches NaN, which compares false.
    if (!(error <= worst)) worst = error;
    largest = Math.max(largest, Math.abs(expected.data[index]!));
  }
  return worst / largest;
}
