/**
 * What a pair's measurement needs, as plain data: no model graph, no file.
 */

/** The activation that fuses along with the pair. */
export type PairActivation = 'none' | 'Relu' | { readonly LeakyRelu: { readonly alpha: number } };

/** A convolution's attributes, one entry for each spatial axis; `pads` has ONNX's order: all begins, then all ends. */
export interface PairConvolution {
  readonly kernelShape: readonly number[];
  readonly strides: readonly number[];
  readonly pads: readonly number[];
  readonly dilations: readonly number[];
  readonly group: number;
  /** What `pads` pads with: zeros by default. */
  readonly border?: 'zero' | 'reflect' | 'edge';
  /** ConvTranspose: weights are C × M/group × kernel. */
  readonly transposed?: boolean;
  readonly outputPadding?: readonly number[];
}

/** A (Pad +) Conv or ConvTranspose + InstanceNormalization (+ Add) (+ activation) pair with the model's own weights, and the same pair as a model. */
export interface PairProblem {
  /**
   * A complete ONNX model of just the nodes that the fused one replaces, as they are written: the float input `X`, where
   * something is added a second float input `residual`, one float output, weights inside.
   */
  readonly stockModel: Uint8Array;
  /** N, C, then the spatial sizes. */
  readonly inputShape: readonly number[];
  readonly conv: PairConvolution;
  /** M × C/group × kernel, or transposed C × M/group × kernel, row-major. */
  readonly weights: Float32Array;
  readonly weightsShape: readonly number[];
  /** InstanceNormalization's scale, M values. */
  readonly scale: Float32Array;
  /** InstanceNormalization's B, M values. The convolution's own bias is cancelled by the mean and not needed here. */
  readonly bias: Float32Array;
  readonly epsilon: number;
  readonly activation: PairActivation;
  /** What is added before the activation, of a shape that is broadcast to the output's. */
  readonly residual?: { readonly shape: readonly number[]; readonly data: Float32Array };
  /**
   * A model of the node that gives the fused result the layout that the pair's output has, where that is another: one
   * float input, one float output.
   */
  readonly viewModel?: Uint8Array;
}
