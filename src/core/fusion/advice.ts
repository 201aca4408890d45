import type { Dimension, Node } from '../onnx/model';
import { concrete, convolutionAttributes } from './convolution';
import { estimate } from './estimate';
import type { Advice, Finding } from './finding';
import { outputDimensions } from './outputShape';
import { declaredShape } from './declarations';
import { constantOf, isFunction, lookUp, type Scope } from './scope';
import { formulaOf, product, valueOf, type Product } from './sizes';

/** Shapes of the main graph's values, by name, as far as they are known. */
export interface ValueShapes {
  get(name: string): readonly Dimension[] | undefined;
}

const FLOAT_BYTES = 4;

/** Shapes as far as they are declared, or passed for the main graph's values. */
export class Shapes {
  constructor(private readonly passed?: ValueShapes) {}

  /** The shape of `name` as seen from `scope`, or `undefined` when it isn't known. */
  of(scope: Scope, name: string): readonly Dimension[] | undefined {
    const value = lookUp(scope, name);
    if (!value) return undefined;
    const { body, parent } = value.scope;
    const passed = this.passed && !parent && !isFunction(body) ? this.passed.get(name) : undefined;
    return passed ?? constantOf(value)?.dims ?? declaredShape(body, name);
  }
}

/** Points of a transformed 3×3 filter in Winograd's algorithm F(6×6, 3×3), and of three taps over depth by F(2, 3). */
const WINOGRAD_POINTS = 64;
const WINOGRAD_DEPTH_POINTS = 4;

/** Operators that write a plane of their own; the others of a chain only pass a view on, or small statistics. */
const VIEWS: ReadonlySet<string> = new Set([
  'Cast',
  'Dropout',
  'Flatten',
  'Identity',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
]);

type Pair = Pick<Finding, 'convolution' | 'normalization' | 'activation' | 'fusable'> & Partial<Pick<Finding, 'nodes'>>;

/**
 * What fusing gains, from shapes: the convolution's multiply-adds, the bytes
 * of intermediate activations that are no longer written and read back (each
 * one once), the memory that weights and kernel take, and an estimate of what
 * it comes to. Sizes that aren't known stay symbols in the formulas: the
 * model's own names where it has some, else N, D, H and W of the
 * convolution's output.
 */
export function advise(finding: Pair, scope: Scope, shapes: Shapes): Advice {
  const { convolution, normalization, activation, fusable } = finding;
  const nodes = finding.nodes ?? [convolution, normalization, ...(activation ? [activation] : [])];
  const weights = concrete(shapes.of(scope, convolution.inputs[1] ?? ''));
  const input = shapes.of(scope, convolution.inputs[0] ?? '');
  const outputShape = weights && shapeAfter(nodes, convolution, input, weights, scope, shapes);
  if (!outputShape) return {};
  const output = product(...named(outputShape));
  const perWeight = count(weights.slice(1));
  const multiplyAdds = times(
    // Each output element of a Conv takes one product for each weight of its channel; of a ConvTranspose, each input element.
    convolution.opType === 'Conv' ? output : inputElements(convolution, input, weights),
    perWeight,
  );
  const planes = vanishingPlanes(nodes);
  const padded = nodes[0]?.opType === 'Pad' && nodes[0].outputs[0] === convolution.inputs[0];
  const saved = [
    times(output, 2 * FLOAT_BYTES * planes),
    ...(padded ? [times(inputElements(convolution, input, weights), 2 * FLOAT_BYTES)] : []),
  ];
  const channels = outputShape[1];
  const known = {
    outputShape,
    multiplyAdds: valueOf([multiplyAdds]),
    multiplyAddsFormula: formulaOf([multiplyAdds]),
    weightBytes: FLOAT_BYTES * (count(weights) + 2 * (typeof channels === 'number' ? channels : 0)),
  };
  if (!fusable) return known;
  return {
    ...known,
    bytesSaved: valueOf(saved),
    bytesSavedFormula: formulaOf(saved),
    workspaceBytes: packedWeightBytes(convolution, weights),
    ...estimate(convolution, weights, planes, padded),
  };
}

