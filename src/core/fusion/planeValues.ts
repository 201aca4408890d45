import type { Node } from '../onnx/model';
import type { Shapes } from './advice';
import { integer, integers } from './attributes';
import type { Constants } from './constants';
import { floatAttribute } from './convolution';
import type { ElementTypes } from './elementType';
import {
  IDENTITY,
  add,
  addConstant,
  divide,
  isNonNegative,
  mean,
  multiply,
  normalized,
  reciprocal,
  squareRoot,
  times,
  unknownEpsilon,
  type Coefficient,
  type DeviationDeparture,
  type Formula,
} from './planeAlgebra';
import type { NodeOrder } from './nodeOrder';
import { PlaneOperands } from './planeOperands';
import { sizesOf, type SizesValue } from './planeSizes';
import { planeAxes, planeView, reshape, sameView, transpose, viewRank, type PlaneShape, type View } from './planeViews';
import { lookUp, producerOf, type Scope } from './scope';
import { isStandard, type Tracer } from './trace';

export interface PlaneTools {
  readonly types: ElementTypes;
  readonly tracer: Tracer;
  readonly shapes: Shapes;
  readonly constants: Constants;
}

/** A value that is computed from the planes, and how. */
export interface PlaneValue {
  readonly name: string;
  /** The node that yields it; absent for the planes themselves. */
  readonly node?: Node | undefined;
  readonly formula: Formula;
  readonly view: View;
  /** One number for each plane, as a mean is. */
  readonly isReduced: boolean;
  /** Are the spatial axes gone (`keepdims` 0)? */
  readonly isDropped: boolean;
  /** The nodes it is computed by, from the planes on. */
  readonly slice: ReadonlySet<Node>;
  /** The normalising or reducing node that the deviation, or the mean, is from. */
  readonly source?: Node | undefined;
}

type Evaluation = Pick<PlaneValue, 'formula'> & Partial<PlaneValue>;

/** ONNX's defaults. */
const DEFAULT_EPSILON = 1e-5;
/** Operator sets in which Reduce ops take their axes as an input. */
const REDUCE_MEAN_INPUTS = 18;
const REDUCE_SUM_INPUTS = 13;
/** Since then a GroupNormalization's scale and bias have a number for each channel instead of each group. */
export const GROUP_SCALE_BY_CHANNEL = 21;
/** Bound on the nodes looked at, so that a cycle in an unfinished text ends. */
const MOST_NODES = 256;

/** Operators that {@link PlaneValues} evaluates; all others end the way. */
const FOLLOWED: ReadonlySet<string> = new Set([
  'Abs',
  'Add',
  'Cast',
  'Concat',
  'Div',
  'Dropout',
  'Gather',
  'GlobalAveragePool',
  'GroupNormalization',
  'Identity',
  'InstanceNormalization',
  'LayerNormalization',
  'Max',
  'MeanVarianceNormalization',
  'Mul',
  'Neg',
  'Pow',
  'Reciprocal',
  'ReduceMean',
  'ReduceSum',
  'ReduceSumSquare',
  'Relu',
  'Reshape',
  'Shape',
  'Slice',
  'Sqrt',
  'Squeeze',
  'Sub',
  'Sum',
  'Transpose',
  'Unsqueeze',
]);

const NO_NODES: ReadonlySet<Node> = new Set();

/**
 * Follows the arithmetic from the planes on and says of each value what it
 * computes, as far as it is arithmetic that normalisations are made of.
 */
export class PlaneValues {
  readonly values = new Map<string, PlaneValue>();
  /** The axes of N×M×D1…Dk that each node takes a mean over. */
  readonly axes = new Map<Node, readonly number[]>();
  private readonly sizes = new Map<string, SizesValue>();
  private readonly operands: PlaneOperands;

  constructor(
    private readonly scope: Scope,
    root: string,
    private readonly shape: PlaneShape,
    private readonly order: NodeOrder,
    private readonly tools: PlaneTools,
  ) {
    this.operands = new PlaneOperands(scope, shape, tools.constants, tools.shapes);
    const view = planeView(shape.rank);
    const start = { name: root, formula: IDENTITY, view, isReduced: false, isDropped: false, slice: NO_NODES };
    this.values.set(root, start);
    this.follow(root);
  }

