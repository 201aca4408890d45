import type { Node } from '../onnx/model';
import { isTraining } from './anchors';
import { convolutionAttributes, outputChannels } from './convolution';
import { isConvolution } from './fusedOps';
import type { Normalization, Departure, Parameter } from './normalization';
import { near, scaleOf, type Coefficient, type Linear } from './planeAlgebra';
import { NodeOrder } from './nodeOrder';
import { dimsOf } from './planeOperands';
import { PlaneValues, type PlaneTools, type PlaneValue } from './planeValues';
import type { PlaneShape } from './planeViews';
import { outputDimensions } from './outputShape';
import { constantTensor, producerOf, usesOf, type Scope, type Use } from './scope';
import { isStandard, type Path } from './trace';

/** A normalisation, and the way to it from a convolution. */
export interface FoundNormalization {
  readonly normalization: Normalization;
  readonly path: Path;
}

/** Operators that may stand between and leave every element at its place. */
const KEEPS_LAYOUT: ReadonlySet<string> = new Set([
  'Add',
  'BatchNormalization',
  'Cast',
  'Clip',
  'Div',
  'Dropout',
  'Elu',
  'LeakyRelu',
  'Mul',
  'PRelu',
  'Relu',
  'Sigmoid',
  'Sub',
  'Sum',
  'Tanh',
]);
const NATIVE = 'InstanceNormalization';
/** Only a lower bound on ranks is needed where nothing tells one: that of images. */
const IMAGE_RANK = 4;
/** Bound on the nodes between an anchor and its convolution. */
const MAX_STEPS = 32;
/**
 * Operators by which the arithmetic after a normalisation may go on, as far as
 * {@link PlaneValues} follows it.
 */
const GOES_ON: ReadonlySet<string> = new Set([
  'Add',
  'Cast',
  'Div',
  'Dropout',
  'Identity',
  'Mul',
  'Neg',
  'Reshape',
  'Sub',
  'Sum',
  'Transpose',
]);

/** Those of them that a second operand decides. */
const BINARY: ReadonlySet<string> = new Set(['Add', 'Div', 'Mul', 'Sub', 'Sum']);

/** Finds the normalisations of one body that follow a convolution. */
export class NormalizationForms {
  private readonly order: NodeOrder;
  /** What was worked out from the anchor that is looked at. */
  private readonly evaluated = new Map<string, PlaneValues>();
  private readonly planeShapes = new Map<string, PlaneShape>();

  constructor(
    private readonly scope: Scope,
    private readonly tools: PlaneTools,
  ) {
    this.order = new NodeOrder(scope.body.nodes);
  }

  /** The one that a node of the body is part of. */
  at(anchor: Node): FoundNormalization | undefined {
    const { scope, tools } = this;
    this.evaluated.clear();
    this.planeShapes.clear();
    const input = anchor.inputs[0] ?? '';
    if (input === '' || !anchor.outputs[0]) return this.alone(anchor);
    if (anchor.opType === 'ATen' || anchor.opType === 'BatchNormalization') return this.trainingForm(anchor);
    if (!isStandard(scope, anchor)) return undefined;
    if (this.isPlain(anchor)) return this.alone(anchor);
    for (const root of this.roots(input)) {
      const path = tools.tracer.trace(scope, root);
      const isNear = path?.steps.every(({ node, transparent }) => transparent || KEEPS_LAYOUT.has(node.opType));
      if (!path || isNear !== true) continue;
      const normalization = this.from(root, path, anchor);
      if (normalization) return { normalization, path };
    }
    const path = tools.tracer.trace(scope, input);
    if (!path) return undefined;
    if (anchor.opType === NATIVE) return { normalization: native(anchor, [anchor]), path };
    if (anchor.opType !== 'GroupNormalization') return undefined;
    return {
      normalization: {
        ...native(anchor, [anchor]),
        isNative: false,
        departure: { code: 'group-normalization', node: anchor },
      },
      path,
    };
  }

