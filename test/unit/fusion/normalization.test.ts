import assert from 'node:assert/strict';
import type * as ort from 'onnxruntime-node';
import { findFused, findFusions } from '../../../src/core/fusion/find';
import { fuseEdits } from '../../../src/core/fusion/rewrite';
import { applyEdits } from '../../../src/core/text/edit';
import { floatTensor, largestError, runModel } from '../support/runtime';
import { assertSameGraph } from './graphs';
import {
  bytesOf,
  DEVIATION,
  DEVIATION_CHANNELS_LAST,
  fuseText,
  modelText,
  parse,
  type TextModel,
  unfuseText,
  weights,
} from './text';

const W = [weights('w', 4, 3, 3, 3), weights('c', 4)];
/** Scale and bias in the shapes that broadcast over N×4×H×W. */
const AFFINE = [weights('g', 1, 4, 1, 1), weights('k', 4, 1, 1)];
const CONV = 'h = Conv <pads = [1, 1, 1, 1]> (x, w, c)';
const EPS = 'float eps = {0.001}';
const TWO = 'float two = {2}';
const MEAN = 'm = ReduceMean <axes = [2, 3]> (h)';
/** (h − m)², its mean, and the square root of that and ε. */
/** As far as the variance plus eps. */
const VARIANCE = DEVIATION.slice(0, -1);

interface Form extends Omit<TextModel, 'nodes'> {
  readonly nodes: readonly string[];
  readonly op?: string;
  /** Sizes of the spatial axes, for each run. */
  readonly sizes?: readonly (readonly number[])[];
  readonly batches?: readonly number[];
  readonly tolerance?: number;
  /** What must not be in the fused text. */
  readonly gone?: RegExp;
  readonly has?: RegExp;
}

const written = (...nodes: string[]): Form => ({
  opset: 13,
  declared: [...W, ...AFFINE, EPS, TWO],
  nodes: [CONV, ...nodes],
});

