import type { InferenceSession } from 'onnxruntime-node';
import { dataType } from '../core/onnx/dataTypes';
import { encodeModel } from '../core/onnx/encode';
import type { Attribute, Dimension, Graph, Model, Node, Tensor, ValueInfo } from '../core/onnx/model';
import { joinChunks } from '../core/wire/splice';
import { TensorDataError, type TensorReader } from './tensorReader';

/** Sizes for dimensions that the model leaves open, by symbol (`batch`) or by input and axis (`input.0`). */
export type DimensionSizes = ReadonlyMap<string, number>;

/** A dimension of a graph input that the model leaves open. */
export interface OpenDimension {
  readonly input: string;
  readonly axis: number;
  /** The model's name for it, if it has one; the same symbol means the same size. */
  readonly symbol?: string | undefined;
  /** How to name it in {@link DimensionSizes}: the symbol, or `INPUT.AXIS`. */
  readonly key: string;
}

/** The model leaves dimensions open that no size was given for. */
export class OpenDimensionsError extends Error {
  override readonly name = 'OpenDimensionsError';

  constructor(readonly dimensions: readonly OpenDimension[]) {
    const keys = [...new Set(dimensions.map((dimension) => dimension.key))];
    super(
      `The model leaves ${keys.length === 1 ? 'a dimension' : 'dimensions'} open: ${keys.join(', ')}. ` +
        `Give ${keys.length === 1 ? 'it a size' : 'them sizes'}, such as ${keys.map((key) => `--dim ${key}=N`).join(' ')}.`,
    );
  }
}

/** A value's element type (`TensorProto.DataType`) and shape, as far as they are known. */
export interface ValueShape {
  readonly elementType?: number | undefined;
  /** `undefined`: unknown. The runtime doesn't tell a scalar from an unknown rank; both are unknown here. */
  readonly shape?: readonly Dimension[] | undefined;
}

export interface InferredShapes {
  /** Of the main graph's values, by name. */
  readonly shapes: ReadonlyMap<string, ValueShape>;
  /** Set when the runtime refused the model, in its words: then `shapes` has what the model declares. */
  readonly refusal?: string | undefined;
}

/** Tensors up to this many bytes keep their values: they may be shapes, axes, scales. */
const KEEP_BYTES = 1024;
/** Tensors of these types keep their values up to a larger size: INT32, INT64, BOOL, which shapes are computed from. */
const KEEP_TYPES: ReadonlySet<number> = new Set([6, 7, 9]);
const KEEP_INTEGER_BYTES = 1 << 20;

/** Sizes of the graph's inputs: the model's own, else from `sizes`, of which `INPUT.AXIS` goes before the symbol. */
function resolveInputs(model: Model, sizes: DimensionSizes): { inputs: ValueInfo[]; open: OpenDimension[] } {
  const open: OpenDimension[] = [];
  const defaults = new Set(model.graph.initializers.map((tensor) => tensor.name));
  const inputs = model.graph.inputs.map((input): ValueInfo => {
    const { name, type } = input;
    if (type?.kind !== 'tensor' || !type.shape || defaults.has(name)) return input;
    const shape = type.shape.map((size, axis): Dimension => {
      const symbol = typeof size === 'string' && size !== '' ? size : undefined;
      const own = typeof size === 'number' && size > 0 ? size : undefined;
      const given = own ?? sizes.get(`${name}.${axis}`) ?? (symbol === undefined ? undefined : sizes.get(symbol));
      if (given === undefined) open.push({ input: name, axis, symbol, key: symbol ?? `${name}.${axis}` });
      return given;
    });
    return { name, type: { ...type, shape } };
  });
  return { inputs, open };
}

/** The dimensions of graph inputs that the model leaves open and `sizes` doesn't give. */
export function openDimensions(model: Model, sizes: DimensionSizes = new Map()): OpenDimension[] {
  return resolveInputs(model, sizes).open;
}

/**
 * The shapes of the graph's inputs, those with an initializer left out.
 * @throws OpenDimensionsError when a size is missing.
 */
export function inputShapes(model: Model, sizes: DimensionSizes): Record<string, readonly number[]> {
  const { inputs, open } = resolveInputs(model, sizes);
  if (open.length > 0) throw new OpenDimensionsError(open);
  const defaults = new Set(model.graph.initializers.map((tensor) => tensor.name));
  return Object.fromEntries(
    inputs.flatMap(({ name, type }) =>
      type?.kind === 'tensor' && type.shape && !defaults.has(name) ? [[name, type.shape as number[]]] : [],
    ),
  );
}

/**
 * A copy of the model for finding shapes: large weights become graph inputs of
 * the same type and shape, open input dimensions get their sizes, and every
 * value computed in the main graph becomes an output without a type, which the
 * runtime's shape inference then fills in.
 * @param sizes sizes by symbol or `INPUT.AXIS`.
 * @throws OpenDimensionsError when a size is missing.
 */
