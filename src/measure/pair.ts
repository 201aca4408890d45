import {
  concrete,
  convolutionGeometry,
  convolutionAttributes,
  floatAttribute,
  hasAttributeReferences,
  outputChannels,
} from '../core/fusion/convolution';
import { bodyLabel, nodeLabel } from '../core/fusion/describe';
import type { Finding } from '../core/fusion/finding';
import { Shapes } from '../core/fusion/advice';
import { constantTensor, definingScope, indexScopes, isFunction, type Scope } from '../core/fusion/scope';
import type { Dimension, Model, Node } from '../core/onnx/model';
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
  const { convolution, normalization, activation } = finding;
  if (finding.reason) throw new Unmeasurable(`it can't fuse: ${finding.reason.message}`);
  if (finding.kind !== 'ConvInstanceNormalization') {
    throw new Unmeasurable(`there is no fused kernel yet for ${convolution.opType}`);
  }
  const scope = indexScopes(model).find((candidate) => candidate.body === finding.scope);
  if (scope?.opset === undefined) throw new Unmeasurable('the finding belongs to another state of the model');
  const nodes = [convolution, normalization, ...(activation ? [activation] : [])];
  const referring = nodes.find(hasAttributeReferences);
  if (referring) {
    throw new Unmeasurable(`${nodeLabel(referring)} takes attributes from the callers of ${bodyLabel(scope)}`);
  }
  const known = new Shapes(shapesOnly(shapes));
  const inputShape = sizesOf(scope, convolution.inputs[0]!, known);
  const weightsShape = sizesOf(scope, convolution.inputs[1]!, known);
  const geometry = convolutionGeometry(convolution, inputShape, weightsShape);
  const { group } = convolutionAttributes(convolution);
  const channels = outputChannels(convolution.opType, weightsShape, group)!;
  if (!geometry || inputShape[1] !== weightsShape[1]! * group || channels % group !== 0) {
    throw new Unmeasurable(
      `${nodeLabel(convolution)} doesn't fit its input of shape [${inputShape.join(', ')}] and weights of shape [${weightsShape.join(', ')}]`,
    );
  }
  const values = new PairValues(scope, reader);
  const fanIn = weightsShape.slice(1).reduce((product, size) => product * size, 1);
  const weights = values.of(convolution.inputs[1]!, weightsShape, 0, 1 / Math.sqrt(fanIn));
  const scale = values.of(normalization.inputs[1]!, [channels], 1, 0.5);
  const bias = values.of(normalization.inputs[2]!, [channels], 0, 0.5);
  const convolutionBias = convolution.inputs[2] ? values.of(convolution.inputs[2], [channels], 0, 0.1) : undefined;
  const given = [weights, scale, bias, ...(convolutionBias ? [convolutionBias] : [])];
  return {
    problem: {
      stockModel: chainModel(
        chained(nodes),
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
      },
      weights: weights.values,
      weightsShape,
      scale: scale.values,
      bias: bias.values,
      epsilon: floatAttribute(normalization, 'epsilon') ?? DEFAULT_EPSILON,
      activation: activationOf(activation),
    },
    notes: values.notes,
  };
}

const INPUT = 'X';
const OUTPUT = 'Y';

/** The nodes joined directly, from `X` to `Y`, without what hands values on unchanged in between. */
function chained(nodes: readonly Node[]): Node[] {
  return nodes.map((node, index) => ({
    name: node.name,
    domain: '',
    opType: node.opType,
    overload: '',
    inputs: [index === 0 ? INPUT : `chain_${index}`, ...node.inputs.slice(1).map(weightName)],
    outputs: [index === nodes.length - 1 ? OUTPUT : `chain_${index + 1}`],
    attributes: node.attributes.map(({ name, value }) => ({ name, value })),
  }));
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

function activationOf(node: Node | undefined): PairActivation {
  if (!node) return 'none';
  if (node.opType === 'Relu') return 'Relu';
  return { LeakyRelu: { alpha: floatAttribute(node, 'alpha') ?? DEFAULT_ALPHA } };
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
  of(name: string, shape: readonly number[], middle: number, spread: number): NamedWeights {
    const tensor = constantTensor(this.scope, name);
    if (tensor) {
      if (tensor.dims.length !== shape.length || tensor.dims.some((size, axis) => size !== shape[axis])) {
        throw new Unmeasurable(
          `\`${name}\` has shape [${tensor.dims.join(', ')}] where [${shape.join(', ')}] is needed`,
        );
      }
      return { name: weightName(name), shape, values: this.reader.floats(tensor) };
    }
    const producer = definingScope(this.scope, name)?.values.get(name)?.producer;
    const origin = producer ? `is computed by ${nodeLabel(producer)}` : 'is an input';
    this.notes.push(`\`${name}\` ${origin}; measured with seeded random values`);
    const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
    for (let index = 0; index < values.length; index++) values[index] = middle + spread * (2 * this.random() - 1);
    return { name: weightName(name), shape, values };
  }
}
