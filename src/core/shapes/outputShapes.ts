import { convolutionGeometry, hasAttributeReferences, concrete } from '../fusion/convolution';
import { isDefaultDomain } from '../fusion/scope';
import type { Dimension, Node } from '../onnx/model';

type Shape = readonly Dimension[];

/** Operators whose first output has the shape of their first input. */
const SAME_SHAPE = new Set(
  (
    'Abs Acos Acosh Asin Asinh Atan Atanh BatchNormalization BitwiseNot Cast CastLike Ceil Celu Clip Cos Cosh CumSum ' +
    'DequantizeLinear Dropout Elu Erf Exp Floor Gelu GroupNormalization HardSigmoid HardSwish Hardmax Identity ' +
    'InstanceNormalization IsInf IsNaN LayerNormalization LeakyRelu Log LogSoftmax LpNormalization LRN ' +
    'MeanVarianceNormalization Mish Neg Not PRelu QuantizeLinear Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin ' +
    'Sinh Softmax Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu'
  ).split(' '),
);
/** Operators whose inputs are broadcast to one another's shape, as numpy does it. */
const BROADCAST = new Set(
  (
    'Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min ' +
    'Mod Mul Or Pow Sub Sum Where Xor'
  ).split(' '),
);

/**
 * The shape of a node's first output as its inputs' shapes alone tell it, for
 * the operators of which that is so; `undefined` for all others.
 * @param shapes of the inputs, `undefined` where unknown.
 */
export function outputShape(node: Node, shapes: readonly (Shape | undefined)[]): Shape | undefined {
  if (!isDefaultDomain(node.domain) || hasAttributeReferences(node)) return undefined;
  const [first] = shapes;
  if (SAME_SHAPE.has(node.opType)) return first;
  if (BROADCAST.has(node.opType)) return broadcast(shapes);
  switch (node.opType) {
    case 'Conv':
    case 'ConvTranspose': {
      const x = concrete(first);
      const w = concrete(shapes[1]);
      return x && w && convolutionGeometry(node, x, w)?.outputShape;
    }
    case 'Shape':
      return first && node.attributes.length === 0 ? [first.length] : undefined;
    case 'Size':
      return [];
    case 'Gather':
      return gather(node, first, shapes[1]);
    case 'Transpose':
      return transpose(node, first);
    case 'GlobalAveragePool':
    case 'GlobalMaxPool':
      return first?.map((size, axis) => (axis < 2 ? size : 1));
    default:
      return undefined;
  }
}

function broadcast(shapes: readonly (Shape | undefined)[]): Shape | undefined {
  if (shapes.length === 0 || shapes.includes(undefined)) return undefined;
  const known = shapes as readonly Shape[];
  const rank = Math.max(...known.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis): Dimension => {
    const sizes = known.flatMap((shape) => {
      const at = axis - rank + shape.length;
      return at < 0 ? [] : [shape[at]];
    });
    const large = sizes.find((size) => typeof size === 'number' && size !== 1);
    if (large !== undefined) return large;
    const others = new Set(sizes.filter((size) => size !== 1));
    if (others.size === 0) return 1;
    return others.size === 1 ? [...others][0] : undefined;
  });
}

function gather(node: Node, data: Shape | undefined, indices: Shape | undefined): Shape | undefined {
  if (!data || !indices) return undefined;
  const value = node.attributes.find(({ name }) => name === 'axis')?.value;
  const axis = value?.type === 'INT' ? Number(value.value) : 0;
  const at = axis < 0 ? axis + data.length : axis;
  return [...data.slice(0, at), ...indices, ...data.slice(at + 1)];
}

function transpose(node: Node, shape: Shape | undefined): Shape | undefined {
  const order = node.attributes.find(({ name }) => name === 'perm')?.value;
  if (!shape || order?.type !== 'INTS') return shape && [...shape].reverse();
  return order.value.length === shape.length ? order.value.map((axis) => shape[Number(axis)]) : undefined;
}
