import type { Node } from '../onnx/model';

/** Scale or bias of a normalisation: one number for each channel. */
export type Parameter =
  /** A value of shape [M], which the fused op reads as it is. */
  | { readonly kind: 'vector'; readonly name: string }
  /** A value of M elements in another shape, such as [1, M, 1, 1]. */
  | { readonly kind: 'reshaped'; readonly name: string; readonly dims: readonly number[] }
  /** The same number for every channel; there is no value for it in the model. */
  | { readonly kind: 'filled'; readonly value: number };

/** A normalisation over each plane of a batch of images, however a model writes it. */
export interface Normalization {
  /** `group` has the statistics of several channels together, and isn't the fused op's. */
  readonly kind: 'instance' | 'group';
  /** Is it one InstanceNormalization node on the convolution's output as it is? */
  readonly isNative: boolean;
  /** The node that messages point at, and that findings are ordered by. */
  readonly anchor: Node;
  /** Every node that is part of it, in the body's order; constants aren't among them. */
  readonly nodes: readonly Node[];
  /** What is normalised: N×M×D1…Dk. */
  readonly input: string;
  /** The node that yields `output`. */
  readonly last: Node;
  /** The result, of the input's shape unless `view` says otherwise. */
  readonly output: string;
  /** `undefined` where an input that the operator needs is missing. */
  readonly scale: Parameter | undefined;
  readonly bias: Parameter | undefined;
  readonly epsilon: number;
  /** The Transpose or Reshape that leads from the input's layout to that of `output`, where they differ. */
  readonly view?: Node | undefined;
}
