import type { Shapes } from './advice';
import { integers } from './attributes';
import type { Constants } from './constants';
import type { Coefficient } from './planeAlgebra';
import { channelAxis, viewRank, type PlaneShape, type View } from './planeViews';
import { producerOf, type Scope } from './scope';
import { isStandard } from './trace';

/** Scales of whole planes are read up to this many elements. */
const MOST_ELEMENTS = 1 << 20;

/** Reads the operands of arithmetic on planes that aren't computed from the planes themselves. */
export class PlaneOperands {
  constructor(
    private readonly scope: Scope,
    private readonly shape: PlaneShape,
    private readonly constants: Constants,
    private readonly shapes: Shapes,
  ) {}

  /** A scale or bias of shape [M]: a number when all are the same and known, else the value. */
  vector(name: string): Coefficient | undefined {
    if (name === '') return undefined;
    const constant = this.constants.numbers(this.scope, name, MOST_ELEMENTS);
    const uniform = constant && allSame(constant.values);
    return uniform === undefined ? { factor: 1, name } : { factor: uniform };
  }

  /** The number that a constant which broadcasts over a whole plane has everywhere. */
  uniform(name: string, rank: number): Coefficient | undefined {
    const constant = this.constants.numbers(this.scope, name, MOST_ELEMENTS);
    const factor = constant && constant.dims.length <= rank ? allSame(constant.values) : undefined;
    return factor === undefined ? undefined : { factor };
  }

  /** What a value that doesn't come from the planes is, when it is a number for each channel of values in `view`. */
  coefficient(name: string, view: View, isDropped: boolean): Coefficient | undefined {
    if (name === '') return undefined;
    const { constants, shapes } = this;
    const rank = isDropped ? 2 : viewRank(view);
    const number = constants.number(this.scope, name, rank);
    if (number !== undefined) return { factor: number };
    const dims = isDropped ? undefined : dimsOf(this.scope, name, shapes, constants);
    if (!dims || dims.length > rank) return undefined;
    const channels = dims[channelAxis(view) - (rank - dims.length)];
    const others = dims.filter((size) => size !== 1);
    if (others.length !== 1 || channels === undefined || channels === 1 || others[0] !== channels) return undefined;
    if (this.shape.channels !== undefined && channels !== this.shape.channels) return undefined;
    return { factor: 1, name };
  }
}

function allSame(values: readonly number[]): number | undefined {
  const [first] = values;
  return values.every((value) => value === first) ? first : undefined;
}

/** The sizes of a value: declared, or those of a constant through Unsqueeze and Reshape. */
export function dimsOf(
  scope: Scope,
  name: string,
  shapes: Shapes,
  constants: Constants,
): readonly number[] | undefined {
  const known = shapes.of(scope, name);
  if (known) return known.every((size): size is number => typeof size === 'number') ? known : undefined;
  const node = producerOf(scope, name);
  const inner = node?.inputs[0] && isStandard(scope, node) ? shapes.of(scope, node.inputs[0]) : undefined;
  if (!node || !inner?.every((size): size is number => typeof size === 'number')) return undefined;
  if (node.opType === 'Unsqueeze') {
    const axes =
      (scope.opset ?? 0) < 13 ? integers(node, 'axes') : constants.numbers(scope, node.inputs[1] ?? '')?.values;
    if (!axes) return undefined;
    const rank = inner.length + axes.length;
    const added = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)));
    const rest = [...inner];
    return Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : rest.shift()!));
  }
  if (node.opType === 'Reshape') {
    const target = constants.numbers(scope, node.inputs[1] ?? '')?.values;
    const count = inner.reduce((product, size) => product * size, 1);
    const sizes = target?.map((size, axis) => (size === 0 ? (inner[axis] ?? 0) : size));
    const others = sizes?.filter((size) => size !== -1).reduce((product, size) => product * size, 1);
    return sizes?.map((size) => (size === -1 ? count / others! : size));
  }
  return undefined;
}
