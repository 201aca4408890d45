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
  const { addon } = await buildKernel({ flavour }, () => undefined);
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
  const outputPadding = strides.map((stride) => pick(0, stride - 1));
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
const INT64 = 7;
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

const ints64 = (name: string, values: readonly number[]): Tensor => ({
  name,
  dataType: INT64,
  dims: [values.length],
  data: { kind: 'values', values: values.map(BigInt) },
});

/** The convolution's attributes; a fused operator with a border has the padding in them too. */
function convAttributes(p: FusedProblem, withPads: boolean): Attribute[] {
  return [
    ints('kernel_shape', p.kernelShape!),
    ints('strides', p.strides!),
    ...(withPads ? [ints('pads', p.pads!)] : []),
    ints('dilations', p.dilations!),
    int('group', p.group!),
    ...(p.outputPadding === undefined ? [] : [ints('output_padding', p.outputPadding)]),
  ];
}

const hasBorder = (p: FusedProblem): boolean => p.border === 'reflect' || p.border === 'edge';
const convolutionOf = (p: FusedProblem): string => (p.transposed ? 'ConvTranspose' : 'Conv');

export interface ModelVariant {
  /** Replaces the problem's own where the model should take several. */
  readonly inputShape?: readonly Dimension[];
  readonly residual?: ResidualTensor;
}

function modelOf(p: FusedProblem, nodes: Node[], functions: FunctionProto[], variant: ModelVariant): Uint8Array {
  const { inputShape = p.inputShape, residual } = variant;
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
      outputs: [{ name: 'Y', type: { kind: 'tensor', elementType: FLOAT } }],
      valueInfos: [],
      initializers: [
        floats('W', p.weightsShape, p.weights),
        floats('scale', [p.scale.length], p.scale),
        floats('B', [p.bias.length], p.bias),
        ...(hasBorder(p) ? [ints64('pads', borderPads(p))] : []),
        ...(residual === undefined ? [] : [floats('residual', residual.shape, residual.data)]),
      ],
      nodes,
    },
  };
  return joinChunks(encodeModel(model), bytesSource(new Uint8Array(0)));
}

/** Pad's input: nothing on batch and channels. */
function borderPads(p: FusedProblem): number[] {
  const axes = p.kernelShape!.length;
  return [0, 0, ...p.pads!.slice(0, axes), 0, 0, ...p.pads!.slice(axes)];
}

interface Body {
  readonly convolution: Attribute[];
  readonly epsilon: Attribute;
  readonly alpha: Attribute;
}

/** (Pad →) convolution → InstanceNormalization (→ Add) (→ activation), from `X` to `Y`. */
function bodyNodes(p: FusedProblem, hasResidual: boolean, { convolution, epsilon, alpha }: Body): Node[] {
  const steps: [string, string[], Attribute[]][] = [];
  if (hasBorder(p))
    steps.push([
      'Pad',
      ['pads'],
      [{ name: 'mode', value: { type: 'STRING', value: new TextEncoder().encode(p.border) } }],
    ]);
  steps.push([convolutionOf(p), ['W'], convolution], ['InstanceNormalization', ['scale', 'B'], [epsilon]]);
  if (hasResidual) steps.push(['Add', ['residual'], []]);
  if (p.activation === 'Relu') steps.push(['Relu', [], []]);
  if (p.activation === 'LeakyRelu') steps.push(['LeakyRelu', [], [alpha]]);
  return steps.map(([opType, inputs, attributes], index) =>
    node(
      opType,
      [index === 0 ? 'X' : `value${index}`, ...inputs],
      [index === steps.length - 1 ? 'Y' : `value${index + 1}`],
      attributes,
    ),
  );
}

/** The chain of standard operators. */
export function stockModel(p: FusedProblem, variant: ModelVariant = {}): Uint8Array {
  const nodes = bodyNodes(p, variant.residual !== undefined, {
    convolution: convAttributes(p, !hasBorder(p)),
    epsilon: float('epsilon', p.epsilon!),
    alpha: float('alpha', p.alpha!),
  });
  return modelOf(p, nodes, [], variant);
}

/** One fused node, and, where no border is folded in, a model-local function that says the same in standard operators. */
export function fusedModel(p: FusedProblem, variant: ModelVariant = {}): Uint8Array {
  const activation = p.activation === undefined || p.activation === 'none' ? '' : p.activation;
  const hasResidual = variant.residual !== undefined;
  const border = p.border === 'reflect' ? 'ReflectPad' : p.border === 'edge' ? 'EdgePad' : '';
  const opType = `${border}${convolutionOf(p)}InstanceNormalization${hasResidual ? 'Add' : ''}${activation}`;
  const inputs = ['X', 'W', 'scale', 'B', ...(hasResidual ? ['residual'] : [])];
  const attributes = [
    ...convAttributes(p, true),
    float('epsilon', p.epsilon!),
    ...(activation === 'LeakyRelu' ? [float('alpha', p.alpha!)] : []),
  ];
  const body = bodyNodes(p, hasResidual, {
    convolution: convAttributes(p, true).map(({ name, value: { type } }) => reference(name, type as 'INT' | 'INTS')),
    epsilon: reference('epsilon', 'FLOAT'),
    alpha: reference('alpha', 'FLOAT'),
  });
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
  const fused = node(opType, inputs, ['Y'], attributes, 'fusionlens');
  return modelOf(p, [fused], border === '' ? [definition] : [], variant);
}
