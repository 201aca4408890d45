import type { Node } from '../onnx/model';

/** Scale or bias of a normalisation: one number for each channel. */
export type Parameter =
  /** A value of shape [M], which the fused op reads as it is. */
  | { readonly kind: 'vector'; readonly name: string }
  /** A value of M elements in another shape, such as [1, M, 1, 1]. */
  | { readonly kind: 'reshaped'; readonly name: string; readonly dims: readonly number[] }
  /** The same number for every channel; the model has no value of that shape. */
  | { readonly kind: 'filled'; readonly value: number };

/** What makes a normalisation another function than the fused op's. */
export interface Departure {
  readonly code:
    | 'axes'
    | 'dynamic-rank'
    | 'element-scale'
    | 'epsilon-outside'
    | 'epsilon-unknown'
    | 'group-normalization'
    | 'training-form'
    | 'variance-factor';
  /** The node that makes the difference. */
  readonly node: Node;
  /** The operand of it that does. */
  readonly value?: string | undefined;
  /** The axes that are normalised over, for `axes`. */
  readonly axes?: readonly number[] | undefined;
}

/** A normalisation over each plane of a batch of images, however a model writes it. */
export interface Normalization {
  /** Is it one InstanceNormalization node, on the convolution's output as it is or handed on unchanged? */
  readonly isNative: boolean;
  /** The node that messages point at, and that findings are ordered by. */
  readonly anchor: Node;
  /** Every node that it is made of, in the body's order; constants aren't among them. */
  readonly nodes: readonly Node[];
  /** What is normalised: N×M×D1…Dk. */
  readonly input: string;
  /** The node that yields `output`. */
  readonly last: Node;
  /** The result, of the input's shape unless `view` says otherwise. */
  readonly output: string;
  readonly scale: Parameter;
  readonly bias: Parameter;
  /** For a native one the node's own attribute counts. */
  readonly epsilon: number;
  /** The Transpose or Reshape that leads from the input's layout to that of `output`, where they differ. */
  readonly view?: Node | undefined;
  /** M, as far as the convolution's weights tell. */
  readonly channels?: number | undefined;
  readonly departure?: Departure | undefined;
}
