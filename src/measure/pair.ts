import {
  concrete,
  convolutionGeometry,
  convolutionAttributes,
  floatAttribute,
  hasAttributeReferences,
  outputChannels,
} from '../core/fusion/convolution';
import { bodyLabel, nodeLabel } from '../core/fusion/describe';
import type { Finding, FusedActivation } from '../core/fusion/finding';
import type { Parameter } from '../core/fusion/normalization';
import { Shapes } from '../core/fusion/advice';
import { constantTensor, definingScope, indexScopes, isFunction, type Scope } from '../core/fusion/scope';
import type { Dimension, Model, Node } from '../core/onnx/model';
import type { NamedWeights } from './pairModel';
import type { PairActivation, PairProblem } from './pairProblem';
import { uniform } from './random';
import { replacedModel, UnknownValueError } from './replacedNodes';
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
    const isExpected =
      error instanceof Unmeasurable || error instanceof TensorDataError || error instanceof UnknownValueError;
    if (isExpected) return { reason: error.message };
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
  const scale = values.parameter(form.scale, channels, 1);
  const bias = values.parameter(form.bias, channels, 0);
  const added = residual && values.added(residual.value, known, geometry.outputShape);
  const convolutionBias = convolution.inputs[2] ? values.of(convolution.inputs[2], [channels], 0, 0.1) : undefined;
  const given = [weights, scale, bias, convolutionBias].filter((entry) => entry !== undefined);
  const border = pad?.type === 'ReflectPad' ? 'reflect' : pad?.type === 'EdgePad' ? 'edge' : undefined;
  const epsilon = (form.isNative ? floatAttribute(normalization, 'epsilon') : form.epsilon) ?? DEFAULT_EPSILON;
  const shapeOf = (name: string): readonly number[] | undefined => concrete(known.of(scope, name));
  const output = finding.nodes.at(-1)!.outputs[0]!;
  const { view } = form;
  const stockModel = replacedModel(
    {
      scope,
      nodes: finding.nodes,
      input: { name: convolutionInput, shape: inputShape },
      output: { name: output, shape: view ? shapeOf(output) : geometry.outputShape },
      residual: residual && added && { node: residual.node, index: addedOperand(finding), shape: added.shape },
      given: given.filter(
        ({ name }, index) => name !== '' && given.findIndex((other) => other.name === name) === index,
      ),
      shapeOf,
    },
    reader,
  );
  const viewModel =
    view &&
    replacedModel(
      {
        scope,
        nodes: [{ ...view, outputs: [output] }],
        input: { name: view.inputs[0]!, shape: geometry.outputShape },
        output: { name: output, shape: shapeOf(output) },
        given: [],
        shapeOf,
      },
      reader,
    );
  return {
    problem: {
      stockModel,
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
      activation: activationOf(fusedActivation),
      ...(added ? { residual: { shape: added.shape, data: added.values } } : {}),
      ...(viewModel ? { viewModel } : {}),
    },
    notes: values.notes,
  };
}

/** Which operand of its addition isn't from the pair. */
function addedOperand({ residual, nodes }: Finding): number {
  const inside = new Set(nodes.flatMap((node) => node.outputs));
  return residual!.node.inputs.findIndex((name) => name === residual!.value && !inside.has(name));
}

/** The convolution with these pads for its own. */
function withPads(convolution: Node, pads: readonly number[]): Node {
  const kept = convolution.attributes.filter(({ name }) => name !== 'auto_pad' && name !== 'pads');
  return { ...convolution, attributes: [...kept, { name: 'pads', value: { type: 'INTS', value: pads.map(BigInt) } }] };
}

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
      return { name, shape, values: this.reader.floats(tensor) };
    }
    return this.invented(name, shape, middle, spread);
  }

  /** A normalisation's scale or bias, one value for each channel; its shape is the model's. */
  parameter(parameter: Parameter, channels: number, middle: number): PairWeights {
    if (parameter.kind === 'filled') {
      return { name: '', shape: [channels], values: new Float32Array(channels).fill(parameter.value) };
    }
    const dims = parameter.kind === 'reshaped' ? parameter.dims : [channels];
    return this.of(parameter.name, dims, middle, 0.5);
  }

  /** The other operand of an addition, of the output's shape where its own isn't known. */
  added(name: string, shapes: Shapes, outputShape: readonly number[]): PairWeights {
    const shape = concrete(shapes.of(this.scope, name));
    const fits =
      shape !== undefined &&
      shape.length <= outputShape.length &&
      shape.every((size, axis) => size === 1 || size === outputShape.at(axis - shape.length));
    if (!fits) return this.invented(name, outputShape, 0, 1);
    return this.of(name, shape, 0, 1);
  }

  private invented(name: string, shape: readonly number[], middle: number, spread: number): PairWeights {
    const producer = definingScope(this.scope, name)?.values.get(name)?.producer;
    const origin = producer ? `is computed by ${nodeLabel(producer)}` : 'is an input';
    this.notes.push(`\`${name}\` ${origin}; measured with seeded random values`);
    const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
    for (let index = 0; index < values.length; index++) values[index] = middle + spread * (2 * this.random() - 1);
    return { name, shape, values };
  }
}
