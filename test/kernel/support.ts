/**
 * Random problems, and the small models that state them to ONNX Runtime.
 */
import { encodeModel } from '../../src/core/onnx/encode';
import type { Attribute, Dimension, FunctionProto, Model, Node, Tensor, ValueInfo } from '../../src/core/onnx/model';
import { bytesSource } from '../../src/core/wire/source';
import { joinChunks } from '../../src/core/wire/splice';
import { buildKernel, type Flavour } from '../../src/kernel/build';
import { type FusedProblem, isAvailable, type Kernel, loadKernel } from '../../src/measure/kernel';
import { normalArray, uniform } from '../../src/measure/random';

/** Builds what is out of date and loads it; undefined where there is no compiler. */
export async function builtKernel(flavour: Flavour): Promise<Kernel | undefined> {
  const { addon } = await buildKernel(flavour, () => undefined);
  if (addon === undefined) return undefined;
  const kernel = loadKernel(addon);
  if (!isAvailable(kernel)) throw new Error(kernel.message);
  return kernel;
}

export function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

export interface Shape {
  readonly batch?: number;
  readonly channels: number;
  readonly outChannels: number;
  readonly group?: number;
  readonly input: readonly number[];
  readonly kernel: readonly number[];
  readonly strides?: readonly number[];
  readonly dilations?: readonly number[];
  readonly pads?: readonly number[];
  readonly activation?: 'none' | 'Relu' | 'LeakyRelu';
}

/** A problem of this shape with seeded random weights, and an input for it. */
export function makeProblem(shape: Shape, seed: number, mean = 0): { problem: FusedProblem; x: Float32Array } {
  const axes = shape.input.length;
  const group = shape.group ?? 1;
  const weightsShape = [shape.outChannels, shape.channels / group, ...shape.kernel];
  const inputShape = [shape.batch ?? 1, shape.channels, ...shape.input];
  const problem: FusedProblem = {
    inputShape,
    weightsShape,
    weights: normalArray(elements(weightsShape), seed),
    scale: normalArray(shape.outChannels, seed + 1),
    bias: normalArray(shape.outChannels, seed + 2),
    kernelShape: shape.kernel,
    strides: shape.strides ?? Array<number>(axes).fill(1),
    dilations: shape.dilations ?? Array<number>(axes).fill(1),
    pads: shape.pads ?? Array<number>(2 * axes).fill(0),
    group,
    epsilon: 1e-5,
    activation: shape.activation ?? 'none',
    alpha: 0.2,
  };
  return { problem, x: normalArray(elements(inputShape), seed + 3).map((value) => value + mean) };
}

/** A valid random 2-D shape of small size, over all attributes. */
export function randomShape(seed: number): Shape {
  const next = uniform(seed);
  const pick = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1));
  const group = next() < 0.6 ? 1 : pick(1, 4);
  const kernel = [pick(1, 5), pick(1, 5)];
  const dilations = [next() < 0.7 ? 1 : pick(1, 3), next() < 0.7 ? 1 : pick(1, 3)];
  const pads = Array.from({ length: 4 }, () => pick(0, next() < 0.9 ? 3 : 9));
  const input = [0, 1].map((axis) => {
    const reach = (kernel[axis]! - 1) * dilations[axis]! + 1;
    return Math.max(1, reach - pads[axis]! - pads[axis + 2]!) + pick(0, 40);
  });
  return {
    batch: pick(1, 3),
    channels: group * pick(1, next() < 0.8 ? 9 : 70),
    outChannels: group * pick(1, next() < 0.8 ? 20 : 70),
    group,
    input,
    kernel,
    strides: next() < 0.5 ? [1, 1] : [pick(1, 4), pick(1, 4)],
    dilations,
    pads,
    activation: (['none', 'Relu', 'LeakyRelu'] as const)[pick(0, 2)]!,
  };
}

const FLOAT = 1;
const OPSET = { domain: '', version: 17 };

const ints = (name: string, values: readonly number[]): Attribute => ({
  name,
  value: { type: 'INTS', value: values.map(BigInt) },
});
const int = (name: string, value: number): Attribute => ({ name, value: { type: 'INT', value: BigInt(value) } });
const float = (name: string, value: number): Attribute => ({ name, value: { type: 'FLOAT', value } });
const reference = (name: string, attributeType: 'INT' | 'INTS' | 'FLOAT'): Attribute => ({
  name,
  value: { type: 'REFERENCE', value: name, attributeType },
});

