import { isDefaultDomain } from '../fusion/scope';
import { FUSION_DOMAIN } from '../fusion/fusedOps';
import { dataType } from '../onnx/dataTypes';
import type { Attribute, Node, Tensor } from '../onnx/model';
import type { ByteSource } from '../wire/source';
import { attributeText } from './valueText';

/** One line of small text in a node's box. */
export interface Row {
  /** Such as `W` or `axis`; absent where the text speaks for itself. */
  readonly name?: string | undefined;
  readonly text: string;
}

/** Names of the inputs that constants often feed, from the ONNX operator specification. */
const INPUT_NAMES: Readonly<Record<string, string>> = {
  Add: 'A B',
  Sub: 'A B',
  Mul: 'A B',
  Div: 'A B',
  Pow: 'X Y',
  MatMul: 'A B',
  ConstantOfShape: 'shape',
  Conv: 'X W B',
  ConvTranspose: 'X W B',
  ConvInteger: 'x w x_zero_point w_zero_point',
  QLinearConv: 'x x_scale x_zero_point w w_scale w_zero_point y_scale y_zero_point B',
  QLinearMatMul: 'a a_scale a_zero_point b b_scale b_zero_point y_scale y_zero_point',
  Gemm: 'A B C',
  LSTM: 'X W R B sequence_lens initial_h initial_c P',
  GRU: 'X W R B sequence_lens initial_h',
  RNN: 'X W R B sequence_lens initial_h',
  BatchNormalization: 'X scale B mean var',
  InstanceNormalization: 'X scale B',
  LayerNormalization: 'X scale B',
  GroupNormalization: 'X scale B',
  RMSNormalization: 'X scale',
  PRelu: 'X slope',
  Clip: 'input min max',
  Dropout: 'data ratio training_mode',
  Reshape: 'data shape',
  Expand: 'input shape',
  Tile: 'input repeats',
  Pad: 'data pads value axes',
  Slice: 'data starts ends axes steps',
  Split: 'input split',
  Squeeze: 'data axes',
  Unsqueeze: 'data axes',
  Gather: 'data indices',
  GatherElements: 'data indices',
  GatherND: 'data indices',
  ScatterElements: 'data indices updates',
  ScatterND: 'data indices updates',
  Resize: 'X roi scales sizes',
  Upsample: 'X scales',
  TopK: 'X K',
  OneHot: 'indices depth values',
  Range: 'start limit delta',
  Where: 'condition X Y',
  QuantizeLinear: 'x scale zero_point',
  DequantizeLinear: 'x scale zero_point',
  NonMaxSuppression: 'boxes scores max_output iou_threshold score_threshold',
  CumSum: 'x axis',
};

/** Attributes worth a line in the box, by operator; those of convolutions and pools have a line of their own. */
const SHOWN_ATTRIBUTES: Readonly<Record<string, string>> = {
  ArgMax: 'axis',
  ArgMin: 'axis',
  Cast: 'to',
  Concat: 'axis',
  DepthToSpace: 'blocksize',
  Einsum: 'equation',
  Elu: 'alpha',
  Flatten: 'axis',
  Gather: 'axis',
  GatherElements: 'axis',
  GroupNormalization: 'num_groups',
  GRU: 'hidden_size',
  LeakyRelu: 'alpha',
  LayerNormalization: 'axis',
  LogSoftmax: 'axis',
  LRN: 'size',
  LSTM: 'hidden_size',
  OneHot: 'axis',
  Pad: 'mode',
  ReduceL2: 'axes',
  ReduceMax: 'axes',
  ReduceMean: 'axes',
  ReduceMin: 'axes',
  ReduceSum: 'axes',
  Resize: 'mode',
  RNN: 'hidden_size',
  Softmax: 'axis',
  SpaceToDepth: 'blocksize',
  Split: 'axis',
  Squeeze: 'axes',
  Transpose: 'perm',
  Unsqueeze: 'axes',
  Upsample: 'mode',
};

/** The formal name of a node's input, or `undefined` where it isn't known. */
export function inputName(node: Node, index: number): string | undefined {
  if (node.domain === FUSION_DOMAIN) return ['X', 'W', 'scale', 'B', 'residual'][index];
  return isDefaultDomain(node.domain) ? INPUT_NAMES[node.opType]?.split(' ')[index] : undefined;
}

/** The lines about a node's attributes. `weight` is the convolution's weight, where it is constant. */
export function attributeRows(node: Node, weight: Tensor | undefined, source: ByteSource | undefined): Row[] {
  const window = windowText(node, weight);
  if (window) return [{ text: window }];
  const shown = isDefaultDomain(node.domain) ? SHOWN_ATTRIBUTES[node.opType]?.split(' ') : undefined;
  if (!shown) return [];
  const rows: Row[] = [];
  for (const name of shown) {
    const attribute = node.attributes.find((candidate) => candidate.name === name);
    if (!attribute) continue;
    const text = name === 'to' ? castText(attribute, source) : attributeText(attribute, source);
    rows.push({ name, text });
  }
  return rows;
}

function castText(attribute: Attribute, source: ByteSource | undefined): string {
  const { value } = attribute;
  return (value.type === 'INT' ? dataType(Number(value.value))?.name : undefined) ?? attributeText(attribute, source);
}

/** Kernel, stride, padding … of a convolution or pool: `3×3 · stride 2 · pad 1`. */
function windowText(node: Node, weight: Tensor | undefined): string | undefined {
  const kernel = ints(node, 'kernel_shape') ?? weight?.dims.slice(2);
  if (!kernel || kernel.length === 0) return undefined;
  const parts = [kernel.join('×')];
  const strides = ints(node, 'strides');
  if (strides?.some((stride) => stride !== 1)) parts.push(`stride ${uniform(strides)}`);
  const dilations = ints(node, 'dilations');
  if (dilations?.some((dilation) => dilation !== 1)) parts.push(`dilation ${uniform(dilations)}`);
  const pads = ints(node, 'pads');
  if (pads?.some((pad) => pad !== 0)) parts.push(`pad ${padText(pads)}`);
  const group = ints(node, 'group')?.[0] ?? 1;
  if (group !== 1) parts.push(`group ${group}`);
  return parts.join(' · ');
}

function ints(node: Node, name: string): number[] | undefined {
  const value = node.attributes.find((attribute) => attribute.name === name)?.value;
  if (value?.type === 'INTS') return value.value.map(Number);
  return value?.type === 'INT' ? [Number(value.value)] : undefined;
}

function uniform(numbers: readonly number[]): string {
  return numbers.every((n) => n === numbers[0]) ? String(numbers[0]) : numbers.join('×');
}

/** Padding at the begin and end of each axis; once where both are equal. */
function padText(pads: readonly number[]): string {
  const begins = pads.slice(0, pads.length / 2);
  const ends = pads.slice(pads.length / 2);
  return begins.every((begin, i) => begin === ends[i]) ? uniform(begins) : `${begins.join('×')}…${ends.join('×')}`;
}
