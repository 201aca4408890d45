import type { AttributeTypeName } from '../onnx/model';

/** Domain of the fused ops. */
export const FUSION_DOMAIN = 'fusionlens';
/** Version of that domain's operator set. */
export const FUSION_OPSET = 1;

export type ConvolutionType = 'Conv' | 'ConvTranspose';
export type ActivationType = 'Relu' | 'LeakyRelu';

/** A member of the fused family: inputs X, W, scale, B; the convolution's attributes, `epsilon`, and `alpha` for LeakyRelu. */
export interface FusedOp {
  readonly name: string;
  readonly convolution: ConvolutionType;
  readonly activation?: ActivationType | undefined;
}

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
export const NORMALIZATION_ATTRIBUTES: readonly ForwardedAttribute[] = [{ name: 'epsilon', type: 'FLOAT' }];
export const ACTIVATION_ATTRIBUTES: Readonly<Record<ActivationType, readonly ForwardedAttribute[]>> = {
  Relu: [],
  LeakyRelu: [{ name: 'alpha', type: 'FLOAT' }],
};
/** A hint of operator sets before 6 that says nothing about the result. */
export const LEGACY_HINT = 'consumed_inputs';

export const isConvolution = (opType: string): opType is ConvolutionType =>
  opType === 'Conv' || opType === 'ConvTranspose';
export const isActivation = (opType: string): opType is ActivationType => opType === 'Relu' || opType === 'LeakyRelu';

/** Name of the op that stands for the convolution, InstanceNormalization and activation. */
export const fusedOpName = (convolution: ConvolutionType, activation?: ActivationType): string =>
  `${convolution}InstanceNormalization${activation ?? ''}`;

const FAMILY = new Map<string, FusedOp>(
  (['Conv', 'ConvTranspose'] as const).flatMap((convolution) =>
    ([undefined, 'Relu', 'LeakyRelu'] as const).map((activation) => {
      const name = fusedOpName(convolution, activation);
      return [name, { name, convolution, activation }] as const;
    }),
  ),
);

/** The fused op of that name, if the family has it. */
export const fusedOp = (name: string): FusedOp | undefined => FAMILY.get(name);

/** A fused op's attributes, in the order its function declares them. */
export function fusedAttributes(op: FusedOp): readonly ForwardedAttribute[] {
  return [
    ...CONVOLUTION_ATTRIBUTES[op.convolution],
    ...NORMALIZATION_ATTRIBUTES,
    ...(op.activation ? ACTIVATION_ATTRIBUTES[op.activation] : []),
  ];
}