function floats(name: string, dims: readonly number[], values: Float32Array): Tensor {
  return { name, dataType: FLOAT, dims, data: { kind: 'values', values: [...values] } };
}

function value(name: string, shape: readonly Dimension[]): ValueInfo {
  return { name, type: { kind: 'tensor', elementType: FLOAT, shape } };
}

function node(opType: string, inputs: string[], outputs: string[], attributes: Attribute[], domain = ''): Node {
  return { name: '', domain, opType, overload: '', inputs, outputs, attributes };
}

function convAttributes(p: FusedProblem): Attribute[] {
  return [
    ints('kernel_shape', p.kernelShape!),
    ints('strides', p.strides!),
    ints('pads', p.pads!),
    ints('dilations', p.dilations!),
    int('group', p.group!),
  ];
}

/** `inputShape` replaces the problem's own where the model should take several. */
function modelOf(
  p: FusedProblem,
  nodes: Node[],
  functions: FunctionProto[],
  inputShape: readonly Dimension[] = p.inputShape,
): Uint8Array {
  const channels = p.weightsShape[0]!;
  const outputShape: Dimension[] = ['n', channels, ...inputShape.slice(2).map((_, i) => `d${i}`)];
  const model: Model = {
    irVersion: 8,
    opsetImports: [OPSET, { domain: 'fusionlens', version: 1 }],
    producerName: '',
    producerVersion: '',
    domain: '',
    modelVersion: 0n,
    docString: '',
    metadataProps: [],
    functions,
    graph: {
      name: 'pair',
      inputs: [value('X', inputShape)],
      outputs: [value('Y', outputShape)],
      valueInfos: [],
      initializers: [
        floats('W', p.weightsShape, p.weights),
        floats('scale', [p.scale.length], p.scale),
        floats('B', [p.bias.length], p.bias),
      ],
      nodes,
    },
  };
  return joinChunks(encodeModel(model), bytesSource(new Uint8Array(0)));
}

/** Conv → InstanceNormalization (→ activation). */
export function stockModel(p: FusedProblem, inputShape?: readonly Dimension[]): Uint8Array {
  const activation = p.activation === undefined || p.activation === 'none' ? undefined : p.activation;
  const last = activation === undefined ? 'Y' : 'normalized';
  const nodes = [
    node('Conv', ['X', 'W'], ['convolved'], convAttributes(p)),
    node('InstanceNormalization', ['convolved', 'scale', 'B'], [last], [float('epsilon', p.epsilon!)]),
  ];
  if (activation !== undefined) {
    nodes.push(node(activation, [last], ['Y'], activation === 'LeakyRelu' ? [float('alpha', p.alpha!)] : []));
  }
  return modelOf(p, nodes, [], inputShape);
}

/** One fused node, with a model-local function that says the same in standard operators. */
export function fusedModel(p: FusedProblem, inputShape?: readonly Dimension[]): Uint8Array {
  const activation = p.activation === undefined || p.activation === 'none' ? undefined : p.activation;
  const opType = `ConvInstanceNormalization${activation ?? ''}`;
  const last = activation === undefined ? 'Y' : 'normalized';
  const inputs = ['X', 'W', 'scale', 'B'];
  const hasAlpha = activation === 'LeakyRelu';
  const lists = ['kernel_shape', 'strides', 'pads', 'dilations'];
  const body = [
    node(
      'Conv',
      ['X', 'W'],
      ['convolved'],
      [...lists.map((name) => reference(name, 'INTS')), reference('group', 'INT')],
    ),
    node('InstanceNormalization', ['convolved', 'scale', 'B'], [last], [reference('epsilon', 'FLOAT')]),
  ];
  if (activation !== undefined) {
    body.push(node(activation, [last], ['Y'], hasAlpha ? [reference('alpha', 'FLOAT')] : []));
  }
  const attributes = [
    ...convAttributes(p),
    float('epsilon', p.epsilon!),
    ...(hasAlpha ? [float('alpha', p.alpha!)] : []),
  ];
  const definition: FunctionProto = {
    name: opType,
    domain: 'fusionlens',
    overload: '',
    docString: '',
    opsetImports: [OPSET],
    inputs,
    outputs: ['Y'],
    attributes: attributes.map((attribute) => attribute.name),
    attributeDefaults: [],
    valueInfos: [],
    nodes: body,
  };
  return modelOf(p, [node(opType, inputs, ['Y'], attributes, 'fusionlens')], [definition], inputShape);
}
