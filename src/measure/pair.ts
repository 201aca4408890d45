import {
  concrete,
  convolutionGeometry,
  convolutionAttributes,
  floatAttribute,
  hasAttributeReferences,
  outputChannels,
} from '../core/fusion/convolution';
import { bodyLabel, nodeLabel } from '../core/fusion/describe';
import type { Finding, FusedActivation, FusedPad } from '../core/fusion/finding';
import type { Parameter } from '../core/fusion/normalization';
import { Shapes } from '../core/fusion/advice';
import { constantTensor, definingScope, indexScopes, isFunction, type Scope } from '../core/fusion/scope';
import type { Attribute, Dimension, Model, Node } from '../core/onnx/model';
import { chainModel, type NamedWeights } from './pairModel';
import type { PairActivation, PairProblem } from './pairProblem';
import { uniform } from './random';
import type { ValueShape } from './shapes';
import { TensorDataError, type TensorReader } from './tensorReader';

/** A pair made ready for measuring, or why it can't be measured. */
export type PreparedPair =
  | {
      readonly problem: PairProblem;
      /** What isn't as in the model, such as values that only a run of the model would tell. */
      readonly notes: readonly string[];
    }
  | { readonly reason: string };

/** ONNX's defaults. */
const DEFAULT_EPSILON = 1e-5;
const DEFAULT_ALPHA = 0.01;
const SEED = 0x9e3779b9;

/** A pair can't be measured, for the reason in the message. */
class Unmeasurable extends Error {}

/**
 * The pair as a model and as plain arrays, with the model's own weights.
 * @param reader reads the weights: embedded, in the text, or in external files.
 * @param shapes of the main graph's values (see `inferShapes`).
 */
export function pairProblem(
  model: Model,
  reader: TensorReader,
  finding: Finding,
  shapes: ReadonlyMap<string, ValueShape>,
): PreparedPair {
  try {
    return prepare(model, reader, finding, shapes);
  } catch (error) {
    if (error instanceof Unmeasurable || error instanceof TensorDataError) return { reason: error.message };
    throw error;
  }
}

