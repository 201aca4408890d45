/** What stands beside a pair and doesn't fuse along says why. */
import assert from 'node:assert/strict';
import { describeFusion } from '../../../src/core/fusion/describe';
import { CONV, findings, NORM, weights, WEIGHTS, type TextModel } from './text';

const PAIR = [CONV, NORM];
const after = (node: string, ...declared: string[]): TextModel => ({
  declared: [...WEIGHTS, ...declared],
  nodes: [...PAIR, node],
});
const before = (pad: string, convolution = 'h = Conv (p, w)', ...declared: string[]): TextModel => ({
  declared: [...WEIGHTS, 'int64[8] amounts = {0, 0, 1, 1, 0, 0, 1, 1}', 'float one = {1}', ...declared],
  outputs: 'float[N,M,H,W] y',
  nodes: [pad, convolution, 'y = InstanceNormalization (h, s, b)'],
});

const cases: Record<string, [parts: TextModel, message: RegExp]> = {
  'Clip with an upper bound': [
    after('[c] y = Clip (n, zero, six)', 'float zero = {0}', 'float six = {6}'),
    /^Clip `c` stays: it isn't a Relu: it has the upper bound 6$/,
  ],
  'Clip with another lower bound': [
    after('[c] y = Clip (n, low)', 'float low = {-1}'),
    /^Clip `c` stays: it isn't a Relu: it has the lower bound -1$/,
  ],
  'Clip without a lower bound': [
    after('[c] y = Clip (n, "", six)'.replace('""', ''), 'float six = {6}'),
    /^Clip `c` stays: it isn't a Relu: it has no lower bound$/,
  ],
  'Clip with a bound that is computed': [
    after('[c] y = Clip (n, t)', 'float low = {-1}'),
    /^Clip `c` stays: it isn't known to be a Relu: its lower bound isn't a constant$/,
  ],
  'Clip before operator set 11': [
    { ...after('[c] y = Clip <min = 0.0, max = 6.0> (n)'), opset: 10 },
    /^Clip `c` stays: it isn't a Relu: it has the upper bound 6$/,
  ],
  'PRelu with a slope for each channel': [
    after('[p] y = PRelu (n, slope)', weights('slope', 4, 1, 1)),
    /^PRelu `p` stays: it has a slope for each channel$/,
  ],
  'PRelu with a slope of more dimensions than the planes': [
    after('[p] y = PRelu (n, slope)', 'float[1,1,1,1,1] slope = {0.1}'),
    /^PRelu `p` stays: its slope has too many dimensions$/,
  ],
  'Max with another number': [
    after('[m] y = Max (n, low)', 'float low = {-1}'),
    /^Max `m` stays: it isn't a Relu: what it takes the larger of isn't a constant zero$/,
  ],
  'another activation': [after('[t] y = Tanh (n)'), /^Tanh `t` stays: the fused op has Relu and LeakyRelu only$/],
  'a Relu where the result is also read elsewhere': [
    { ...after('[r] y = Relu (n)'), nodes: [...PAIR, '[r] y = Relu (n)', '[s] z = Softplus (n)'] },
    /^Relu `r` stays: `n` is also read by Softplus `s`$/,
  ],
  'a Relu where the result is also an output': [
    { ...after('[r] y = Relu (n)'), outputs: 'float[1,4,6,7] y, float[1,4,6,7] n' },
    /^Relu `r` stays: `n` is also an output of the graph$/,
  ],
  'an addition to itself': [after('[a] y = Add (n, n)'), /^Add `a` stays: it adds the value to itself$/],
  'an addition of operator set 6': [
    { ...after('[a] y = Add (n, k)', weights('k', 1, 4, 6, 7)), opset: 6 },
    /^Add `a` stays: operator set 7 is needed, where Add broadcasts, and here is 6$/,
  ],
  'a reflected border below operator set 12': [
    { ...before('[p] p = Pad <mode = "reflect"> (x, amounts)'), opset: 11 },
    /^Pad `p` stays: mode `reflect` takes operator set 12, and here is 11$/,
  ],
  'a border of ones': [
    before('[p] p = Pad (x, amounts, one)'),
    /^Pad `p` stays: the value that it pads with isn't a constant zero$/,
  ],
  'a border that wraps around': [
    { ...before('[p] p = Pad <mode = "wrap"> (x, amounts)'), opset: 19 },
    /^Pad `p` stays: the fused op has no Pad of mode `wrap`$/,
  ],
  'a border that something else reads': [
    { ...before('p'), nodes: [...before('[p] p = Pad (x, amounts)').nodes, '[t] t = Tanh (p)'] },
    /^Pad `p` stays: `p` is also read by Tanh `t`$/,
  ],
  'a reflected border and zeros around it': [
    before('[p] p = Pad <mode = "reflect"> (x, amounts)', '[k] h = Conv <pads = [1, 1, 1, 1]> (p, w)'),
    /^Pad `p` stays: Conv `k` adds zeros around its border$/,
  ],
  'padding that depends on the size': [
    before('[p] p = Pad (x, amounts)', '[k] h = Conv <auto_pad = "SAME_UPPER"> (p, w)'),
    /^Pad `p` stays: the padding of Conv `k` depends on its input's size$/,
  ],
  'a border of channels': [
    before('[p] p = Pad (x, channels)', 'h = Conv (p, w)', 'int64[8] channels = {0, 0, 1, 1, 0, 0, -1, -1}'),
    /^Pad `p` stays: its amounts aren't known to be constant, zero for batch and channels, and not negative$/,
  ],
  'a border before a ConvTranspose': [
    before('[p] p = Pad (x, amounts)', '[k] h = ConvTranspose (p, v)', weights('v', 3, 4, 3, 3)),
    /^Pad `p` stays: the fused op has a Pad before a Conv only$/,
  ],
};

describe('what stays beside a pair that fuses', () => {
  for (const [name, [parts, message]] of Object.entries(cases)) {
    it(`says why: ${name}`, () => {
      const given = name.endsWith('computed') ? { ...parts, inputs: 'float[1,3,6,7] x, float t' } : parts;
      const [finding] = findings(given);
      assert.ok(finding?.fusable, finding?.reason?.message);
      assert.equal(finding.left?.length, 1);
      const [left] = finding.left;
      assert.match(left!.message, message);
      assert.ok(left!.related.length > 0 && left!.related.every(({ span }) => span));
      assert.ok(describeFusion(finding).endsWith(`; ${left!.message}`));
    });
  }

  it('says nothing where all fuses along, nothing follows, or another pair takes it', () => {
    const silent: readonly TextModel[] = [
      after('y = Relu (n)'),
      after('y = Identity (n)'),
      after('y = Softmax (n)'),
      before('p = Pad (x, amounts)'),
      {
        nodes: [
          ...PAIR,
          'g = Conv <pads = [1, 1, 1, 1]> (x, w)',
          'm = InstanceNormalization (g, b, s)',
          'y = Add (n, m)',
        ],
      },
    ];
    for (const parts of silent) {
      for (const { fusable, left } of findings(parts)) assert.deepEqual([fusable, left], [true, undefined]);
    }
  });
});
