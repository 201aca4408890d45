import type { Dimension, Graph, FunctionProto, Node, TextSpan } from '../onnx/model';
import type { Verdict } from './estimate';
import type { ActivationType, FusedOp, PadType } from './fusedOps';
import type { Normalization } from './normalization';

/** What was found: the convolution's op, and how the normalisation is written. */
export type FindingKind = 'ConvInstanceNormalization' | 'ConvTransposeInstanceNormalization' | 'ConvGroupNormalization';

/** Why a pair can't fuse; `message` names the node or value that is in the way. */
export interface Reason {
  /** Stable, kebab-case: `other-consumer`, `graph-output`, `element-type`, `control-flow` … */
  readonly code: string;
  readonly message: string;
  readonly related: readonly RelatedPlace[];
}

/** A node or value that a reason or an advice points at. */
export interface RelatedPlace {
  readonly message: string;
  readonly span?: TextSpan | undefined;
  readonly node?: Node | undefined;
}

/** What fusing a pair saves and costs. Numbers are `undefined` while a size is unknown; formulas say it in symbols then. */
export interface Advice {
  /** The convolution's output, N×M×D1…Dk, as far as it is known. */
  readonly outputShape?: readonly Dimension[] | undefined;
  /** Multiply-adds of the convolution. */
  readonly multiplyAdds?: number | undefined;
  /** Such as `36864·H·W`. */
  readonly multiplyAddsFormula?: string | undefined;
  /** Bytes of activations that need not be written and read again. */
  readonly bytesSaved?: number | undefined;
  readonly bytesSavedFormula?: string | undefined;
  /** Bytes of the weights, scale and bias. */
  readonly weightBytes?: number | undefined;
  /** Bytes that the fused kernel takes for its own copy of the weights, at most. */
  readonly workspaceBytes?: number | undefined;
  /** Estimate: the part of the unfused pair's time that fusing alone saves, 0 to 1. */
  readonly savedShare?: number | undefined;
  /** What that estimate says. */
  readonly verdict?: Verdict | undefined;
}

/** A Pad before the convolution that fuses along. */
export interface FusedPad {
  readonly node: Node;
  /** Absent where the border is zero and becomes part of the convolution's own padding. */
  readonly type?: PadType | undefined;
  /** The fused op's `pads`: begins of the spatial axes, then ends; the convolution's own included. */
  readonly pads: readonly number[];
}

/** An addition after the normalisation that fuses along. */
export interface FusedResidual {
  readonly node: Node;
  /** The other operand. */
  readonly value: string;
}

/** What ends the chain, as the family names it: PRelu with one slope is LeakyRelu, Clip at zero is Relu. */
export interface FusedActivation {
  readonly node: Node;
  readonly type: ActivationType;
  /** LeakyRelu's slope, where the node has it as an input. */
  readonly alpha?: number | undefined;
}

/** A convolution followed by an instance normalisation. */
export interface Finding {
  /** The convolution node's name, or its first output where it has none; `#2` … appended to keep ids unique in a model. */
  readonly id: string;
  readonly kind: FindingKind;
  readonly fusable: boolean;
  /** Present exactly when `fusable` is false. */
  readonly reason?: Reason | undefined;
  /** The body that holds the pair: the main graph, a subgraph, or a function. */
  readonly scope: Graph | FunctionProto;
  readonly convolution: Node;
  /** The InstanceNormalization, or the node that stands for one that is written otherwise. */
  readonly normalization: Node;
  /** How the normalisation is written. */
  readonly form: Normalization;
  readonly pad?: FusedPad | undefined;
  readonly residual?: FusedResidual | undefined;
  /** The node of {@link fusedActivation}. */
  readonly activation?: Node | undefined;
  readonly fusedActivation?: FusedActivation | undefined;
  /** Why a Pad before the pair, and an activation or addition after it, doesn't fuse along; only when `fusable`. */
  readonly left?: readonly Reason[] | undefined;
  /** Every node that the fused node replaces, in order. */
  readonly nodes: readonly Node[];
  /** The op that would replace them, such as `ConvInstanceNormalizationRelu`. */
  readonly fusedOp: string;
  readonly advice: Advice;
}

/** A node that is a fused op already. */
export interface FusedNode {
  /** The node's name, or its first output where it has none; unique as a finding's is. */
  readonly id: string;
  readonly node: Node;
  readonly scope: Graph | FunctionProto;
  readonly op: FusedOp;
}
