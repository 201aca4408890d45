import type { Graph, FunctionProto, Node, TextSpan } from '../onnx/model';
import type { FusedOp } from './fusedOps';

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

export interface Advice {
  /** Multiply-adds of the convolution, or `undefined` while a dimension is unknown. */
  readonly multiplyAdds?: number | undefined;
  /** Bytes of activations that need not be written and read again. */
  readonly bytesSaved?: number | undefined;
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
  readonly normalization: Node;
  /** A following Relu or LeakyRelu that fuses along. */
  readonly activation?: Node | undefined;
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
