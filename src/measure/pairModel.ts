import { encodeModel } from '../core/onnx/encode';
import type { Dimension, Model, Node, Tensor } from '../core/onnx/model';
import { bytesSource } from '../core/wire/source';
import { joinChunks } from '../core/wire/splice';

const FLOAT = 1;
const INT64 = 7;
/** Functions aside, every reader of the last ten years takes this. */
const IR_VERSION = 8;

/** Weights of a small model, by name. */
export interface NamedWeights {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array | BigInt64Array;
}

/** A float value of a small model. */
export interface NamedValue {
  readonly name: string;
  readonly shape: readonly number[];
}

/**
 * A model of a few nodes with float inputs and one float output, its weights
 * inside. The nodes' names of values are the model's.
 */
export function chainModel(
  nodes: readonly Node[],
  opset: number,
  inputs: readonly NamedValue[],
  weights: readonly (NamedWeights | Tensor)[],
  output: { readonly name: string; readonly shape?: readonly Dimension[] | undefined },
): Uint8Array {
  const value = ({ name, shape }: { name: string; shape?: readonly Dimension[] | undefined }) => ({
    name,
    type: { kind: 'tensor' as const, elementType: FLOAT, shape },
  });
  const model: Model = {
    irVersion: IR_VERSION,
    opsetImports: [{ domain: '', version: opset }],
    producerName: '',
    producerVersion: '',
    domain: '',
    modelVersion: 0n,
    docString: '',
    metadataProps: [],
    functions: [],
    graph: {
      name: 'pair',
      inputs: inputs.map(value),
      outputs: [value(output)],
      valueInfos: [],
      initializers: weights.map((weight) => ('data' in weight ? weight : tensorOf(weight))),
      nodes,
    },
  };
  return joinChunks(encodeModel(model), bytesSource(new Uint8Array(0)));
}

const tensorOf = ({ name, shape, values }: NamedWeights): Tensor => ({
  name,
  dataType: values instanceof Float32Array ? FLOAT : INT64,
  dims: shape,
  data: { kind: 'bytes', bytes: littleEndian(values) },
});

function littleEndian(values: Float32Array | BigInt64Array): Uint8Array {
  const bytes = new Uint8Array(values.byteLength);
  const view = new DataView(bytes.buffer);
  if (values instanceof Float32Array) values.forEach((value, index) => view.setFloat32(4 * index, value, true));
  else values.forEach((value, index) => view.setBigInt64(8 * index, value, true));
  return bytes;
}