function prepare(
  model: Model,
  reader: TensorReader,
  finding: Finding,
  shapes: ReadonlyMap<string, ValueShape>,
): PreparedPair {
  const { convolution, normalization, form, pad, residual, fusedActivation } = finding;
  if (finding.reason) throw new Unmeasurable(`it can't fuse: ${finding.reason.message}`);
  const scope = indexScopes(model).find((candidate) => candidate.body === finding.scope);
  if (scope?.opset === undefined) throw new Unmeasurable('the finding belongs to another state of the model');
  const referring = finding.nodes.find(hasAttributeReferences);
  if (referring) {
    throw new Unmeasurable(`${nodeLabel(referring)} takes attributes from the callers of ${bodyLabel(scope)}`);
  }
  const known = new Shapes(shapesOnly(shapes));
  const transposed = convolution.opType === 'ConvTranspose';
  const convolutionInput = pad?.node.inputs[0] ?? convolution.inputs[0]!;
  const inputShape = sizesOf(scope, convolutionInput, known);
  const weightsShape = sizesOf(scope, convolution.inputs[1]!, known);
  const { group, outputPadding } = convolutionAttributes(convolution);
  const inChannels = transposed ? weightsShape[0]! : weightsShape[1]! * group;
  // With a Pad in front, its amounts and the convolution's own are one border.
  const bordered = pad ? withPads(convolution, pad.pads) : convolution;
  const geometry = convolutionGeometry(bordered, inputShape, weightsShape);
  const channels = outputChannels(convolution.opType, weightsShape, group)!;
  if (!geometry || inputShape[1] !== inChannels || channels % group !== 0) {
    throw new Unmeasurable(
      `${nodeLabel(convolution)} doesn't fit its input of shape [${inputShape.join(', ')}] and weights of shape [${weightsShape.join(', ')}]`,
    );
  }
  const values = new PairValues(scope, reader);
  const fanIn = (inChannels / group) * weightsShape.slice(2).reduce((product, size) => product * size, 1);
  const weights = values.of(convolution.inputs[1]!, weightsShape, 0, 1 / Math.sqrt(fanIn));
  const scale = values.parameter('scale', form.scale, channels, 1);
  const bias = values.parameter('B', form.bias, channels, 0);
  if (!form.isNative)
    values.notes.push('the normalisation, which is written out, is measured as InstanceNormalization');
  const added = residual && values.added(residual.value, known, geometry.outputShape);
  const convolutionBias = convolution.inputs[2] ? values.of(convolution.inputs[2], [channels], 0, 0.1) : undefined;
  const border = pad?.type === 'ReflectPad' ? 'reflect' : pad?.type === 'EdgePad' ? 'edge' : undefined;
  const epsilon = (form.isNative ? floatAttribute(normalization, 'epsilon') : form.epsilon) ?? DEFAULT_EPSILON;
  const activation = activationOf(fusedActivation);
  const padding = pad && paddingNode(pad, convolution, scope.opset);
  const given = [weights, scale, bias, convolutionBias, added, padding?.amounts].filter((entry) => entry !== undefined);
  const inputsOf = (...entries: (NamedWeights | undefined)[]): string[] =>
    entries.flatMap((entry) => entry?.name ?? []);
  const float = (name: string, value: number): Attribute => ({ name, value: { type: 'FLOAT', value } });
  const links: Link[] = [
    ...(padding ? [{ opType: 'Pad', inputs: inputsOf(padding.amounts), attributes: padding.attributes }] : []),
    {
      opType: convolution.opType,
      inputs: inputsOf(weights, convolutionBias),
      attributes: convolution.attributes,
    },
    { opType: 'InstanceNormalization', inputs: inputsOf(scale, bias), attributes: [float('epsilon', epsilon)] },
    ...(added ? [{ opType: 'Add', inputs: inputsOf(added), attributes: [] }] : []),
    ...(activation === 'Relu' ? [{ opType: 'Relu', inputs: [], attributes: [] }] : []),
    ...(typeof activation === 'object'
      ? [{ opType: 'LeakyRelu', inputs: [], attributes: [float('alpha', activation.LeakyRelu.alpha)] }]
      : []),
  ];
  return {
    problem: {
      stockModel: chainModel(
        chained(links),
        scope.opset,
        { name: INPUT, shape: inputShape },
        given.filter((entry, index) => given.findIndex((other) => other.name === entry.name) === index),
        { name: OUTPUT, shape: geometry.outputShape },
      ),
      inputShape,
      conv: {
        kernelShape: geometry.kernelShape,
        strides: geometry.strides,
        pads: geometry.pads,
        dilations: geometry.dilations,
        group,
        ...(border ? { border } : {}),
        ...(transposed ? { transposed, ...(outputPadding ? { outputPadding } : {}) } : {}),
      },
      weights: weights.values,
      weightsShape,
      scale: scale.values,
      bias: bias.values,
      epsilon,
      activation,
      ...(added ? { residual: { shape: added.shape, data: added.values } } : {}),
    },
    notes: values.notes,
  };
}

const INPUT = 'X';
const OUTPUT = 'Y';

/** One node of the pair's model; its first input is what the node before it yields. */
interface Link {
  readonly opType: string;
  readonly inputs: readonly string[];
  readonly attributes: readonly Attribute[];
}

/** The nodes joined directly, from `X` to `Y`, without what hands values on unchanged in between. */
function chained(links: readonly Link[]): Node[] {
  return links.map(({ opType, inputs, attributes }, index) => ({
    name: '',
    domain: '',
    opType,
    overload: '',
    inputs: [index === 0 ? INPUT : `chain_${index}`, ...inputs],
    outputs: [index === links.length - 1 ? OUTPUT : `chain_${index + 1}`],
    attributes: attributes.map(({ name, value }) => ({ name, value })),
  }));
}

/** The convolution with these pads for its own. */
function withPads(convolution: Node, pads: readonly number[]): Node {
  const kept = convolution.attributes.filter(({ name }) => name !== 'auto_pad' && name !== 'pads');
  return { ...convolution, attributes: [...kept, { name: 'pads', value: { type: 'INTS', value: pads.map(BigInt) } }] };
}

/** Since opset 11 Pad has its amounts as an input. */
const PAD_INPUT_OPSET = 11;

/** The Pad before the convolution as a node of the pair's model. */
function paddingNode(
  { type, pads }: FusedPad,
  convolution: Node,
  opset: number,
): { readonly attributes: readonly Attribute[]; readonly amounts?: NamedWeights } {
  const own = convolutionAttributes(convolution).pads;
  const amounts = pads.map((amount, index) => BigInt(amount - (own?.[index] ?? 0)));
  const axes = amounts.length / 2;
  // Nothing on batch and channels.
  const all = [0n, 0n, ...amounts.slice(0, axes), 0n, 0n, ...amounts.slice(axes)];
  const mode = type === 'ReflectPad' ? 'reflect' : type === 'EdgePad' ? 'edge' : 'constant';
  const attribute: Attribute = { name: 'mode', value: { type: 'STRING', value: new TextEncoder().encode(mode) } };
  if (opset < PAD_INPUT_OPSET) {
    return { attributes: [attribute, { name: 'pads', value: { type: 'INTS', value: all } }] };
  }
  return {
    attributes: [attribute],
    amounts: { name: 'amounts', shape: [all.length], values: BigInt64Array.from(all) },
  };
}