  /** Is it an InstanceNormalization right after a convolution, whose scale and bias nothing extends? */
  private isPlain(anchor: Node): boolean {
    const { scope } = this;
    if (anchor.opType !== NATIVE) return false;
    const producer = producerOf(scope, anchor.inputs[0]!);
    if (!producer || !isConvolution(producer.opType) || !isStandard(scope, producer)) return false;
    const uses = usesOf(scope, anchor.outputs[0]!);
    if (uses.every(({ node }) => !node || !GOES_ON.has(node.opType))) return true;
    const [use] = uses;
    return uses.length === 1 && usesOf(scope, anchor.inputs[0]!).length === 1 && this.isOtherPlane(use!);
  }

  /** Is what arithmetic reads beside the value neither a number for each channel nor one for all of them? */
  private isOtherPlane({ node, index }: Use): boolean {
    const { scope } = this;
    const { shapes, constants } = this.tools;
    if (!node || !BINARY.has(node.opType) || node.inputs.length !== 2) return false;
    const other = node.inputs[1 - index]!;
    if (constants.numbers(scope, other)) return false;
    return dimsOf(scope, other, shapes, constants)?.filter((size) => size !== 1).length !== 1;
  }

  /** An InstanceNormalization as it stands. */
  private alone(anchor: Node): FoundNormalization | undefined {
    if (anchor.opType !== NATIVE || !isStandard(this.scope, anchor)) return undefined;
    const path = this.tools.tracer.trace(this.scope, anchor.inputs[0] ?? '');
    return path && { normalization: native(anchor, [anchor]), path };
  }

  /**
   * What PyTorch leaves when it exports an InstanceNorm in training mode: its
   * own operator, or BatchNormalization in training form over planes that a
   * Reshape to [1, N·C, …] makes channels of.
   */
  private trainingForm(anchor: Node): FoundNormalization | undefined {
    const { scope, tools } = this;
    const { opType, inputs } = anchor;
    if (opType === 'ATen') {
      const name = anchor.attributes.find((attribute) => attribute.name === 'operator')?.value;
      const operator = name?.type === 'STRING' ? String.fromCharCode(...name.value) : '';
      if (!operator.includes('instance_norm')) return undefined;
    } else if (!isStandard(scope, anchor) || !isTraining(anchor, scope.opset)) {
      return undefined;
    } else if (producerOf(scope, inputs[0] ?? '')?.opType !== 'Reshape') {
      return undefined;
    }
    const path = tools.tracer.trace(scope, inputs[0] ?? '');
    if (!path) return undefined;
    const departure: Departure = { code: 'training-form', node: anchor };
    return { normalization: { ...native(anchor, [anchor]), isNative: false, departure }, path };
  }

  /** Values that the planes may be, the one nearest to a convolution first. */
  private roots(input: string): readonly string[] {
    const { scope, tools } = this;
    const values = [input];
    let at = input;
    for (let step = 0; step < MAX_STEPS; step++) {
      const node = producerOf(scope, at);
      if (!node || !isStandard(scope, node)) break;
      const isData = (name: string): boolean => name !== '' && !constantTensor(scope, name);
      const data = node.inputs.filter(isData);
      const leads =
        tools.tracer.isTransparent(scope, node, at) ||
        node.opType === 'Transpose' ||
        node.opType === 'Reshape' ||
        ((node.opType === 'Add' || node.opType === 'Sub') && data.length === 1 && node.inputs[0] === data[0]) ||
        (node.opType === 'Add' && data.length === 1);
      if (!leads) break;
      at = (node.opType === 'Add' ? data[0] : node.inputs[0]) ?? '';
      if (at === '' || values.includes(at)) break;
      values.push(at);
    }
    return values.reverse();
  }

