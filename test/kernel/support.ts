/**
 * Random problems, and the small models that state them to ONNX Runtime.
 */
import { encodeModel } from '../../src/core/onnx/encode';
import type { Attribute, Dimension, FunctionProto, Model, Node, Tensor, ValueInfo } from '../../src/core/onnx/model';
import { bytesSource } from '../../src/core/wire/source';
import { joinChunks } from '../../src/core/wire/splice';
import { buildKernel, type Flavour } from '../../src/kernel/build';
import {
  type BorderName,
  type FusedProblem,
  isAvailable,
  type Kernel,
  loadKernel,
  type ResidualTensor,
} from '../../src/measure/kernel';
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
  readonly border?: BorderName;
  readonly transposed?: boolean;
  readonly outputPadding?: readonly number[];
  readonly activation?: 'none' | 'Relu' | 'LeakyRelu';
  /** Which axes of the output a residual has; the others are broadcast. Absent: there is no residual. */
  readonly residualAxes?: readonly boolean[];
}

/** A problem of this shape with seeded random weights, and an input for it. */
export function makeProblem(shape: Shape, seed: number, mean = 0): { problem: FusedProblem; x: Float32Array } {
  const axes = shape.input.length;
  const group = shape.group ?? 1;
  const weightsShape = shape.transposed
    ? [shape.channels, shape.outChannels / group, ...shape.kernel]
    : [shape.outChannels, shape.channels / group, ...shape.kernel];
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
    ...(shape.border === undefined ? {} : { border: shape.border }),
    ...(shape.transposed === undefined ? {} : { transposed: shape.transposed }),
    ...(shape.outputPadding === undefined ? {} : { outputPadding: shape.outputPadding }),
    epsilon: 1e-5,
    activation: shape.activation ?? 'none',
    alpha: 0.2,
  };
  return { problem, x: normalArray(elements(inputShape), seed + 3).map((value) => value + mean) };
}

/** A seeded residual for an output of `outputShape`, and the same with the output's shape. */
export function makeResidual(
  outputShape: readonly number[],
  axes: readonly boolean[],
  seed: number,
): { residual: ResidualTensor; expanded: Float32Array } {
  const shape = outputShape.map((size, axis) => (axes[axis] ? size : 1));
  const data = normalArray(elements(shape), seed);
  const expanded = new Float32Array(elements(outputShape));
  for (let index = 0; index < expanded.length; index++) {
    let rest = index;
    let from = 0;
    let stride = 1;
    for (let axis = outputShape.length - 1; axis >= 0; axis--) {
      from += shape[axis] === 1 ? 0 : (rest % outputShape[axis]!) * stride;
      rest = Math.floor(rest / outputShape[axis]!);
      stride *= shape[axis]!;
    }
    expanded[index] = data[from]!;
  }
  return { residual: { data, shape }, expanded };
}

/** A valid random transposed convolution of one to three dimensions, over all attributes. */
export function randomTransposed(seed: number): Shape {
  const next = uniform(seed);
  const pick = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1));
  const axes = pick(1, 3);
  const each = (make: (axis: number) => number): number[] => Array.from({ length: axes }, (_, axis) => make(axis));
  const group = next() < 0.6 ? 1 : pick(1, 4);
  const kernel = each(() => pick(1, axes === 3 ? 3 : 5));
  const strides = each(() => pick(1, 4));
  const dilations = each(() => (next() < 0.7 ? 1 : pick(1, 3)));
  const outputPadding = strides.map((stride, axis) => pick(0, Math.max(stride, dilations[axis]!) - 1));
  const input = each(() => pick(1, axes === 3 ? 7 : 30));
  const reach = each((axis) => (kernel[axis]! - 1) * dilations[axis]! + 1);
  const pads = [...each(() => 0), ...each(() => 0)];
  input.forEach((size, axis) => {
    const full = (size - 1) * strides[axis]! + reach[axis]! + outputPadding[axis]!;
    pads[axis] = pick(0, Math.min(full - 1, 3));
    pads[axes + axis] = pick(0, Math.min(full - 1 - pads[axis], 3));
  });
  return {
    batch: pick(1, 2),
    channels: group * pick(1, next() < 0.8 ? 9 : 70),
    outChannels: group * pick(1, next() < 0.8 ? 12 : 40),
    group,
    input,
    kernel,
    strides,
    dilations,
    outputPadding,
    pads,
    transposed: true,
    activation: (['none', 'Relu', 'LeakyRelu'] as const)[pick(0, 2)]!,
  };
}

/** The shape with a reflecting or repeating border, its padding cut to what reflecting allows. */
export function withBorder(shape: Shape, border: BorderName): Shape {
  const axes = shape.input.length;
  const dilations = shape.dilations ?? shape.input.map(() => 1);
  const input = shape.input.map((size, axis) => {
    const reach = (shape.kernel[axis]! - 1) * dilations[axis]! + 1;
    return Math.max(size, reach, 2);
  });
  const pads = shape.pads?.map((pad, index) => Math.min(pad, input[index % axes]! - 1));
  return { ...shape, input, border, ...(pads === undefined ? {} : { pads }) };
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