/** Names of weights can't clash with those of the chain. */
const weightName = (name: string): string => (name === '' ? '' : `weight:${name}`);

function shapesOnly(shapes: ReadonlyMap<string, ValueShape>): Map<string, readonly Dimension[]> {
  const only = new Map<string, readonly Dimension[]>();
  for (const [name, { shape }] of shapes) if (shape) only.set(name, shape);
  return only;
}

function sizesOf(scope: Scope, name: string, shapes: Shapes): readonly number[] {
  const shape = shapes.of(scope, name);
  const sizes = concrete(shape);
  if (sizes && sizes.length > 0 && sizes.every((size) => size > 0)) return sizes;
  const where = isFunction(scope.body) || scope.parent ? `, in ${bodyLabel(scope)},` : '';
  const what = shape ? ` beyond [${shape.map((size) => size ?? '?').join(', ')}]` : '';
  throw new Unmeasurable(`the shape of \`${name}\`${where} isn't known${what}`);
}

function activationOf(activation: FusedActivation | undefined): PairActivation {
  if (!activation) return 'none';
  if (activation.type === 'Relu') return 'Relu';
  return { LeakyRelu: { alpha: activation.alpha ?? floatAttribute(activation.node, 'alpha') ?? DEFAULT_ALPHA } };
}

/** Floats of a pair's model. */
interface PairWeights extends NamedWeights {
  readonly values: Float32Array;
}

/** Values of a pair's inputs: the model's, or seeded random ones where only a run would tell. */
class PairValues {
  readonly notes: string[] = [];
  /** The same sequence for every pair. */
  private readonly random = uniform(SEED);

  constructor(
    private readonly scope: Scope,
    private readonly reader: TensorReader,
  ) {}

  /** The value of `name`, or uniform random numbers of `middle ± spread` when the model computes it. */
  of(name: string, shape: readonly number[], middle: number, spread: number): PairWeights {
    const tensor = constantTensor(this.scope, name);
    if (tensor) {
      if (tensor.dims.length !== shape.length || tensor.dims.some((size, axis) => size !== shape[axis])) {
        throw new Unmeasurable(
          `\`${name}\` has shape [${tensor.dims.join(', ')}] where [${shape.join(', ')}] is needed`,
        );
      }
      return { name: weightName(name), shape, values: this.reader.floats(tensor) };
    }
    return this.invented(name, shape, middle, spread);
  }

  /** A normalisation's scale or bias, one value for each channel. */
  parameter(name: string, parameter: Parameter, channels: number, middle: number): PairWeights {
    if (parameter.kind === 'filled') {
      return { name, shape: [channels], values: new Float32Array(channels).fill(parameter.value) };
    }
    const tensor = parameter.kind === 'reshaped' ? constantTensor(this.scope, parameter.name) : undefined;
    if (tensor === undefined) return this.of(parameter.name, [channels], middle, 0.5);
    return { name: weightName(parameter.name), shape: [channels], values: this.reader.floats(tensor) };
  }

  /** The other operand of an addition, of the output's shape where its own isn't known. */
  added(name: string, shapes: Shapes, outputShape: readonly number[]): PairWeights {
    const known = concrete(shapes.of(this.scope, name));
    const fits =
      known !== undefined &&
      known.length <= outputShape.length &&
      known.every((size, axis) => size === 1 || size === outputShape.at(axis - known.length));
    return this.invented(name, fits ? known : outputShape, 0, 1);
  }

  private invented(name: string, shape: readonly number[], middle: number, spread: number): PairWeights {
    const producer = definingScope(this.scope, name)?.values.get(name)?.producer;
    const origin = producer ? `is computed by ${nodeLabel(producer)}` : 'is an input';
    this.notes.push(`\`${name}\` ${origin}; measured with seeded random values`);
    const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
    for (let index = 0; index < values.length; index++) values[index] = middle + spread * (2 * this.random() - 1);
    return { name: weightName(name), shape, values };
  }
}