export function probeModel(model: Model, reader: TensorReader, sizes: DimensionSizes): Uint8Array {
  const { inputs, open } = resolveInputs(model, sizes);
  if (open.length > 0) throw new OpenDimensionsError(open);
  const { graph } = model;
  const known = new Set(inputs.map((input) => input.name));
  const addInput = (tensor: Tensor): void => {
    if (known.has(tensor.name)) return;
    known.add(tensor.name);
    inputs.push({
      name: tensor.name,
      type: { kind: 'tensor', elementType: tensor.dataType, shape: tensor.dims },
    });
  };
  const initializers: Tensor[] = [];
  for (const tensor of graph.initializers) {
    const kept = isSmall(tensor) ? inline(tensor, reader) : undefined;
    if (kept) initializers.push(kept);
    else addInput(tensor);
  }
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    const constant = node.opType === 'Constant' && node.domain === '' ? node.attributes[0]?.value : undefined;
    if (constant?.type === 'TENSOR' && !isSmall(constant.value)) {
      addInput({ ...constant.value, name: node.outputs[0] ?? '' });
    } else {
      nodes.push(inlineNode(node, reader));
    }
  }
  const computed = new Set(nodes.flatMap((node) => node.outputs).filter((name) => name !== ''));
  const outputs = [...new Set([...graph.outputs.map((output) => output.name), ...computed])].map(
    (name): ValueInfo => graph.outputs.find((output) => output.name === name && !computed.has(name)) ?? { name },
  );
  const probe: Model = { ...model, graph: { ...graph, inputs, outputs, initializers, nodes, valueInfos: [] } };
  return joinChunks(encodeModel(probe, reader.source), reader.source);
}

function isSmall(tensor: Tensor): boolean {
  const bits = dataType(tensor.dataType)?.bits ?? 0;
  // Strings and unknown types have no size in bits.
  if (bits === 0) return true;
  const bytes = tensor.dims.reduce((product, size) => product * size, bits / 8);
  return bytes <= (KEEP_TYPES.has(tensor.dataType) ? KEEP_INTEGER_BYTES : KEEP_BYTES);
}

/** The tensor with external data read in, or `undefined` when that data isn't there. */
function inline(tensor: Tensor, reader: TensorReader): Tensor | undefined {
  if (tensor.data.kind !== 'external') return tensor;
  try {
    return { ...tensor, data: { kind: 'bytes', bytes: reader.bytes(tensor) } };
  } catch (error) {
    if (error instanceof TensorDataError) return undefined;
    throw error;
  }
}

/** The node with external data in its attributes and subgraphs read in. */
function inlineNode(node: Node, reader: TensorReader): Node {
  const inlineGraph = (graph: Graph): Graph => ({
    ...graph,
    initializers: graph.initializers.map((tensor) => inline(tensor, reader) ?? tensor),
    nodes: graph.nodes.map((inner) => inlineNode(inner, reader)),
  });
  const attributes = node.attributes.map((attribute): Attribute => {
    const { value } = attribute;
    if (value.type === 'TENSOR') {
      return { ...attribute, value: { type: 'TENSOR', value: inline(value.value, reader) ?? value.value } };
    }
    if (value.type === 'GRAPH') return { ...attribute, value: { type: 'GRAPH', value: inlineGraph(value.value) } };
    if (value.type === 'GRAPHS') {
      return { ...attribute, value: { type: 'GRAPHS', value: value.value.map(inlineGraph) } };
    }
    return attribute;
  });
  return { ...node, attributes };
}

/** What the model itself declares of the main graph's values, open dimensions filled in from `sizes`. */
export function declaredShapes(model: Model, sizes: DimensionSizes = new Map()): Map<string, ValueShape> {
  const shapes = new Map<string, ValueShape>();
  const { graph } = model;
  for (const { name, type } of [...graph.outputs, ...graph.valueInfos, ...resolveInputs(model, sizes).inputs]) {
    if (type?.kind !== 'tensor') continue;
    const shape = type.shape?.map((size) => (typeof size === 'string' ? (sizes.get(size) ?? size) : size));
    shapes.set(name, { elementType: type.elementType, shape });
  }
  for (const tensor of graph.initializers) {
    shapes.set(tensor.name, { elementType: tensor.dataType, shape: tensor.dims });
  }
  return shapes;
}

/** What the runtime says of a probe model: the values' shapes, or why it refuses the model. */
export type ProbeResult =
  { readonly shapes: readonly (readonly [name: string, shape: ValueShape])[] } | { readonly refusal: string };

/**
 * Type and shape of every value of the main graph, found by ONNX Runtime's own
 * shape inference with constant folding.
 * @param run runs the probe model; in this process unless told otherwise.
 * @throws OpenDimensionsError when the size of an input's dimension is missing.
 */
export async function inferShapes(
  model: Model,
  reader: TensorReader,
  sizes: DimensionSizes = new Map(),
  run: (probe: Uint8Array) => Promise<ProbeResult> = runProbe,
): Promise<InferredShapes> {
  const shapes = declaredShapes(model, sizes);
  const result = await run(probeModel(model, reader, sizes));
  if ('refusal' in result) return { shapes, refusal: result.refusal };
  for (const [name, shape] of result.shapes) shapes.set(name, shape);
  return { shapes };
}

/** Have ONNX Runtime infer the shapes of a probe model (see `probeModel`), in this process. */
export async function runProbe(probe: Uint8Array): Promise<ProbeResult> {
  let session: InferenceSession;
  try {
    const runtime = await import('onnxruntime-node');
    session = await runtime.InferenceSession.create(probe, {
      graphOptimizationLevel: 'basic',
      executionProviders: ['cpu'],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      // 4: fatal only. What is wrong arrives as an exception.
      logSeverityLevel: 4,
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { refusal: message.split('\n')[0]!.trim() };
  }
  const shapes = session.outputMetadata.flatMap((output): [string, ValueShape][] => {
    if (!output.isTensor) return [];
    const shape = output.shape.length === 0 ? undefined : output.shape.map(dimension);
    return [[output.name, { elementType: ELEMENT_TYPES[output.type], shape }]];
  });
  await session.release();
  return { shapes };
}

function dimension(size: number | string): Dimension {
  if (typeof size === 'string') return size === '' ? undefined : size;
  return size >= 0 ? size : undefined;
}

/** `TensorProto.DataType` by the runtime's JavaScript name. */
const ELEMENT_TYPES: Readonly<Record<string, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  uint4: 21,
  int4: 22,
};