  /** Nodes in the body's order, each after all that it reads. */
  private follow(root: string): void {
    const pending = new Set<Node>();
    const push = (name: string): void => {
      const uses = lookUp(this.scope, name)?.uses ?? [];
      for (const { node, scope } of uses) {
        if (node && scope === this.scope && FOLLOWED.has(node.opType)) pending.add(node);
      }
    };
    push(root);
    for (let count = 0; count < MOST_NODES && pending.size > 0; count++) {
      const next = this.order.first(pending);
      pending.delete(next);
      const [output = ''] = next.outputs;
      if (output === '' || this.values.has(output) || this.sizes.has(output)) continue;
      if (this.scope.values.get(output)?.isAmbiguous || !isStandard(this.scope, next)) continue;
      if (this.evaluate(next, output)) push(output);
    }
  }

  private evaluate(node: Node, name: string): boolean {
    const sizes = sizesOf(this.scope, node, this.values, this.sizes, this.tools.constants);
    if (sizes) {
      this.sizes.set(name, { sizes, slice: this.sliceOf(node) });
      return true;
    }
    const evaluation = this.formulaOf(node, name);
    if (!evaluation) return false;
    const known = node.inputs.flatMap((input) => this.values.get(input) ?? []);
    const main = known.find((value) => !value.isReduced) ?? known[0]!;
    this.values.set(name, {
      view: main.view,
      isReduced: main.isReduced,
      isDropped: main.isDropped,
      source: known.find((value) => value.source)?.source,
      ...evaluation,
      name,
      node,
      slice: this.sliceOf(node),
    });
    return true;
  }

  /** The nodes that the node's inputs are computed by, and the node. */
  private sliceOf(node: Node): ReadonlySet<Node> {
    let slice: Set<Node> | undefined;
    for (const input of node.inputs) {
      const before = (this.values.get(input) ?? this.sizes.get(input))?.slice;
      if (!before) continue;
      if (slice) for (const other of before) slice.add(other);
      else slice = new Set(before);
    }
    return (slice ?? new Set<Node>()).add(node);
  }

  private formulaOf(node: Node, name: string): Evaluation | undefined {
    const { inputs, opType } = node;
    const first = this.values.get(inputs[0] ?? '');
    if (first && this.tools.tracer.isTransparent(this.scope, node, name)) return { formula: first.formula };
    switch (opType) {
      case 'Add':
      case 'Sub':
      case 'Mul':
      case 'Div':
        return inputs.length === 2 && node.attributes.length === 0 ? this.binary(node) : undefined;
      case 'Sum':
        return inputs.length === 2 ? this.binary({ ...node, opType: 'Add' }) : undefined;
      case 'Pow':
        return first && this.power(first, this.tools.constants.number(this.scope, inputs[1] ?? '', rankOf(first)));
      case 'Neg':
        return first && evaluationOf(times(first.formula, { factor: -1 }));
      case 'Sqrt':
        return first && evaluationOf(squareRoot(first.formula));
      case 'Reciprocal':
        return first && evaluationOf(reciprocal(first.formula));
      case 'Abs':
      case 'Relu':
        return first && isNonNegative(first.formula) ? { formula: first.formula } : undefined;
      case 'Max':
        return this.maximum(node);
      case 'ReduceMean':
      case 'ReduceSum':
      case 'ReduceSumSquare':
      case 'GlobalAveragePool':
        return first && this.reduction(node, first);
      case 'Transpose':
        return first && this.transposed(node, first);
      case 'Reshape':
        return first && this.reshaped(node, first);
      case 'Unsqueeze':
        return first?.isDropped === true ? this.restored(node, first) : undefined;
      case 'InstanceNormalization':
      case 'GroupNormalization':
      case 'LayerNormalization':
      case 'MeanVarianceNormalization':
        return first && this.normalization(node, first);
      default:
        return undefined;
    }
  }

