/** One-element constants of a higher rank than the planes make the result's rank higher, which the fused op doesn't. */
import assert from 'node:assert/strict';
import { findFusions } from '../../../src/core/fusion/find';
import { floatTensor, runModel } from '../support/runtime';
import {
  bytesOf,
  CONV,
  DEVIATION_CHANNELS_LAST,
  fuseText,
  modelText,
  NORM,
  parse,
  type TextModel,
  weights,
  WEIGHTS,
} from './text';

const INPUT = 'float[N,3,H,W] x';
const EPS = 'float eps = {0.001}';
const MEAN = 'm = ReduceMean <axes = [2, 3]> (h)';
const CENTER = [CONV, MEAN, 'd = Sub (h, m)'];
const VARIANCE = [...CENTER, 'q = Mul (d, d)', 'v = ReduceMean <axes = [2, 3]> (q)'];
const END = ['r = Sqrt (e)', 'y = Div (d, r)'];
const higher = (name: string, value: number): string => `float[1,1,1,1,1] ${name} = {${value}}`;

interface Case extends TextModel {
  readonly x?: readonly number[];
  readonly feeds?: Readonly<Record<string, readonly number[]>>;
}

const written = (nodes: readonly string[], ...constants: string[]): Case => ({
  opset: 13,
  inputs: INPUT,
  outputs: 'float[] y',
  declared: [...WEIGHTS, EPS, ...constants],
  nodes,
});

const cases: Record<string, Case> = {
  'the exponent of Pow': written(
    [...CENTER, 'q = Pow (d, two)', 'v = ReduceMean <axes = [-2, -1]> (q)', 'e = Add (v, eps)', ...END],
    higher('two', 2),
  ),
  'the zero that Max takes': written([...VARIANCE, 'u = Max (v, zero)', 'e = Add (u, eps)', ...END], higher('zero', 0)),
  'epsilon, beside a mean without its spatial axes': {
    ...written(
      [
        ...CENTER,
        'q = Mul (d, d)',
        'v = ReduceMean <axes = [2, 3], keepdims = 0> (q)',
        'e = Add (v, eps4)',
        'u = Unsqueeze (e, spatial)',
        'r = Sqrt (u)',
        'y = Div (d, r)',
      ],
      'float[1,1,1,1] eps4 = {0.001}',
      'int64[2] spatial = {2, 3}',
    ),
    inputs: 'float[1,3,4,4] x',
    x: [1, 3, 4, 4],
  },
  epsilon: written([...VARIANCE, 'e = Add (v, eps5)', ...END], higher('eps5', 0.001)),
  'a scale that is one number': written(
    [...VARIANCE, 'e = Add (v, eps)', 'r = Sqrt (e)', 'z = Div (d, r)', 'y = Mul (z, one)'],
    higher('one', 1),
  ),
  'a scale that is one number, where nothing tells the rank': {
    opset: 13,
    inputs: 'float[N,3,L] x, float w',
    outputs: 'float[] y',
    declared: [weights('s', 3), weights('b', 3), 'float[1,1,1,1] one = {1}', 'int64[3] dims = {3, 3, 1}'],
    nodes: ['wx = Expand (w, dims)', 'h = Conv (x, wx)', NORM, 'y = Mul (n, one)'],
    x: [2, 3, 5],
    feeds: { w: [] },
  },
  'the slope of PRelu': { ...written([CONV, NORM, 'y = PRelu (n, slope)'], higher('slope', 0.1)) },
  'the zero that Max takes after it': { ...written([CONV, NORM, 'y = Max (n, zero)'], higher('zero', 0)) },
  'a 1-D scale beside planes whose number of channels is unknown': {
    opset: 13,
    inputs: `${INPUT}, float[M,3,3,3] w`,
    outputs: 'float[] y',
    declared: [weights('g', 4), weights('k', 4), EPS],
    nodes: [
      'h = Conv <pads = [1, 1, 1, 1]> (x, w)',
      ...DEVIATION_CHANNELS_LAST,
      'i = Reciprocal (r)',
      'ig = Mul (i, g)',
      'xi = Mul (t, ig)',
      'mi = Mul (m, ig)',
      'o = Sub (k, mi)',
      'n = Add (xi, o)',
      'y = Transpose <perm = [0, 3, 1, 2]> (n)',
    ],
    feeds: { w: [1, 3, 3, 3] },
  },
};

describe('the rank of the result stays', () => {
  for (const [name, of] of Object.entries(cases)) {
    it(`whatever that of ${name}`, async () => {
      const text = modelText(of);
      const feeds = Object.fromEntries(
        Object.entries({ x: of.x ?? [2, 3, 5, 6], ...of.feeds }).map(([input, dims]) => [input, floatTensor(dims, 1)]),
      );
      const expected = await runModel(bytesOf(text), feeds);
      const actual = await runModel(bytesOf(fuseText(text)), feeds);
      assert.ok(expected.has('y'));
      assert.deepEqual(actual.get('y')?.dims, expected.get('y')?.dims);
    });
  }

  it('says that the channels are unknown where a 1-D scale could multiply them', () => {
    const found = findFusions(
      parse(modelText(cases['a 1-D scale beside planes whose number of channels is unknown']!)),
    );
    assert.deepEqual(
      found.map(({ reason }) => reason?.code),
      ['weights-unknown'],
    );
  });

  it('doesn’t keep a slope of the planes’ rank from fusing', () => {
    const of = written([CONV, NORM, 'y = PRelu (n, slope)'], 'float[1,1,1,1] slope = {0.1}');
    assert.deepEqual(
      findFusions(parse(modelText(of))).map(({ fusedOp }) => fusedOp),
      ['ConvInstanceNormalizationLeakyRelu'],
    );
  });
});
