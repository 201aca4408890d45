import type { AttributeTypeName } from '../onnx/model';

/** Domain of the fused ops. */
export const FUSION_DOMAIN = 'fusionlens';
/** Version of that domain's operator set. */
export const FUSION_OPSET = 1;

/** Pads that are ops of their own in the family; a Pad with zeros becomes part of the convolution's `pads`. */
export type PadType = 'ReflectPad' | 'EdgePad';
export type ConvolutionType = 'Conv' | 'ConvTranspose';
export type ActivationType = 'Relu' | 'LeakyRelu';

/**
 * A member of the fused family. Its name is the sequence of the ops it stands
 * for: `[ReflectPad|EdgePad] (Conv|ConvTranspose) InstanceNormalization [Add]
 * [Relu|LeakyRelu]`.
 */
export interface FusedOp {
  readonly name: string;
  /** With a pad, `pads` is the width of the border; the convolution itself adds none. For Conv only. */
  readonly pad?: PadType | undefined;
  readonly convolution: ConvolutionType;
  /** Is a fifth input added after the normalisation, before the activation? */
  readonly add: boolean;
  readonly activation?: ActivationType | undefined;
}

/** What a fused op's name is made of. */
export type FusedOpParts = Omit<FusedOp, 'name' | 'add'> & { readonly add?: boolean | undefined };

/** An attribute that a fused op passes on to a node of its function body. */
export interface ForwardedAttribute {
  readonly name: string;
  readonly type: AttributeTypeName;
}

const COMMON: readonly ForwardedAttribute[] = [
  { name: 'auto_pad', type: 'STRING' },
  { name: 'dilations', type: 'INTS' },
  { name: 'group', type: 'INT' },
  { name: 'kernel_shape', type: 'INTS' },
  { name: 'pads', type: 'INTS' },
  { name: 'strides', type: 'INTS' },
];

/** Attributes of the convolutions, from the ONNX operator specification (all versions agree). */
export const CONVOLUTION_ATTRIBUTES: Readonly<Record<ConvolutionType, readonly ForwardedAttribute[]>> = {
  Conv: COMMON,
  ConvTranspose: [...COMMON, { name: 'output_padding', type: 'INTS' }, { name: 'output_shape', type: 'INTS' }],
};
/** Attributes of a Conv that has a pad in front: the border is the pad's. */
export const PADDED_ATTRIBUTES: readonly ForwardedAttribute[] = COMMON.filter(
  ({ name }) => name !== 'auto_pad' && name !== 'pads',
);
export const PAD_ATTRIBUTES: readonly ForwardedAttribute[] = [{ name: 'pads', type: 'INTS' }];
export const NORMALIZATION_ATTRIBUTES: readonly ForwardedAttribute[] = [{ name: 'epsilon', type: 'FLOAT' }];
export const ACTIVATION_ATTRIBUTES: Readonly<Record<ActivationType, readonly ForwardedAttribute[]>> = {
  Relu: [],
  LeakyRelu: [{ name: 'alpha', type: 'FLOAT' }],
};
/** The mode attribute of the Pad that each prefix stands for. */
export const PAD_MODES: Readonly<Record<PadType, string>> = { ReflectPad: 'reflect', EdgePad: 'edge' };
/** A hint of operator sets before 6 that says nothing about the result. */
export const LEGACY_HINT = 'consumed_inputs';

export const isConvolution = (opType: string): opType is ConvolutionType =>
  opType === 'Conv' || opType === 'ConvTranspose';
export const isActivation = (opType: string): opType is ActivationType => opType === 'Relu' || opType === 'LeakyRelu';

/** The ops that a fused op stands for, in order; the family's naming scheme. */
export const opSequence = ({ pad, convolution, add, activation }: FusedOpParts): readonly string[] => [
  ...(pad ? [pad] : []),
  convolution,
  'InstanceNormalization',
  ...(add === true ? ['Add'] : []),
  ...(activation ? [activation] : []),
];

/** Name of the op that stands for these parts. */
export const fusedOpName = ({ pad, convolution, add, activation }: FusedOpParts): string =>
  `${pad ?? ''}${convolution}InstanceNormalization${add === true ? 'Add' : ''}${activation ?? ''}`;

const FAMILY = new Map<string, FusedOp>();
for (const [pad, convolution] of [
  [undefined, 'Conv'],
  ['ReflectPad', 'Conv'],
  ['EdgePad', 'Conv'],
  [undefined, 'ConvTranspose'],
] as const) {
  for (const add of [false, true]) {
    for (const activation of [undefined, 'Relu', 'LeakyRelu'] as const) {
      const parts = { pad, convolution, add, activation };
      const name = fusedOpName(parts);
      FAMILY.set(name, { name, ...parts });
    }
  }
}

/** The fused op of that name, if the family has it. */
export const fusedOp = (name: string): FusedOp | undefined => FAMILY.get(name);

/** Names of all fused ops. */
export const fusedOpNames: readonly string[] = [...FAMILY.keys()];

/**
 * A fused op's inputs: `X` (N×C×D1…Dk), `W`, `scale` (M) and `B` (M: the
 * normalisation's bias), and `residual` where the op adds one, of any shape
 * that broadcasts with the result as ONNX's Add allows.
 */
export const fusedInputs = (op: FusedOp): readonly string[] =>
  op.add ? ['X', 'W', 'scale', 'B', 'residual'] : ['X', 'W', 'scale', 'B'];

/** A fused op's attributes, in the order its function declares them. With a pad, `pads` has to be there. */
export function fusedAttributes(op: FusedOp): readonly ForwardedAttribute[] {
  return [
    ...(op.pad ? [...PADDED_ATTRIBUTES, ...PAD_ATTRIBUTES] : CONVOLUTION_ATTRIBUTES[op.convolution]),
    ...NORMALIZATION_ATTRIBUTES,
    ...(op.activation ? ACTIVATION_ATTRIBUTES[op.activation] : []),
  ];
}
