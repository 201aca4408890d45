/** Pairs in every form that a finding may have, each the only one of a small model. */
import { CONV, DEVIATION, DEVIATION_CHANNELS_LAST, NORM, type TextModel, WEIGHTS, weights } from '../fusion/text';

const W = WEIGHTS.slice(0, 2);
const EPS = 'float eps = {0.001}';
const INPUT = 'float[2,3,9,11] x';
const OUT = 'float[N,M,P,Q] y';
const NORMALIZED = [...DEVIATION, 'z = Div (d, r)'];
const PLAIN = ['h = Conv (p, w)', NORM, 'y = Relu (n)'];

export interface PairForm extends TextModel {
  readonly op: string;
  /** Is every value that it reads, but its input, in the model? */
  readonly isClosed?: boolean;
}

const form = (op: string, parts: Partial<TextModel> & Pick<TextModel, 'nodes'>, isClosed = true): PairForm => ({
  inputs: INPUT,
  outputs: OUT,
  declared: WEIGHTS,
  isClosed,
  op,
  ...parts,
});
const padded = (op: string, attributes: string, ...amounts: number[]): PairForm =>
  form(op, {
    nodes: [`p = Pad ${attributes} (x, amounts)`, ...PLAIN],
    declared: [...WEIGHTS, `int64[8] amounts = {${amounts.join(', ')}}`],
  });