  /** The normalisation of `root` that `anchor` is part of. */
  private from(root: string, path: Path, anchor: Node): Normalization | undefined {
    const shape = this.planeShape(root, path);
    let planes = this.evaluated.get(root);
    if (!planes) this.evaluated.set(root, (planes = new PlaneValues(this.scope, root, shape, this.order, this.tools)));
    const ends = [...planes.values.values()].filter((value) => scaleOf(value.formula) !== undefined);
    const base = ends.find(
      (end) => end.slice.has(anchor) && !ends.some((other) => other !== end && other.node && end.slice.has(other.node)),
    );
    if (!base?.node || !isWithinPlanes(planes, base)) return undefined;
    // Beside planes of unknown rank nothing is known to leave their rank as it is.
    const end = this.rankOf(path, root) === undefined ? base : this.furthest(root, base, ends);
    const source = end.source ?? base.node;
    const nodes = this.inOrder(end.slice);
    const changing = nodes.filter((node) => !this.tools.tracer.isTransparent(this.scope, node, node.outputs[0] ?? ''));
    if (changing.length === 1 && source.opType === NATIVE) return { ...native(source, nodes), input: root };
    const parameters = this.parameters(end, shape);
    if (!parameters) return undefined;
    const { scale, bias } = parameters;
    const { deviation } = end.formula as Linear;
    return {
      isNative: false,
      anchor: source,
      nodes: this.withParameterNodes(nodes),
      input: root,
      last: end.node!,
      output: end.name,
      scale,
      bias,
      epsilon: deviation!.epsilon ?? 0,
      view: end.view.node,
      channels: shape.channels,
      departure: this.departureOf(end, planes, path, source),
    };
  }

  /**
   * How far the affine part, and the way back to the input's layout, belong to
   * the normalisation: to the last value up to which nothing else reads one.
   */
  private furthest(root: string, base: PlaneValue, ends: readonly PlaneValue[]): PlaneValue {
    const { scope, tools } = this;
    const shape = this.planeShape(root);
    const later = ends.filter(
      (end) =>
        end === base ||
        (end.slice.has(base.node!) &&
          !tools.tracer.isTransparent(scope, end.node!, end.name) &&
          this.parameters(end, shape)),
    );
    const closed = later.filter((end) => this.isClosed(root, end));
    return (
      closed.findLast((end) => end.view.kind === 'plane') ??
      closed.findLast((end) => end.view.kind === base.view.kind) ??
      base
    );
  }

  /** Is no value on the way to `end` read by anything else? */
  private isClosed(root: string, end: PlaneValue): boolean {
    const isInside = (name: string): boolean =>
      name === end.name ||
      usesOf(this.scope, name).every(({ node, scope }) => node && scope === this.scope && end.slice.has(node));
    if (!isInside(root)) return false;
    for (const node of end.slice) if (!node.outputs.every(isInside)) return false;
    return true;
  }

  /** Adds the nodes that only give scale or bias a shape for these. */
  private withParameterNodes(nodes: readonly Node[]): readonly Node[] {
    const all = new Set(nodes);
    for (const node of all) {
      for (const name of node.inputs) {
        const producer = producerOf(this.scope, name);
        if (!producer || all.has(producer) || !isShaping(this.scope, producer)) continue;
        if (usesOf(this.scope, name).every((use) => use.node && all.has(use.node))) all.add(producer);
      }
    }
    return this.inOrder(all);
  }

  private inOrder(nodes: Iterable<Node>): readonly Node[] {
    return [...nodes].sort((a, b) => this.order.of(a) - this.order.of(b));
  }

  private parameters(end: PlaneValue, shape: PlaneShape): { scale: Parameter; bias: Parameter } | undefined {
    const { x, constant } = end.formula as Linear;
    const scale = this.parameter(x, shape);
    const bias = this.parameter(constant, shape);
    return scale && bias && { scale, bias };
  }

