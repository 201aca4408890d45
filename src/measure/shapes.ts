import type { InferenceSession } from 'onnxruntime-node';
import { dataTypeNamed } from '../core/onnx/dataTypes';
import type { Dimension, Model } from '../core/onnx/model';
import type { InferredShapes, ValueShape } from '../core/shapes/valueShape';
import { resolveInputs, type DimensionSizes } from './dimensions';
import { FunctionProbe } from './functionProbe';
import { probeModel } from './probeModel';
import type { TensorReader } from './tensorReader';

export type { InferredShapes, ValueShape } from '../core/shapes/valueShape';

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
 * Type and shape of every value of the main graph and of the functions it
 * calls, found by ONNX Runtime's own shape inference with constant folding.
 * Where it refuses the model, what the model declares, and the refusal.
 * @param sizes of the dimensions that the model leaves open; without a size a dimension keeps its symbol where the
 * runtime can follow it, and is unknown elsewhere.
 * @param run runs the probe model; in this process unless told otherwise.
 */
export async function inferShapes(
  model: Model,
  reader: TensorReader,
  sizes: DimensionSizes = new Map(),
  run: (probe: Uint8Array) => Promise<ProbeResult> = runProbe,
): Promise<InferredShapes> {
  const shapes = declaredShapes(model, sizes);
  const functions = new FunctionProbe(model);
  const merge = (result: Extract<ProbeResult, { readonly shapes: unknown }>): void => {
    for (const [name, shape] of result.shapes) shapes.set(name, shape);
  };
  if (functions.isUseful) {
    const result = await run(probeModel(model, reader, sizes, functions));
    if ('shapes' in result) {
      merge(result);
      const inFunctions = functions.shapesIn(shapes);
      return { shapes: only(shapes, model), functions: inFunctions };
    }
    // A function can stand for an op that the runtime has itself, which takes no further outputs: look from outside.
  }
  const result = await run(probeModel(model, reader, sizes));
  if ('refusal' in result) return { shapes, functions: new Map(), refusal: result.refusal };
  merge(result);
  return { shapes, functions: new Map() };
}

/** Without the values that only the probe has. */
function only(shapes: ReadonlyMap<string, ValueShape>, { graph }: Model): Map<string, ValueShape> {
  const names = new Set(
    [...graph.inputs, ...graph.outputs, ...graph.valueInfos, ...graph.initializers].map((v) => v.name),
  );
  for (const node of graph.nodes) for (const name of node.outputs) names.add(name);
  return new Map([...shapes].filter(([name]) => names.has(name)));
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
    return [[output.name, { elementType: elementTypeOf(output.type), shape }]];
  });
  await session.release();
  return { shapes };
}

function dimension(size: number | string): Dimension {
  if (typeof size === 'string') return size === '' ? undefined : size;
  return size >= 0 ? size : undefined;
}

/** `TensorProto.DataType` by the runtime's JavaScript name, which is ONNX text's for all but two types. */
function elementTypeOf(name: string): number | undefined {
  return dataTypeNamed(name === 'float32' ? 'float' : name === 'float64' ? 'double' : name)?.number;
}