  private binary(node: Node): Evaluation | undefined {
    const [left, right] = node.inputs as [string, string];
    const a = this.values.get(left);
    const b = this.values.get(right);
    if (a && b) {
      if (!sameView(a.view, b.view) || a.isDropped !== b.isDropped) return undefined;
      const negative = node.opType === 'Sub' ? times(b.formula, { factor: -1 }) : undefined;
      switch (node.opType) {
        case 'Add':
          return evaluationOf(add(a.formula, b.formula));
        case 'Sub':
          return negative && evaluationOf(add(a.formula, negative));
        case 'Mul':
          return evaluationOf(multiply(a.formula, b.formula));
        default:
          return evaluationOf(divide(a.formula, b.formula));
      }
    }
    const value = a ?? b;
    if (!value) return undefined;
    const number = this.operands.coefficient(a ? right : left, value.view, value.isDropped);
    if (!number) return this.otherOperand(node, value, a ? right : left);
    switch (node.opType) {
      case 'Add':
        return evaluationOf(addConstant(value.formula, number, node));
      case 'Sub': {
        if (a) return evaluationOf(addConstant(value.formula, { ...number, factor: -number.factor }, node));
        const negative = times(value.formula, { factor: -1 });
        return negative && evaluationOf(addConstant(negative, number, node));
      }
      case 'Mul':
        return evaluationOf(times(value.formula, number, node));
      default: {
        if (a)
          return number.name === undefined
            ? evaluationOf(times(value.formula, { factor: 1 / number.factor }, node))
            : undefined;
        const inverse = reciprocal(value.formula);
        return inverse && evaluationOf(times(inverse, number));
      }
    }
  }

  /** Something else than a number for each channel: only what is added to a variance, an ε, is of interest. */
  private otherOperand(node: Node, { formula }: PlaneValue, other: string): Evaluation | undefined {
    if (node.opType !== 'Add' || formula.kind !== 'variance') return undefined;
    const dims = this.tools.shapes.of(this.scope, other);
    const isScalar = dims?.every((size) => size === 1) ?? producerOf(this.scope, other) !== undefined;
    return isScalar ? { formula: unknownEpsilon(formula, other, node) } : undefined;
  }

  private power(value: PlaneValue, exponent: number | undefined): Evaluation | undefined {
    if (exponent === 2) return evaluationOf(multiply(value.formula, value.formula));
    const root = exponent === 0.5 || exponent === -0.5 ? squareRoot(value.formula) : undefined;
    if (exponent === 0.5) return evaluationOf(root);
    return root && evaluationOf(reciprocal(root));
  }

  private maximum({ inputs }: Node): Evaluation | undefined {
    const index = inputs.findIndex((input) => this.values.has(input));
    const value = this.values.get(inputs[index] ?? '');
    if (!value || inputs.length !== 2) return undefined;
    const least = this.tools.constants.number(this.scope, inputs[1 - index] ?? '', rankOf(value));
    return least === 0 && isNonNegative(value.formula) ? { formula: value.formula } : undefined;
  }

  private reduction(node: Node, value: PlaneValue): Evaluation | undefined {
    if (value.isDropped || value.isReduced) return undefined;
    const rank = viewRank(value.view);
    const isPool = node.opType === 'GlobalAveragePool';
    if (isPool && value.view.kind === 'permuted') return undefined;
    const all = Array.from({ length: rank }, (_, axis) => axis);
    const given = isPool ? all.slice(2) : this.reducedAxes(node);
    const keeps = isPool || (integer(node, 'keepdims') ?? 1) !== 0;
    const axes = given && planeAxes(value.view, given.length === 0 ? all : given, this.shape.rank);
    if (!axes) return undefined;
    this.axes.set(node, axes);
    const squared = node.opType === 'ReduceSumSquare' ? multiply(value.formula, value.formula) : value.formula;
    let formula = squared && mean(squared);
    if (node.opType === 'ReduceSum' || node.opType === 'ReduceSumSquare') {
      const count = this.shape.spatial?.reduce((product, size) => product * size, 1);
      if (count === undefined || !formula || !this.isSpatial(axes)) return undefined;
      formula = times(formula, { factor: count }, node);
    }
    return formula && { formula, isReduced: true, isDropped: !keeps, source: node };
  }

  /** Axes as the node states them; none means all. */
  private reducedAxes(node: Node): readonly number[] | undefined {
    const since = node.opType === 'ReduceSum' ? REDUCE_SUM_INPUTS : REDUCE_MEAN_INPUTS;
    if ((this.scope.opset ?? 0) < since) return integers(node, 'axes') ?? [];
    if (!node.inputs[1]) return integer(node, 'noop_with_empty_axes') === 1 ? undefined : [];
    const axes = this.tools.constants.numbers(this.scope, node.inputs[1])?.values;
    return axes?.length === 0 && integer(node, 'noop_with_empty_axes') === 1 ? undefined : axes;
  }

  private isSpatial(axes: readonly number[]): boolean {
    return axes.length === this.shape.rank - 2 && axes[0] === 2;
  }