  private parameter(coefficient: Coefficient | undefined, shape: PlaneShape): Parameter | undefined {
    const { scope, tools } = this;
    if (!coefficient) return { kind: 'filled', value: 0 };
    const { factor, name } = coefficient;
    if (name === undefined) return { kind: 'filled', value: factor };
    if (!near(factor, 1)) return undefined;
    let at = name;
    for (let step = 0; step < MAX_STEPS; step++) {
      const dims = dimsOf(scope, at, tools.shapes, tools.constants);
      if (dims?.length === 1 && dims[0] === shape.channels) return { kind: 'vector', name: at };
      const node = producerOf(scope, at);
      if (!node || !isShaping(scope, node)) break;
      at = node.inputs[0] ?? '';
    }
    const dims = dimsOf(scope, name, tools.shapes, tools.constants);
    // A normalisation's own operands have the shape [M] by definition.
    return dims && dims.length !== 1 ? { kind: 'reshaped', name, dims } : { kind: 'vector', name };
  }

  private departureOf(end: PlaneValue, planes: PlaneValues, path: Path, node: Node): Departure | undefined {
    const { deviation } = end.formula as Linear;
    const rank = this.rankOf(path, end.name);
    if (rank === undefined) return { code: 'dynamic-rank', node };
    for (const reducing of this.inOrder(end.slice)) {
      const axes = planes.axes.get(reducing);
      if (axes && (axes.length !== rank - 2 || axes[0] !== 2)) return { code: 'axes', node: reducing, axes };
    }
    const departure = deviation?.departure;
    return departure && { ...departure, node: departure.node ?? node };
  }

  private planeShape(root: string, path?: Path): PlaneShape {
    const known = this.planeShapes.get(root);
    if (known || !path) return known ?? { rank: IMAGE_RANK };
    const { shapes } = this.tools;
    const { convolution, scope } = path;
    const weights = shapes.of(scope, convolution.inputs[1] ?? '');
    const group = convolutionAttributes(convolution).group;
    const numbers = weights?.map((size) => (typeof size === 'number' ? size : NaN));
    const channels = numbers && outputChannels(convolution.opType, numbers, group);
    const sizes = numbers?.every((size) => Number.isInteger(size)) ? numbers : undefined;
    const input = shapes.of(scope, convolution.inputs[0] ?? '');
    const isNext = path.steps.length === 0 && !path.boundary;
    const output =
      shapes.of(this.scope, root) ?? (isNext && sizes ? outputDimensions(convolution, input, sizes) : undefined);
    const batch = output?.[0] ?? input?.[0];
    const spatial = output?.slice(2);
    const shape: PlaneShape = {
      rank: this.rankOf(path, root) ?? IMAGE_RANK,
      batch: typeof batch === 'number' ? batch : undefined,
      channels: channels !== undefined && Number.isInteger(channels) ? channels : undefined,
      spatial: spatial?.every((size): size is number => typeof size === 'number') ? spatial : undefined,
    };
    this.planeShapes.set(root, shape);
    return shape;
  }

  private rankOf({ convolution, scope }: Path, root: string): number | undefined {
    const { shapes } = this.tools;
    const { kernelShape } = convolutionAttributes(convolution);
    const known = shapes.of(scope, convolution.inputs[1] ?? '') ?? shapes.of(this.scope, root);
    return known?.length ?? (kernelShape && kernelShape.length + 2);
  }
}

/** An InstanceNormalization node, and what hands its input on. */
function native(node: Node, nodes: readonly Node[]): Normalization {
  const vector = (index: number): Parameter => ({ kind: 'vector', name: node.inputs[index] ?? '' });
  return {
    isNative: true,
    anchor: node,
    nodes,
    input: node.inputs[0] ?? '',
    last: node,
    output: node.outputs[0] ?? '',
    scale: vector(1),
    bias: vector(2),
    epsilon: 0,
  };
}

/** Does the node only give its first input another shape? */
const isShaping = (scope: Scope, node: Node): boolean =>
  isStandard(scope, node) && ['Unsqueeze', 'Reshape', 'Identity'].includes(node.opType) && node.outputs.length === 1;

/** Is a mean over a spatial axis? A normalisation over channels or the batch alone is no concern here. */
const isWithinPlanes = ({ axes }: PlaneValues, { slice }: PlaneValue): boolean =>
  [...slice].some((node) => axes.get(node)?.some((axis) => axis >= 2));
