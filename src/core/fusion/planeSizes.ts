import type { Node } from '../onnx/model';
import { integer } from './attributes';
import type { Constants } from './constants';
import type { PlaneValue } from './planeValues';
import type { Size } from './planeViews';
import type { Scope } from './scope';

/** A part of the planes' shape, as dynamic Reshapes compute it. */
export interface SizesValue {
  readonly sizes: readonly Size[];
  readonly slice: ReadonlySet<Node>;
}

/**
 * What the node computes of the planes' shape: the shape, and what a dynamic Reshape's target is made of.
 * @param planes the values that are computed from the planes.
 * @param known the parts of the shape so far.
 */
export function sizesOf(
  scope: Scope,
  node: Node,
  planes: ReadonlyMap<string, PlaneValue>,
  known: ReadonlyMap<string, SizesValue>,
  constants: Constants,
): readonly Size[] | undefined {
  const { inputs, opType } = node;
  const first = known.get(inputs[0] ?? '')?.sizes;
  switch (opType) {
    case 'Shape': {
      const value = planes.get(inputs[0] ?? '');
      if (!value || value.isReduced || value.view.kind !== 'plane' || node.attributes.length > 0) return undefined;
      return value.view.perm.map((axis) => ({ axis }));
    }
    case 'Gather': {
      const indices =
        first && (integer(node, 'axis') ?? 0) === 0 ? constants.numbers(scope, inputs[1] ?? '') : undefined;
      const picked = indices?.values.map((index) => first!.at(index));
      return picked?.every((size) => size !== undefined) ? picked : undefined;
    }
    case 'Slice': {
      if (!first || (scope.opset ?? 0) < 10) return undefined;
      const [starts, ends, axes, steps] = inputs.slice(1).map((name) => constants.number(scope, name, 1));
      if (starts === undefined || ends === undefined || (inputs[3] && axes !== 0) || (inputs[4] && steps !== 1))
        return undefined;
      return first.slice(starts, ends);
    }
    case 'Cast':
      return first && integer(node, 'to') === 7 ? first : undefined;
    case 'Unsqueeze':
    case 'Squeeze':
    case 'Identity':
      return first;
    case 'Concat': {
      const parts = inputs.map((name) => known.get(name)?.sizes ?? constants.numbers(scope, name)?.values);
      return inputs.some((name) => known.has(name)) && parts.every((part) => part !== undefined)
        ? parts.flat()
        : undefined;
    }
    default:
      return undefined;
  }
}
