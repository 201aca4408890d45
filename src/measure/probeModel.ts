import { subgraphsOf } from '../core/fusion/scope';
import { dataType, DataTypes } from '../core/onnx/dataTypes';
import { encodeModel } from '../core/onnx/encode';
import { initializersOf } from '../core/onnx/initializers';
import type { Attribute, FunctionProto, Graph, Model, Node, Tensor, ValueInfo } from '../core/onnx/model';
import { joinChunks } from '../core/wire/splice';
import { resolveInputs, type DimensionSizes } from './dimensions';
import type { FunctionProbe } from './functionProbe';
import { TensorDataError, type TensorReader } from './tensorReader';

/** Tensors up to this many bytes keep their values: they may be shapes, axes, scales. */
const KEEP_BYTES = 1024;
/** Tensors of these types keep their values up to a larger size: shapes are computed from them. */
const KEEP_TYPES: ReadonlySet<number> = new Set([DataTypes.INT32, DataTypes.INT64, DataTypes.BOOL]);
const KEEP_INTEGER_BYTES = 1 << 20;
/** From this IR version on an initializer that is also an input is only its default. */
const DEFAULTS_SINCE_IR = 4;

/**
 * A copy of the model for finding shapes: large weights become graph inputs of
 * the same type and shape, open input dimensions get their sizes as far as they
 * are given, and every value computed in the main graph becomes an output
 * without a type, which the runtime's shape inference then fills in. Of weights
 * only the small ones are read. Inputs with a default count as that default.
 * @param sizes sizes by symbol or `INPUT.AXIS`.
 * @param functions makes the values in functions visible too.
 */
export function probeModel(
  model: Model,
  reader: TensorReader,
  sizes: DimensionSizes,
  functions?: FunctionProbe,
): Uint8Array {
  const { graph } = model;
  const defaults = new Set(
    model.irVersion < DEFAULTS_SINCE_IR ? [] : graph.initializers.filter(isSmall).map(({ name }) => name),
  );
  const inputs = resolveInputs(model, sizes).inputs.filter(({ name }) => !defaults.has(name));
  const known = new Set(inputs.map((input) => input.name));
  const addInput = ({ name, dataType: elementType, dims }: Tensor): void => {
    if (known.has(name)) return;
    known.add(name);
    inputs.push({ name, type: { kind: 'tensor', elementType, shape: dims } });
  };
  const initializers: Tensor[] = [];
  for (const tensor of initializersOf(graph)) {
    const kept = inlineSmall(tensor, reader);
    if (kept) initializers.push(kept);
    else addInput(tensor);
  }
  const nodes: Node[] = [];
  for (const node of functions?.callsIn(graph.nodes) ?? graph.nodes) {
    const constant = largeConstant(node, reader);
    if (constant) addInput(constant);
    else nodes.push(inlineNode(node, reader));
  }
  const computed = new Set(nodes.flatMap((node) => node.outputs).filter((name) => name !== ''));
  const outputs = [...new Set([...graph.outputs.map((output) => output.name), ...computed])].map(
    (name): ValueInfo => graph.outputs.find((output) => output.name === name && !computed.has(name)) ?? { name },
  );
  const probe: Model = {
    ...model,
    functions: (functions?.functionsOf(model.functions) ?? model.functions).map((fn) => inlineFunction(fn, reader)),
    graph: { ...graph, inputs, outputs, initializers, sparseInitializers: undefined, nodes, valueInfos: [] },
  };
  return joinChunks(encodeModel(probe, reader.source), reader.source);
}

function isSmall(tensor: Tensor): boolean {
  const bits = dataType(tensor.dataType)?.bits ?? 0;
  // Strings and unknown types have no size in bits.
  if (bits === 0) return true;
  const bytes = tensor.dims.reduce((product, size) => product * size, bits / 8);
  return bytes <= (KEEP_TYPES.has(tensor.dataType) ? KEEP_INTEGER_BYTES : KEEP_BYTES);
}