  private transposed(node: Node, value: PlaneValue): Evaluation | undefined {
    const rank = viewRank(value.view);
    const perm = integers(node, 'perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
    const view = value.isDropped ? undefined : transpose(value.view, perm, node);
    return view && { formula: value.formula, view };
  }

  private reshaped(node: Node, value: PlaneValue): Evaluation | undefined {
    if (value.isDropped || integer(node, 'allowzero') === 1) return undefined;
    const target =
      this.sizes.get(node.inputs[1] ?? '')?.sizes ??
      ((this.scope.opset ?? 0) < 5
        ? integers(node, 'shape')
        : this.tools.constants.numbers(this.scope, node.inputs[1] ?? '')?.values);
    const view = target && reshape(value.view, target, this.shape, value.isReduced, node);
    return view && { formula: value.formula, view };
  }

  /** Unsqueeze that gives a mean its spatial axes back. */
  private restored(node: Node, value: PlaneValue): Evaluation | undefined {
    const given =
      (this.scope.opset ?? 0) < 13
        ? integers(node, 'axes')
        : this.tools.constants.numbers(this.scope, node.inputs[1] ?? '')?.values;
    const axes = given && planeAxes(value.view, given, this.shape.rank);
    const reduced = value.source && this.axes.get(value.source);
    return axes && axes.join() === reduced?.join() && given.length === viewRank(value.view) - 2
      ? { formula: value.formula, isDropped: false }
      : undefined;
  }

  private normalization(node: Node, value: PlaneValue): Evaluation | undefined {
    const { formula, view } = value;
    const isPlane =
      formula.kind === 'linear' &&
      !formula.deviation &&
      !formula.mean &&
      formula.x?.name === undefined &&
      formula.x?.factor === 1;
    if (!isPlane || value.isReduced || value.isDropped) return undefined;
    const rank = viewRank(view);
    const spatial = Array.from({ length: rank - 2 }, (_, axis) => axis + 2);
    let axes: readonly number[] = spatial;
    let scale: Coefficient | undefined = { factor: 1 };
    let bias: Coefficient | undefined;
    const epsilon = epsilonOf(node);
    let departure: DeviationDeparture | undefined =
      epsilon === undefined ? { code: 'epsilon-unknown', node } : undefined;
    switch (node.opType) {
      case 'InstanceNormalization':
        scale = this.operands.vector(node.inputs[1] ?? '');
        bias = this.operands.vector(node.inputs[2] ?? '');
        break;
      case 'GroupNormalization': {
        const groups = integer(node, 'num_groups');
        if (groups === undefined || groups !== this.shape.channels) return undefined;
        scale = this.operands.vector(node.inputs[1] ?? '');
        bias = this.operands.vector(node.inputs[2] ?? '');
        break;
      }
      case 'LayerNormalization': {
        const axis = integer(node, 'axis') ?? -1;
        axes = Array.from({ length: rank }, (_, index) => index).slice(axis);
        scale = this.operands.uniform(node.inputs[1] ?? '', rank);
        bias = node.inputs[2] ? this.operands.uniform(node.inputs[2], rank) : { factor: 0 };
        if (!scale || !bias) departure = { code: 'element-scale', node, value: node.inputs[scale ? 2 : 1] };
        scale ??= { factor: 1 };
        bias ??= { factor: 0 };
        break;
      }
      default:
        axes = integers(node, 'axes') ?? [0, 2, 3];
        bias = { factor: 0 };
        departure = { code: 'epsilon-outside', node };
    }
    if (
      node.opType !== 'MeanVarianceNormalization' &&
      node.opType !== 'LayerNormalization' &&
      view.kind === 'permuted'
    ) {
      return undefined;
    }
    const over = planeAxes(view, axes, this.shape.rank);
    if (!scale || !bias || !over) return undefined;
    this.axes.set(node, over);
    const offset = bias.factor === 0 ? undefined : bias;
    return { formula: normalized(scale, offset, { epsilon, departure }), source: node };
  }
}

/** Dimensions of the value: a mean over the spatial axes that doesn't keep them has two. */
const rankOf = ({ view, isDropped }: PlaneValue): number => (isDropped ? 2 : viewRank(view));

const evaluationOf = (formula: Formula | undefined): Evaluation | undefined => formula && { formula };

function epsilonOf(node: Node): number | undefined {
  if (node.opType === 'MeanVarianceNormalization') return 0;
  if (node.attributes.some(({ name, value }) => name === 'epsilon' && value.type === 'REFERENCE')) return undefined;
  return floatAttribute(node, 'epsilon') ?? DEFAULT_EPSILON;
}