/** Forms that fuse, and who writes them. */
const FORMS: Record<string, Form> = {
  'PyTorch: mean, difference, mean of products, Sqrt, Div, Mul, Add': {
    ...written(...DEVIATION, 'z = Div (d, r)', 'zg = Mul (z, g)', 'y = Add (zg, k)'),
    gone: /ReduceMean|Sqrt|\beps\b|\[1,4,1,1\]|\bc\b =/,
    has: /float\[4\] g_vector = \{/,
  },
  'PyTorch: Pow by 2, Pow by 0.5': {
    ...written(
      MEAN,
      'd = Sub (h, m)',
      'q = Pow (d, two)',
      'v = ReduceMean <axes = [2, 3]> (q)',
      'e = Add (v, eps)',
      'r = Pow (e, half)',
      'y = Div (d, r)',
    ),
    declared: [...W, EPS, TWO, 'float half = {0.5}'],
    has: /float\[4\] y_scale = \{1\.0, 1\.0, 1\.0, 1\.0\},\s+float\[4\] y_bias = \{0\.0,/,
  },
  'PyTorch: Relu after it fuses along': {
    ...written(...DEVIATION, 'z = Div (d, r)', 'zg = Mul (z, g)', 'n = Add (zg, k)', 'y = Relu (n)'),
    op: 'ConvInstanceNormalizationRelu',
  },
  'TensorFlow: x·inv + (beta − mean·inv), as tf2onnx leaves it': {
    ...written(
      ...DEVIATION,
      'i = Reciprocal (r)',
      'ig = Mul (i, g)',
      'xi = Mul (h, ig)',
      'mi = Mul (m, ig)',
      'o = Sub (k, mi)',
      'y = Add (xi, o)',
    ),
    tolerance: 1e-4,
  },
  'TensorFlow: axes last, between Transposes': {
    opset: 13,
    declared: [...W, weights('g', 4), weights('k', 1, 1, 1, 4), EPS],
    nodes: [
      CONV,
      ...DEVIATION_CHANNELS_LAST,
      'i = Reciprocal (r)',
      'ig = Mul (i, g)',
      'xi = Mul (t, ig)',
      'mi = Mul (m, ig)',
      'o = Sub (k, mi)',
      'n = Add (xi, o)',
      'y = Transpose <perm = [0, 3, 1, 2]> (n)',
    ],
    gone: /Transpose/,
    tolerance: 1e-4,
  },
  'TensorFlow: axes last, and they stay last': {
    opset: 13,
    outputs: 'float[N,H,W,M] y',
    declared: [...W, EPS],
    nodes: [CONV, ...DEVIATION_CHANNELS_LAST, 'y = Div (d, r)'],
    has: /y_planes = fusionlens\.[^]*\n {2}y = Transpose <perm = \[0, 2, 3, 1\]> \(y_planes\)/,
  },
  'variance as mean of squares less the mean squared': {
    ...written(
      'sq = Mul (h, h)',
      'ms = ReduceMean <axes = [-1, -2]> (sq)',
      MEAN,
      'mm = Mul (m, m)',
      'v = Sub (ms, mm)',
      'e = Add (v, eps)',
      'r = Sqrt (e)',
      'd = Sub (h, m)',
      'z = Div (d, r)',
      'y = Mul (z, g)',
    ),
    tolerance: 1e-4,
  },
  'variance kept from falling below zero': {
    ...written(
      'sq = Pow (h, two)',
      'ms = ReduceMean <axes = [2, 3]> (sq)',
      MEAN,
      'mm = Pow (m, two)',
      'v0 = Sub (ms, mm)',
      'v = Relu (v0)',
      'e = Add (v, eps)',
      'r = Sqrt (e)',
      'd = Sub (h, m)',
      'y = Div (d, r)',
    ),
    tolerance: 1e-4,
  },
  'negative axes as an input (operator set 18)': {
    opset: 18,
    declared: [...W, EPS, 'int64[2] axes = {-2, -1}'],
    nodes: [
      CONV,
      'm = ReduceMean (h, axes)',
      'd = Sub (h, m)',
      'q = Mul (d, d)',
      'v = ReduceMean (q, axes)',
      'e = Add (v, eps)',
      'r = Sqrt (e)',
      'y = Div (d, r)',
    ],
    gone: /axes = \{/,
  },
  'GlobalAveragePool as the mean': {
    ...written(
      'm = GlobalAveragePool (h)',
      'd = Sub (h, m)',
      'q = Mul (d, d)',
      'v = GlobalAveragePool (q)',
      'e = Add (v, eps)',
      'r = Sqrt (e)',
      'y = Div (d, r)',
    ),
  },
  'sums divided by the number of elements': {
    opset: 13,
    inputs: 'float[N,3,5,4] x',
    sizes: [[5, 4]],
    declared: [...W, EPS, 'float count = {20}', 'int64[2] axes = {2, 3}'],
    nodes: [
      CONV,
      's0 = ReduceSum (h, axes)',
      'm = Div (s0, count)',
      'd = Sub (h, m)',
      's1 = ReduceSumSquare <axes = [2, 3]> (d)',
      'v = Div (s1, count)',
      'e = Add (v, eps)',
      'r = Sqrt (e)',
      'y = Div (d, r)',
    ],
  },
  'keepdims 0, and Unsqueeze': {
    opset: 13,
    declared: [...W, EPS, 'int64[2] axes = {2, 3}'],
    nodes: [
      CONV,
      'm0 = ReduceMean <axes = [2, 3], keepdims = 0> (h)',
      'm = Unsqueeze (m0, axes)',
      'd = Sub (h, m)',
      'q = Mul (d, d)',
      'v0 = ReduceMean <axes = [2, 3], keepdims = 0> (q)',
      'e0 = Add (v0, eps)',
      'r0 = Sqrt (e0)',
      'r = Unsqueeze (r0, axes)',
      'y = Div (d, r)',
    ],
  },
  'scale and bias of shape [4] through Unsqueeze': {
    opset: 13,
    declared: [...W, weights('g', 4), weights('k', 4), EPS, 'int64[2] axes = {1, 2}'],
    nodes: [
      CONV,
      ...DEVIATION,
      'z = Div (d, r)',
      'gu = Unsqueeze (g, axes)',
      'ku = Unsqueeze (k, axes)',
      'zg = Mul (z, gu)',
      'y = Add (zg, ku)',
    ],
    has: /\(x, w, g, k\)/,
    gone: /Unsqueeze/,
  },
  'scale that something else reads too': {
    ...written(...DEVIATION, 'z = Div (d, r)', 'zg = Mul (z, g)', 'n = Add (zg, k)', 'y = Add (n, g)'),
    op: 'ConvInstanceNormalizationAdd',
    has: /g_vector = Reshape \(g, g_vector_shape\)/,
  },
  'AdaIN: a computed scale and bias for each image stay outside': {
    opset: 13,
    inputs: 'float[N,3,H,W] x, float[N,4,1,1] style',
    declared: [...W, EPS],
    nodes: [CONV, ...DEVIATION, 'z = Div (d, r)', 'zs = Mul (z, style)', 'y = Add (zs, style)'],
    has: /z = fusionlens[^]*zs = Mul \(z, style\)/,
  },
  'links between': {
    ...written(
      'i = Identity (h)',
      'm = ReduceMean <axes = [2, 3]> (i)',
      'o = Dropout (i)',
      'd = Sub (o, m)',
      'q = Mul (d, d)',
      'v = ReduceMean <axes = [2, 3]> (q)',
      'e = Add (v, eps)',
      'r = Sqrt (e)',
      'y = Div (d, r)',
    ),
  },
  'a bias added for each channel, which the mean cancels': {
    ...written(
      'a = Add (h, k)',
      'm = ReduceMean <axes = [2, 3]> (a)',
      'd = Sub (a, m)',
      'q = Mul (d, d)',
      'v = ReduceMean <axes = [2, 3]> (q)',
      'e = Add (v, eps)',
      'r = Sqrt (e)',
      'y = Div (d, r)',
    ),
    tolerance: 1e-4,
  },
  'one spatial dimension': {
    opset: 13,
    inputs: 'float[N,3,L] x',
    outputs: 'float[N,M,P] y',
    sizes: [[7], [12]],
    declared: [weights('w', 4, 3, 3), weights('g', 4, 1), EPS],
    nodes: [
      'h = Conv (x, w)',
      'm = ReduceMean <axes = [2]> (h)',
      'd = Sub (h, m)',
      'q = Mul (d, d)',
      'v = ReduceMean <axes = [-1]> (q)',
      'e = Add (v, eps)',
      'r = Sqrt (e)',
      'z = Div (d, r)',
      'y = Mul (z, g)',
    ],
  },
  'three spatial dimensions, ConvTranspose': {
    opset: 13,
    inputs: 'float[N,3,D,H,W] x',
    outputs: 'float[N,M,P,Q,R] y',
    sizes: [[3, 4, 5]],
    declared: [weights('w', 3, 4, 2, 2, 2), weights('g', 1, 4, 1, 1, 1), EPS],
    op: 'ConvTransposeInstanceNormalization',
    nodes: [
      'h = ConvTranspose <strides = [2, 2, 2]> (x, w)',
      'm = ReduceMean <axes = [2, 3, 4]> (h)',
      'd = Sub (h, m)',
      'q = Mul (d, d)',
      'v = ReduceMean <axes = [2, 3, 4]> (q)',
      'e = Add (v, eps)',
      'r = Sqrt (e)',
      'z = Div (d, r)',
      'y = Mul (z, g)',
    ],
  },
  'GroupNormalization with a channel a group, operator set 21': {
    opset: 21,
    declared: [...W, weights('g', 4), weights('k', 4)],
    nodes: [CONV, 'n = GroupNormalization <num_groups = 4, epsilon = 0.01> (h, g, k)', 'y = Relu (n)'],
    op: 'ConvInstanceNormalizationRelu',
    has: /epsilon = 0\.01/,
  },
  'GroupNormalization with a channel a group, operator set 18': {
    opset: 18,
    declared: [...W, weights('g', 4), weights('k', 4)],
    nodes: [CONV, 'y = GroupNormalization <num_groups = 4> (h, g, k)'],
  },
  'GroupNormalization as PyTorch writes it, with a channel a group': {
    opset: 13,
    declared: [
      ...W,
      weights('g', 4, 1, 1),
      weights('k', 4, 1, 1),
      'float[4] one = {1, 1, 1, 1}',
      'float[4] zero = {0, 0, 0, 0}',
      'int64[3] planes = {0, 4, -1}',
    ],
    nodes: [
      CONV,
      'p = Reshape (h, planes)',
      'n = InstanceNormalization (p, one, zero)',
      'shape = Shape (h)',
      'b = Reshape (n, shape)',
      'bg = Mul (b, g)',
      'y = Add (bg, k)',
    ],
    gone: /Reshape|Shape|planes|\bone\b/,
  },
  'InstanceNormalization over flattened planes that stay flat': {
    opset: 13,
    outputs: 'float[N,M,L] y',
    declared: [...W, weights('g', 4), weights('k', 4), 'int64[3] planes = {0, 0, -1}'],
    nodes: [CONV, 'p = Reshape (h, planes)', 'y = InstanceNormalization (p, g, k)'],
    has: /y = Reshape \(y_planes, planes\)/,
  },
  'flattened by a computed shape, and back': {
    opset: 13,
    declared: [
      ...W,
      weights('g', 4),
      weights('k', 4),
      'int64[1] zero = {0}',
      'int64[1] one = {1}',
      'int64[1] open = {-1}',
    ],
    nodes: [
      CONV,
      's = Shape (h)',
      's0 = Gather (s, zero)',
      's1 = Gather (s, one)',
      'planes = Concat <axis = 0> (s0, s1, open)',
      'p = Reshape (h, planes)',
      'n = InstanceNormalization (p, g, k)',
      'y = Reshape (n, s)',
    ],
    gone: /Gather|Concat|Reshape/,
  },
  'LayerNormalization over flattened planes': {
    opset: 17,
    inputs: 'float[N,3,5,4] x',
    sizes: [[5, 4]],
    declared: [
      ...W,
      ...AFFINE,
      `float[20] one = {${new Array(20).fill(1).join(', ')}}`,
      'int64[3] planes = {0, 4, -1}',
      'int64[4] back = {0, 4, 5, 4}',
    ],
    nodes: [
      CONV,
      'p = Reshape (h, planes)',
      'n = LayerNormalization <axis = -1, epsilon = 0.002> (p, one)',
      'b = Reshape (n, back)',
      'bg = Mul (b, g)',
      'y = Add (bg, k)',
    ],
    gone: /LayerNormalization \(|Reshape/,
    tolerance: 1e-4,
  },
  'LayerNormalization over two axes': {
    opset: 17,
    inputs: 'float[N,3,5,4] x',
    sizes: [[5, 4]],
    declared: [...W, `float[5,4] one = {${new Array(20).fill(1).join(', ')}}`],
    nodes: [CONV, 'y = LayerNormalization <axis = 2> (h, one)'],
    tolerance: 1e-4,
  },
};

const sizesOf = (form: Form): readonly (readonly number[])[] =>
  form.sizes ?? [
    [9, 11],
    [5, 6],
  ];
const INPUT = 'float[N,3,H,W] x';
const OUTPUT = 'float[N,M,P,Q] y';
const textOf = (form: Form): string => modelText({ inputs: INPUT, outputs: OUTPUT, ...form });

function feeds(form: Form): Record<string, ort.Tensor>[] {
  return (form.batches ?? [1, 3]).flatMap((batch) =>
    sizesOf(form).map((sizes, index) => ({
      x: floatTensor([batch, 3, ...sizes], batch + index),
      ...(form.inputs?.includes('style') === true ? { style: floatTensor([batch, 4, 1, 1], 9) } : {}),
    })),
  );
}

describe('normalisations in other forms', () => {
  describe('fuse, and compute the same in stock ONNX Runtime', () => {
    for (const [name, form] of Object.entries(FORMS)) {
      it(name, async () => {
        const text = textOf(form);
        const found = findFusions(parse(text));
        assert.deepEqual(
          found.map(({ reason, fusedOp }) => reason?.message ?? fusedOp),
          [form.op ?? 'ConvInstanceNormalization'],
        );
        const fused = fuseText(text);
        assertSameGraph(parse(unfuseText(fused)), parse(text));
        assert.equal(findFused(parse(fused)).length, 1);
        const main = fused.slice(0, fused.indexOf('\n}\n'));
        if (form.gone) assert.doesNotMatch(main, form.gone);
        if (form.has) assert.match(main, form.has);
        for (const inputs of feeds(form)) {
          const expected = await runModel(bytesOf(text), inputs);
          const actual = await runModel(bytesOf(fused), inputs);
          const error = largestError(actual.get('y')!, expected.get('y')!);
          assert.ok(error <= (form.tolerance ?? 1e-5), `differs by ${error}\n${main}`);
        }
      });
    }
  });

  it('in a function and in a branch', async () => {
    const block = (x: string, end: string): string[] => [
      `h = Conv <pads = [1, 1, 1, 1]> (${x}, ${end === 'Y' ? 'W' : 'w'})`,
      ...VARIANCE.slice(0, 4),
      end === 'Y' ? 'eps = Constant <value = float {0.001}> () e = Add (v, eps)' : 'e = Add (v, eps)',
      'r = Sqrt (e)',
      `${end} = Div (d, r)`,
    ];
    const text = modelText({
      opset: 13,
      inputs: `${INPUT}, bool flag`,
      outputs: OUTPUT,
      imports: ', "my": 1',
      declared: [W[0]!, EPS],
      nodes: [
        `a = If (flag) <then_branch = t () => (float[N,M,P,Q] t1) { ${block('x', 't1').join(' ')} }, else_branch = f () => (float[N,M,P,Q] f1) { f1 = Conv <pads = [1, 1, 1, 1]> (x, w) }>`,
        'b = my.Block (x, w)',
        'y = Add (a, b)',
      ],
      functions: `<domain: "my", opset_import: ["": 13]> Block (X, W) => (Y) <float[4,3,3,3] W> { ${block('X', 'Y').join(' ')} }`,
    });
    const found = findFusions(parse(text));
    assert.deepEqual(
      found.map(({ reason, scope }) => [scope.name, reason?.code]),
      [
        ['t', undefined],
        ['Block', undefined],
      ],
    );
    const fused = fuseText(text);
    assertSameGraph(parse(unfuseText(fused)), parse(text));
    const { Tensor } = await import('onnxruntime-node');
    for (const bit of [0, 1]) {
      const inputs = { x: floatTensor([2, 3, 6, 7], 1), flag: new Tensor('bool', Uint8Array.of(bit), []) };
      const error = largestError(
        (await runModel(bytesOf(fused), inputs)).get('y')!,
        (await runModel(bytesOf(text), inputs)).get('y')!,
      );
      assert.ok(error <= 1e-5, String(error));
    }
  });

  describe('say what is in the way', () => {
    const cases: Record<string, [form: Form, code: string, message: RegExp]> = {
      'the mean over the channels too': [
        written(
          'm = ReduceMean <axes = [1, 2, 3]> (h)',
          'd = Sub (h, m)',
          'q = Mul (d, d)',
          'v = ReduceMean <axes = [1, 2, 3]> (q)',
          'e = Add (v, eps)',
          'r = Sqrt (e)',
          'y = Div (d, r)',
        ),
        'axes',
        /^ReduceMean `m` takes its mean over the axes 1, 2, 3; /,
      ],
      'the mean over the batch too, as MeanVarianceNormalization does by itself': [
        written('y = MeanVarianceNormalization (h)'),
        'axes',
        /axes 0, 2, 3/,
      ],
      'MeanVarianceNormalization, whose epsilon is beside the deviation': [
        written('y = MeanVarianceNormalization <axes = [2, 3]> (h)'),
        'epsilon-outside',
        /^MeanVarianceNormalization `y` adds the epsilon to the standard deviation/,
      ],
      'epsilon outside the square root': [
        written(...VARIANCE.slice(0, 4), 'r = Sqrt (v)', '[sum] e = Add (r, eps)', 'y = Div (d, e)'),
        'epsilon-outside',
        /^Add `sum` adds the epsilon to the standard deviation/,
      ],
      'an unbiased variance': [
        {
          ...written(
            ...VARIANCE.slice(0, 4),
            '[bessel] u = Mul (v, bessel)',
            'e = Add (u, eps)',
            'r = Sqrt (e)',
            'y = Div (d, r)',
          ),
          declared: [...W, EPS, 'float bessel = {1.0125}'],
        },
        'variance-factor',
        /^Mul `bessel` scales the variance/,
      ],
      'an epsilon that a caller gives': [
        { ...written(...DEVIATION, 'y = Div (d, r)'), inputs: `${INPUT}, float eps`, declared: W },
        'epsilon-unknown',
        /^the epsilon `eps` that Add `e` adds is an input of the graph;/,
      ],
      'an epsilon that a caller may give': [
        {
          ...written(...DEVIATION, 'y = Div (d, r)'),
          inputs: `${INPUT}, float eps = {0.001}`,
          declared: W,
        },
        'epsilon-unknown',
        /^the epsilon `eps` that Add `e` adds is an input of the graph, which a caller may set;/,
      ],
      'an epsilon that is computed': [
        {
          ...written(
            '[tanh] t = Tanh (eps)',
            ...VARIANCE.slice(0, 4),
            'e = Add (v, t)',
            'r = Sqrt (e)',
            'y = Div (d, r)',
          ),
          declared: [...W, EPS],
          outputs: `${OUTPUT}, float t`,
        },
        'epsilon-unknown',
        /^the epsilon `t` that Add `e` adds is computed by Tanh `tanh`;/,
      ],
      'an epsilon for each channel': [
        {
          ...written(...VARIANCE.slice(0, 4), 'e = Add (v, g)', 'r = Sqrt (e)', 'y = Div (d, r)'),
          declared: [...W, ...AFFINE],
        },
        'epsilon-unknown',
        /^the epsilon `g` that Add `e` adds has more than one number, or more dimensions than the variance;/,
      ],
      'a mean a little less than the mean': [
        {
          ...written(
            'm0 = ReduceMean <axes = [2, 3]> (h)',
            'm = Mul (m0, nearly)',
            'd = Sub (h, m0)',
            'q = Mul (d, d)',
            'v0 = ReduceMean <axes = [2, 3]> (q)',
            '[less] v = Mul (v0, nearly)',
            'e = Add (v, eps)',
            'r = Sqrt (e)',
            'y = Div (d, r)',
          ),
          declared: [...W, EPS, 'float nearly = {0.9999995}'],
        },
        'variance-factor',
        /^Mul `less` scales/,
      ],
      'one spatial axis only': [
        written(
          'm = ReduceMean <axes = [2]> (h)',
          'd = Sub (h, m)',
          'q = Mul (d, d)',
          'v = ReduceMean <axes = [2]> (q)',
          'e = Add (v, eps)',
          'r = Sqrt (e)',
          'y = Div (d, r)',
        ),
        'axes',
        /^ReduceMean `m` takes its mean over axis 2; /,
      ],
      'mean and variance over different axes': [
        written(
          MEAN,
          'd = Sub (h, m)',
          'q = Mul (d, d)',
          '[var] v = ReduceMean <axes = [1, 2, 3]> (q)',
          'e = Add (v, eps)',
          'r = Sqrt (e)',
          'y = Div (d, r)',
        ),
        'axes',
        /^ReduceMean `var` takes its mean over the axes 1, 2, 3; /,
      ],
      'LayerNormalization over the last axis': [
        {
          ...written('y = LayerNormalization <axis = -1> (h, one)'),
          opset: 17,
          declared: [...W, 'float[1] one = {1}'],
        },
        'axes',
        /^LayerNormalization `y` takes its mean over axis 3; /,
      ],
      'LayerNormalization over planes with a scale for each element': [
        {
          ...written('[ln] y = LayerNormalization <axis = 2> (h, each)'),
          opset: 17,
          inputs: 'float[N,3,2,2] x',
          declared: [...W, 'float[2,2] each = {1, 2, 3, 4}'],
        },
        'element-scale',
        /^the scale `each` of LayerNormalization `ln` isn't one known number for all elements of a plane; /,
      ],
      'LayerNormalization over flattened planes with a bias for each element': [
        {
          ...written('p = Reshape (h, planes)', '[ln] n = LayerNormalization (p, one, each)', 'y = Reshape (n, back)'),
          opset: 17,
          inputs: 'float[N,3,2,2] x',
          declared: [
            ...W,
            'float[4] one = {1, 1, 1, 1}',
            'float[4] each = {1, 2, 3, 4}',
            'int64[3] planes = {0, 4, -1}',
            'int64[4] back = {0, 4, 2, 2}',
          ],
        },
        'element-scale',
        /^the bias `each` of LayerNormalization `ln` isn't one known number for all elements of a plane; /,
      ],
      'a rank that nothing tells': [
        {
          ...written(...DEVIATION, 'y = Div (d, r)'),
          inputs: 'float[N,3,H,W] x, float w',
          outputs: 'float[] y',
          declared: [EPS],
          nodes: ['wx = Expand (w, x)', 'h = Conv (x, wx)', ...DEVIATION, 'y = Div (d, r)'],
        },
        'dynamic-rank',
        /how many dimensions/,
      ],
      'channels that nothing tells': [
        {
          ...written(),
          inputs: 'float[N,3,H,W] x, float[M,3,3,3] w',
          declared: [EPS],
          nodes: ['h = Conv (x, w)', ...DEVIATION, 'y = Div (d, r)'],
        },
        'weights-unknown',
        /how many output channels Conv `h` has/,
      ],
      'double precision': [
        {
          ...written(...DEVIATION, 'y = Div (d, r)'),
          inputs: 'double[N,3,H,W] x',
          outputs: 'double[N,M,P,Q] y',
          declared: ['double[4,3,1,1] w = {1,2,3,4,5,6,7,8,9,10,11,12}', 'double eps = {0.001}'],
          nodes: ['h = Conv (x, w)', ...DEVIATION, 'y = Div (d, r)'],
        },
        'element-type',
        /is double/,
      ],
      'another reader of the convolution': [
        written(...DEVIATION, 'z = Div (d, r)', '[plus] y = Add (z, h)'),
        'other-consumer',
        /^the convolution's output `h` is also read by Add `plus`$/,
      ],
      'another reader of the mean': [
        written(...DEVIATION, 'z = Div (d, r)', '[plus] y = Add (z, m)'),
        'other-consumer',
        /^`m`, an output of ReduceMean `m`, is also read by Add `plus`$/,
      ],
      'a graph output in between': [
        { ...written(...DEVIATION, 'y = Div (d, r)'), outputs: `${OUTPUT}, float[N,M,I,J] r` },
        'graph-output',
        /`r`, an output of Sqrt `r`, is also an output of the graph/,
      ],
      'a node between': [
        written(
          'a = Relu (h)',
          'm = ReduceMean <axes = [2, 3]> (a)',
          'd = Sub (a, m)',
          'q = Mul (d, d)',
          'v = ReduceMean <axes = [2, 3]> (q)',
          'e = Add (v, eps)',
          'r = Sqrt (e)',
          'y = Div (d, r)',
        ),
        'node-between',
        /^Relu `a` stands between/,
      ],
      'GroupNormalization of several channels a group': [
        {
          ...written(),
          opset: 21,
          declared: [...W, weights('g', 4), weights('k', 4)],
          nodes: [CONV, '[gn] y = GroupNormalization <num_groups = 2> (h, g, k)'],
        },
        'group-normalization',
        /^GroupNormalization `gn` makes/,
      ],
      'BatchNormalization in training form over planes made channels, as PyTorch leaves InstanceNorm': [
        {
          ...written(),
          opset: 15,
          declared: [...W, weights('g', 4), weights('k', 4), 'int64[4] planes = {1, 4, 9, 11}'],
          nodes: [
            CONV,
            'p = Reshape (h, planes)',
            '[bn] n, a, b = BatchNormalization <training_mode = 1> (p, g, k, g, k)',
            's = Shape (h)',
            'y = Reshape (n, s)',
          ],
        },
        'training-form',
        /^BatchNormalization `bn` is an instance normalisation in training form/,
      ],
      'the normalisation inside a function, the convolution outside': [
        {
          ...written(),
          opset: 13,
          imports: ', "my": 1',
          nodes: [CONV, '[call] y = my.Norm (h, g)'],
          declared: [...W, weights('g', 4)],
          functions:
            '<domain: "my", opset_import: ["": 13]> Norm (X, G) => (Y) { Y = InstanceNormalization (X, G, G) }',
        },
        'function-boundary',
        /^the boundary of function `Norm` lies between Conv `h` and InstanceNormalization `Y`$/,
      ],
      'the convolution inside a function, the normalisation outside': [
        {
          ...written(),
          opset: 13,
          imports: ', "my": 1',
          nodes: ['[call] h = my.Layer (x, w)', 'y = InstanceNormalization (h, g, g)'],
          declared: [...W, weights('g', 4)],
          functions: '<domain: "my", opset_import: ["": 13]> Layer (X, W) => (Y) { Y = Conv (X, W) }',
        },
        'function-boundary',
        /^the boundary of function `Layer` lies between Conv `Y` and InstanceNormalization `y`$/,
      ],
    };
    for (const [name, [form, code, message]] of Object.entries(cases)) {
      it(name, () => {
        const text = textOf(form);
        const model = parse(text);
        const found = findFusions(model);
        assert.deepEqual(
          found.map(({ reason }) => reason?.code),
          [code],
          JSON.stringify(found.map(({ reason }) => reason?.message)),
        );
        const { reason } = found[0]!;
        assert.match(reason!.message, message);
        assert.ok(reason!.related.length > 0);
        for (const place of reason!.related) assert.ok(place.span, 'a related place is in the text');
        assert.equal(applyEdits(text, fuseEdits(text, model, found)), text);
      });
    }
  });

  it('aren’t seen where there is none', () => {
    const none: Record<string, string[]> = {
      'a mean over channels only': [
        'm = ReduceMean <axes = [1]> (h)',
        'd = Sub (h, m)',
        'q = Mul (d, d)',
        'v = ReduceMean <axes = [1]> (q)',
        'e = Add (v, eps)',
        'r = Sqrt (e)',
        'y = Div (d, r)',
      ],
      'squeeze and excite': ['m = GlobalAveragePool (h)', 'a = Sigmoid (m)', 'y = Mul (h, a)'],
      'the difference from the mean only': [MEAN, 'y = Sub (h, m)'],
      'the deviation of something else': [
        MEAN,
        'd = Sub (h, m)',
        'a = Abs (d)',
        'v = ReduceMean <axes = [2, 3]> (a)',
        'r = Sqrt (v)',
        'y = Div (d, r)',
      ],
      'the variance, not its root': [...VARIANCE, 'y = Div (d, e)'],
      'the sum with the mean': [...DEVIATION, 's = Add (h, m)', 'y = Div (s, r)'],
    };
    for (const [name, nodes] of Object.entries(none))
      assert.deepEqual(findFusions(parse(textOf(written(...nodes)))), [], name);
  });
});