export const PAIR_FORMS: Readonly<Record<string, PairForm>> = {
  'strides, dilations and uneven pads': form('ConvInstanceNormalizationRelu', {
    nodes: ['h = Conv <strides = [2, 1], dilations = [1, 2], pads = [0, 1, 2, 1]> (x, w, c)', NORM, 'y = Relu (n)'],
  }),
  auto_pad: form('ConvInstanceNormalizationLeakyRelu', {
    nodes: ['h = Conv <auto_pad = "SAME_LOWER", strides = [2, 2]> (x, w)', NORM, 'y = LeakyRelu <alpha = 0.3> (n)'],
  }),
  links: form('ConvInstanceNormalizationRelu', {
    nodes: [
      CONV,
      'i = Identity (h)',
      'd = Dropout (i)',
      'k = Cast <to = 1> (d)',
      'n = InstanceNormalization (k, s, b)',
      'j = Identity (n)',
      'y = Relu (j)',
    ],
  }),
  groups: form('ConvInstanceNormalization', {
    declared: [weights('w', 6, 1, 3, 3), weights('s', 6), weights('b', 6)],
    nodes: ['h = Conv <group = 3> (x, w)', 'y = InstanceNormalization (h, s, b)'],
  }),
  ConvTranspose: form('ConvTransposeInstanceNormalizationRelu', {
    declared: [weights('w', 3, 4, 3, 3), ...WEIGHTS.slice(1)],
    nodes: ['h = ConvTranspose <strides = [2, 2], output_padding = [1, 0]> (x, w, c)', NORM, 'y = Relu (n)'],
  }),
  'PRelu with one slope': form('ConvInstanceNormalizationLeakyRelu', {
    declared: [...WEIGHTS, 'float[1] k = {0.25}'],
    nodes: [CONV, NORM, 'y = PRelu (n, k)'],
  }),
  'Clip at zero': form('ConvInstanceNormalizationRelu', {
    declared: [...WEIGHTS, 'float zero = {0}'],
    nodes: [CONV, NORM, 'y = Clip (n, zero)'],
  }),
  'Clip at zero of old': form('ConvInstanceNormalizationRelu', {
    opset: 9,
    nodes: [CONV, NORM, 'y = Clip <min = 0.0> (n)'],
  }),
  'Max with zero': form('ConvInstanceNormalizationRelu', {
    declared: [...WEIGHTS, 'float zero = {0}'],
    nodes: [CONV, NORM, 'y = Max (zero, n)'],
  }),
  'Pad with zeros, and pads of its own': form('ConvInstanceNormalizationRelu', {
    declared: [...WEIGHTS, 'int64[8] amounts = {0, 0, 1, 0, 0, 0, 2, 3}', 'float zero = {0}'],
    nodes: ['p = Pad (x, amounts, zero)', 'h = Conv <pads = [1, 0, 0, 1]> (p, w, c)', NORM, 'y = Relu (n)'],
  }),
  'Pad with zeros of old': form('ConvInstanceNormalizationRelu', {
    opset: 9,
    nodes: ['p = Pad <pads = [0, 0, 1, 0, 0, 0, 2, 3]> (x)', ...PLAIN],
  }),
  'Pad that reflects': padded('ReflectPadConvInstanceNormalizationRelu', '<mode = "reflect">', 0, 0, 1, 2, 0, 0, 3, 1),
  'Pad that repeats the edge': padded(
    'EdgePadConvInstanceNormalizationRelu',
    '<mode = "edge">',
    0,
    0,
    1,
    2,
    0,
    0,
    3,
    1,
  ),
  'Pad that reflects by computed amounts': form('ReflectPadConvInstanceNormalizationRelu', {
    declared: [...WEIGHTS, 'int64[4] border = {0, 0, 1, 2}'],
    nodes: ['a = Concat <axis = 0> (border, border)', 'p = Pad <mode = "reflect"> (x, a)', ...PLAIN],
  }),
  'an addition of the block’s input': form(
    'ConvInstanceNormalizationAddRelu',
    {
      inputs: 'float[2,4,9,11] x',
      declared: [weights('w', 4, 4, 3, 3), ...WEIGHTS.slice(1)],
      nodes: [CONV, NORM, 'a = Add (x, n)', 'y = Relu (a)'],
    },
    false,
  ),
  'an addition of one number for each channel': form('ConvInstanceNormalizationAddLeakyRelu', {
    declared: [...WEIGHTS, weights('k', 4, 1, 1)],
    nodes: [CONV, NORM, 'a = Add (n, k)', 'y = LeakyRelu (a)'],
  }),
  'scale and bias that the model computes': form(
    'ConvInstanceNormalization',
    { nodes: [CONV, 't = Abs (s)', 'u = Add (t, b)', 'y = InstanceNormalization (h, t, u)'] },
    false,
  ),
  'one spatial dimension': form('ConvInstanceNormalizationRelu', {
    inputs: 'float[2,3,20] x',
    declared: [weights('w', 4, 3, 3), ...WEIGHTS.slice(2)],
    nodes: ['h = Conv (x, w)', NORM, 'y = Relu (n)'],
  }),
  'three spatial dimensions': form('ConvInstanceNormalizationLeakyRelu', {
    inputs: 'float[2,3,5,6,7] x',
    declared: [weights('w', 4, 3, 3, 3, 3), ...WEIGHTS.slice(2)],
    nodes: ['h = Conv <pads = [1, 1, 1, 1, 1, 1]> (x, w)', NORM, 'y = LeakyRelu (n)'],
  }),
  'in a branch': form('ConvInstanceNormalization', {
    inputs: INPUT,
    declared: [...WEIGHTS, 'bool q = {1}'],
    nodes: [
      `y = If (q) <then_branch = t () => (float[N,M,P,Q] a) { ${CONV} a = InstanceNormalization (h, s, b) }, else_branch = f () => (float[N,M,P,Q] o) { o = Conv <pads = [1, 1, 1, 1]> (x, w) }>`,
    ],
  }),
  'written out, as PyTorch does': form('ConvInstanceNormalizationRelu', {
    opset: 13,
    declared: [...W, weights('g', 1, 4, 1, 1), weights('k', 4, 1, 1), EPS],
    nodes: [CONV, ...NORMALIZED, 'zg = Mul (z, g)', 'n = Add (zg, k)', 'y = Relu (n)'],
  }),
  'written out, axes given as an input': form('ConvInstanceNormalization', {
    opset: 18,
    declared: [...W, EPS, 'int64[2] axes = {-2, -1}'],
    nodes: [
      CONV,
      'm = ReduceMean (h, axes)',
      'd = Sub (h, m)',
      'two = Constant <value_float = 2.0> ()',
      'q = Pow (d, two)',
      'v = ReduceMean (q, axes)',
      'e = Add (v, eps)',
      'r = Sqrt (e)',
      'y = Div (d, r)',
    ],
  }),
  'written out, scale and bias through Unsqueeze': form('ConvInstanceNormalization', {
    opset: 13,
    declared: [...W, weights('g', 4), weights('k', 4), EPS, 'int64[2] axes = {1, 2}'],
    nodes: [
      CONV,
      ...NORMALIZED,
      'gu = Unsqueeze (g, axes)',
      'ku = Unsqueeze (k, axes)',
      'zg = Mul (z, gu)',
      'y = Add (zg, ku)',
    ],
  }),
  'written out with axes last, and back': form('ConvInstanceNormalization', {
    opset: 13,
    declared: [...W, weights('g', 4), EPS],
    nodes: [
      CONV,
      ...DEVIATION_CHANNELS_LAST,
      'z = Div (d, r)',
      'zg = Mul (z, g)',
      'y = Transpose <perm = [0, 3, 1, 2]> (zg)',
    ],
  }),
  'written out with axes last, which stay last': form('ConvInstanceNormalization', {
    opset: 13,
    declared: [...W, EPS],
    nodes: [CONV, ...DEVIATION_CHANNELS_LAST, 'y = Div (d, r)'],
  }),
  'over flattened planes, and back': form('ConvInstanceNormalization', {
    opset: 13,
    declared: [...WEIGHTS, 'int64[3] planes = {0, 4, -1}'],
    nodes: [
      CONV,
      'p = Reshape (h, planes)',
      'n = InstanceNormalization (p, s, b)',
      'shape = Shape (h)',
      'y = Reshape (n, shape)',
    ],
  }),
  'over flattened planes, which stay flat': form('ConvInstanceNormalization', {
    opset: 13,
    outputs: 'float[N,M,L] y',
    declared: [...WEIGHTS, 'int64[3] planes = {0, 0, -1}'],
    nodes: [CONV, 'p = Reshape (h, planes)', 'y = InstanceNormalization (p, s, b)'],
  }),
  'GroupNormalization with a channel a group': form('ConvInstanceNormalization', {
    opset: 21,
    nodes: [CONV, 'y = GroupNormalization <num_groups = 4, epsilon = 0.01> (h, s, b)'],
  }),
};