const count = (shape: readonly number[]): number => shape.reduce((total, size) => total * size, 1);
const times = ({ factor, symbols }: Product, by: number): Product => ({ factor: factor * by, symbols });

/** The convolution's output shape: declared or passed for it or for a value of the same shape after it, else worked out. */
function shapeAfter(
  nodes: readonly Node[],
  convolution: Node,
  input: readonly Dimension[] | undefined,
  weights: readonly number[],
  scope: Scope,
  shapes: Shapes,
): readonly Dimension[] | undefined {
  const own = shapes.of(scope, convolution.outputs[0] ?? '');
  const last = nodes.at(-1);
  const after = own ?? (last && last !== convolution ? shapes.of(scope, last.outputs[0] ?? '') : undefined);
  const isOfRank = after?.length === weights.length;
  if (isOfRank && concrete(after)) return after;
  const computed = outputDimensions(convolution, input, weights);
  if (!isOfRank) return computed;
  // Axis by axis what is known best: a size, then a symbol.
  return after.map((size, axis) => {
    const other = computed?.[axis];
    return typeof size === 'number' ? size : typeof other === 'number' ? other : (other ?? size);
  });
}

/** Elements of the convolution's input, symbols for what isn't known. */
function inputElements(
  convolution: Node,
  input: readonly Dimension[] | undefined,
  weights: readonly number[],
): Product {
  const shape = input?.length === weights.length ? [...input] : new Array<Dimension>(weights.length).fill(undefined);
  shape[1] = convolution.opType === 'Conv' ? weights[1]! * convolutionAttributes(convolution).group : weights[0];
  return product(...named(shape, ' of the input'));
}

const AXES = ['D', 'H', 'W'];

/** The sizes, a letter for each that has neither a number nor a name. */
function named(shape: readonly Dimension[], whose = ''): (number | string)[] {
  const taken = new Set(shape.filter((size) => typeof size === 'string'));
  return shape.map((size, axis) => {
    if (size !== undefined && size !== '') return size;
    const spatial = shape.length - 2;
    const letter =
      axis === 0 ? 'N' : axis === 1 ? 'C' : spatial === 1 ? 'L' : (AXES.at(axis - 2 - spatial) ?? `D${axis - 1}`);
    return (taken.has(letter) ? `${letter}′` : letter) + (axis < 2 ? '' : whose);
  });
}

/**
 * How many activations of the output's size a chain writes before its last:
 * everything computed from one of them but its statistics, which are small.
 */
export function vanishingPlanes(nodes: readonly Node[]): number {
  const large = new Set<string>();
  let planes = 0;
  for (const node of nodes.slice(0, -1)) {
    const isConvolution = node.opType === 'Conv' || node.opType === 'ConvTranspose';
    const fromPlane = node.inputs.some((name) => large.has(name));
    if (!isConvolution && (!fromPlane || node.opType.startsWith('Reduce'))) continue;
    if (node.outputs[0]) large.add(node.outputs[0]);
    if (!VIEWS.has(node.opType)) planes++;
  }
  return planes;
}

/** The kernel's copy of the weights at its largest: transformed for Winograd's algorithm where that can serve. */
function packedWeightBytes(convolution: Node, weights: readonly number[]): number {
  const { group, strides, dilations } = convolutionAttributes(convolution);
  const plain = [...(strides ?? []), ...(dilations ?? [])].every((step) => step === 1);
  const [outputs = 0, inputs = 0, ...kernel] = weights;
  const [width = 0, height = 0, depth = 1] = kernel.reverse();
  if (convolution.opType !== 'Conv' || kernel.length < 2 || group !== 1 || !plain || height === 1 || width === 1) {
    return FLOAT_BYTES * count(weights);
  }
  const slices = depth === 3 ? WINOGRAD_DEPTH_POINTS : depth;
  return FLOAT_BYTES * outputs * inputs * slices * WINOGRAD_POINTS * Math.ceil(height / 3) * Math.ceil(width / 3);
}
