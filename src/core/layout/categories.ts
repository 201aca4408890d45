import { isDefaultDomain } from '../fusion/scope';

/** What a node does, as its colour says. */
export type Category =
  | 'layer'
  | 'normalization'
  | 'activation'
  | 'pool'
  | 'arithmetic'
  | 'shape'
  | 'tensor'
  | 'quantization'
  | 'control'
  | 'constant'
  | 'value'
  | 'custom';

const OPS: Readonly<Record<Exclude<Category, 'value' | 'custom'>, string>> = {
  layer:
    'Conv ConvTranspose ConvInteger DeformConv Gemm MatMul MatMulInteger QLinearConv QLinearMatMul Einsum LSTM GRU RNN ' +
    'Attention RotaryEmbedding DFT STFT',
  normalization:
    'BatchNormalization InstanceNormalization LayerNormalization GroupNormalization LpNormalization LRN ' +
    'MeanVarianceNormalization RMSNormalization Dropout',
  activation:
    'Relu LeakyRelu PRelu Elu Selu Celu Gelu Sigmoid HardSigmoid HardSwish Swish Mish Tanh Softplus Softsign Softmax ' +
    'LogSoftmax Hardmax ThresholdedRelu Clip Shrink Erf',
  pool: 'MaxPool AveragePool GlobalAveragePool GlobalMaxPool LpPool GlobalLpPool MaxRoiPool RoiAlign MaxUnpool',
  arithmetic:
    'Add Sub Mul Div Pow Sqrt Exp Log Neg Abs Reciprocal Floor Ceil Round Sign Mod Sum Mean Max Min Sin Cos Tan Asin ' +
    'Acos Atan Sinh Cosh Asinh Acosh Atanh ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ' +
    'ReduceLogSum ReduceLogSumExp ReduceSumSquare CumSum ArgMax ArgMin And Or Xor Not Equal Greater GreaterOrEqual Less ' +
    'LessOrEqual BitShift BitwiseAnd BitwiseOr BitwiseXor BitwiseNot IsNaN IsInf Det',
  shape:
    'Reshape Transpose Flatten Squeeze Unsqueeze Shape Size Expand DepthToSpace SpaceToDepth Identity Cast CastLike',
  tensor:
    'Concat Split Slice Gather GatherElements GatherND Scatter ScatterElements ScatterND Pad Tile Resize Upsample Where ' +
    'TopK Unique NonZero NonMaxSuppression OneHot Compress ReverseSequence Trilu GridSample AffineGrid CenterCropPad ' +
    'Col2Im ImageDecoder TensorScatter',
  quantization: 'QuantizeLinear DequantizeLinear DynamicQuantizeLinear',
  control:
    'If Loop Scan SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SequenceMap ' +
    'SplitToSequence ConcatFromSequence Optional OptionalGetElement OptionalHasElement',
  constant: 'Constant ConstantOfShape Range EyeLike RandomNormal RandomUniform RandomNormalLike RandomUniformLike',
};

const categoryOf = new Map<string, Category>(
  Object.entries(OPS).flatMap(([category, ops]) => ops.split(' ').map((op) => [op, category as Category])),
);

/** The category of an operator; ops outside the standard domain and unknown ones are custom. */
export function operatorCategory(domain: string, opType: string): Category {
  return (isDefaultDomain(domain) ? categoryOf.get(opType) : undefined) ?? 'custom';
}