/** A small tensor with its data; `undefined` when it is large, or sparse, or its data can't be had. */
function inlineSmall(tensor: Tensor, reader: TensorReader): Tensor | undefined {
  return tensor.data.kind !== 'none' && isSmall(tensor) ? inline(tensor, reader) : undefined;
}

/** The tensor with external data read in, or `undefined` when that data can't be had. */
function inline(tensor: Tensor, reader: TensorReader): Tensor | undefined {
  if (tensor.data.kind !== 'external') return tensor;
  try {
    return { ...tensor, data: { kind: 'bytes', bytes: reader.bytes(tensor) } };
  } catch (error) {
    if (error instanceof TensorDataError) return undefined;
    throw error;
  }
}

/** The value of a Constant node, named as its output, when it is too large to keep or can't be had. */
function largeConstant(node: Node, reader: TensorReader): Tensor | undefined {
  const constant = node.opType === 'Constant' && node.domain === '' ? node.attributes[0]?.value : undefined;
  if (constant?.type !== 'TENSOR') return undefined;
  if (inlineSmall(constant.value, reader)) return undefined;
  return { ...constant.value, name: node.outputs[0] ?? '' };
}

/** The node with external data in its attributes and subgraphs read in. */
function inlineNode(node: Node, reader: TensorReader): Node {
  if (node.attributes.length === 0) return node;
  const attributes = node.attributes.map((attribute): Attribute => {
    const { value } = attribute;
    if (value.type === 'TENSOR') {
      return { ...attribute, value: { type: 'TENSOR', value: inline(value.value, reader) ?? value.value } };
    }
    const graphs = subgraphsOf(attribute).map((graph) => inlineGraph(graph, reader));
    if (value.type === 'GRAPH') return { ...attribute, value: { type: 'GRAPH', value: graphs[0]! } };
    return value.type === 'GRAPHS' ? { ...attribute, value: { type: 'GRAPHS', value: graphs } } : attribute;
  });
  return { ...node, attributes };
}

function inlineFunction(fn: FunctionProto, reader: TensorReader): FunctionProto {
  return { ...fn, nodes: inlineNodes(fn.nodes, reader) };
}

/** A subgraph can't get further inputs: its large weights are random numbers that nobody draws. */
function inlineGraph(graph: Graph, reader: TensorReader): Graph {
  const drawn: Node[] = [];
  const initializers: Tensor[] = [];
  for (const tensor of initializersOf(graph)) {
    const kept = inlineSmall(tensor, reader);
    if (kept) initializers.push(kept);
    else drawn.push(...randomNodes(tensor));
  }
  return {
    ...graph,
    initializers,
    sparseInitializers: undefined,
    nodes: [...drawn, ...inlineNodes(graph.nodes, reader)],
  };
}

function inlineNodes(nodes: readonly Node[], reader: TensorReader): Node[] {
  return nodes.flatMap((node) => {
    const constant = largeConstant(node, reader);
    return constant ? randomNodes(constant) : [inlineNode(node, reader)];
  });
}

/** Nodes with the type and shape of a tensor as their result, which constant folding leaves alone. */
function randomNodes({ name, dataType: elementType, dims }: Tensor): Node[] {
  const isFloat = elementType === DataTypes.FLOAT;
  const drawn = isFloat ? name : `#random.${name}`;
  const plain = { name: '', domain: '', overload: '' };
  const random: Node = {
    ...plain,
    opType: 'RandomUniform',
    inputs: [],
    outputs: [drawn],
    attributes: [{ name: 'shape', value: { type: 'INTS', value: dims.map(BigInt) } }],
  };
  if (isFloat) return [random];
  const to: Attribute = { name: 'to', value: { type: 'INT', value: BigInt(elementType) } };
  return [random, { ...plain, opType: 'Cast', inputs: [drawn], outputs: [name], attributes: [to] }];
}
