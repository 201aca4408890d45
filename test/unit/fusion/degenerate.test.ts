import assert from 'node:assert/strict';
import { degenerateOf, findDegenerate, type DegenerateCode } from '../../../src/core/fusion/degenerate';
import { dropBiasEdits } from '../../../src/core/fusion/degenerateEdits';
import { findFusions } from '../../../src/core/fusion/find';
import type { Dimension } from '../../../src/core/onnx/model';
import { applyEdits } from '../../../src/core/text/edit';
import { floatTensor, largestError, runModel } from '../support/runtime';
import { bytesOf, CONV, DEVIATION, modelText, NORM, parse, type TextModel, WEIGHTS, weights } from './text';

interface Case {
  readonly name: string;
  readonly model: TextModel;
  readonly shapes?: ReadonlyMap<string, readonly Dimension[]>;
  /** What is found: codes with severities, and what each message says. */
  readonly expected: readonly (readonly [DegenerateCode, 'warning' | 'information' | 'hint', RegExp])[];
}

/** No bias, so that nothing else is found. */
const PLAIN = 'h = Conv (x, w)';
const norm = (epsilon: string): string => `y = InstanceNormalization <epsilon = ${epsilon}> (h, s, b)`;
const sized = (height: number | string, width: number | string): Partial<TextModel> => ({
  inputs: `float[1,3,${height},${width}] x`,
  outputs: 'float[1,4,"P","Q"] y',
});
const pair = (height: number | string, width: number | string): TextModel => ({
  ...sized(height, width),
  nodes: [PLAIN, norm('0.001')],
});
const BN = weights('m', 12) + ', ' + weights('v', 12) + ', ' + weights('k', 12);

const CASES: readonly Case[] = [
  { name: 'an ordinary pair', model: pair(12, 12), expected: [] },
  {
    name: 'a kernel as large as its input',
    model: pair(3, 3),
    expected: [['single-element-plane', 'warning', /one element.*just the bias, whatever the input/]],
  },
  {
    name: 'an unpadded plane declared with one element',
    model: { ...pair('H', 'W'), outputs: 'float[1,4,1,1] y' },
    expected: [['single-element-plane', 'warning', /one element/]],
  },
  {
    name: 'a size that only inference knows',
    model: pair('H', 'W'),
    shapes: new Map([['x', [1, 3, 3, 3]]]),
    expected: [['single-element-plane', 'warning', /one element/]],
  },
  ...(
    [
      ['an ordinary epsilon in arithmetic', '0.001', []],
      [
        'a large epsilon in arithmetic',
        '0.5',
        [['epsilon-dominates', 'warning', /the ε of the normalisation by ReduceMean `[mv]`, 0\.5, dominates/]],
      ],
      [
        'an epsilon in arithmetic that vanishes',
        '0.0000000000000000000001',
        [['epsilon-vanishes', 'warning', /the ε of the normalisation by .* vanishes in float32/]],
      ],
    ] as const
  ).map(([name, epsilon, expected]): Case => ({
    name,
    model: {
      ...sized(12, 12),
      declared: [WEIGHTS[0]!, `float eps = {${epsilon}}`],
      nodes: [PLAIN, ...DEVIATION, 'y = Div (d, r)'],
    },
    expected,
  })),
  { name: 'a symbol for a size', model: pair('H', 3), expected: [] },
  {
    name: 'a plane of two elements',
    model: pair(4, 3),
    expected: [['small-plane', 'information', /2 elements.*141 %.*further than 1\.0 scales/]],
  },
  {
    name: 'a plane of eight elements, the most that are few',
    model: pair(6, 4),
    expected: [['small-plane', 'information', /8 elements.*53 %/]],
  },
  { name: 'a plane of nine elements', model: pair(5, 5), expected: [] },
  {
    name: 'an InstanceNormalization without a convolution',
    model: {
      inputs: 'float[1,4,1,1] x',
      outputs: 'float[1,4,1,1] y',
      nodes: ['y = InstanceNormalization (x, s, b)'],
    },
    expected: [['single-element-plane', 'warning', /just the bias `b`/]],
  },
  {
    name: 'a bias in a pair that fuses',
    model: { nodes: [CONV, NORM, 'y = Relu (n)'] },
    expected: [['cancelled-bias', 'hint', /the bias `c` of Conv `h` has no effect/]],
  },
  {
    name: 'a bias in a pair that can’t fuse',
    model: { nodes: [CONV, 'y = InstanceNormalization <epsilon = 0.001, momentum = 0.5> (h, s, b)'] },
    expected: [['cancelled-bias', 'information', /`c`/]],
  },
  {
    name: 'a bias that another node sees',
    model: { nodes: [CONV, NORM, 'y = Add (n, h)'] },
    expected: [],
  },
  {
    name: 'a bias that a graph output sees',
    model: { outputs: 'float[1,4,6,7] y, float[1,4,6,7] h', nodes: [CONV, 'y = InstanceNormalization (h, s, b)'] },
    expected: [],
  },
  {
    name: 'a bias before an activation',
    model: { nodes: [CONV, 'r = Relu (h)', 'y = InstanceNormalization (r, s, b)'] },
    expected: [],
  },
  ...(['0.1', '1.0', '100.0'] as const).map((epsilon): Case => ({
    name: `ε = ${epsilon}`,
    model: { ...pair(12, 12), nodes: [PLAIN, norm(epsilon)] },
    expected: [['epsilon-dominates', 'warning', /variance 1 comes out (5|29|90) % smaller/]],
  })),
  ...(['0.0999', '0.001', '1.0e-5', '1.0e-8', '1.0e-12', '3.6e-15'] as const).map((epsilon): Case => ({
    name: `ε = ${epsilon}`,
    model: { ...pair(12, 12), nodes: [PLAIN, norm(epsilon)] },
    expected: [],
  })),
  ...(
    [
      ['3.5e-15', /rounding errors/],
      ['1.0e-30', /rounding errors/],
      ['1.0e-60', /divided by zero/],
      ['0.0', /divided by zero/],
      ['-1.0e-5', /negative/],
    ] as const
  ).map(([epsilon, message]): Case => ({
    name: `ε = ${epsilon}`,
    model: { ...pair(12, 12), nodes: [PLAIN, norm(epsilon)] },
    expected: [['epsilon-vanishes', 'warning', message]],
  })),
  {
    name: 'ε of a fused op',
    model: {
      ...pair(12, 12),
      imports: ', "fusionlens": 1',
      nodes: ['y = fusionlens.ConvInstanceNormalization <epsilon = 0.0> (x, w, s, b)'],
    },
    expected: [['epsilon-vanishes', 'warning', /divided by zero/]],
  },
  {
    name: 'saved statistics of an InstanceNormalization',
    model: { ...pair(12, 12), nodes: [PLAIN, 'y, mean, deviation = InstanceNormalization (h, s, b)'] },
    expected: [['training-form', 'warning', /`mean` is a statistic saved for the backward pass/]],
  },
  {
    name: 'PyTorch’s InstanceNorm in training mode',
    model: {
      ...sized(12, 12),
      inputs: 'float[3,3,12,12] x',
      declared: [...WEIGHTS, BN, 'int64[4] joined = {1, 12, 10, 10}', 'int64[4] parted = {3, 4, 10, 10}'],
      nodes: [
        PLAIN,
        'j = Reshape (h, joined)',
        'n, nm, nv = BatchNormalization <training_mode = 1> (j, m, m, v, k)',
        'y = Reshape (n, parted)',
      ],
    },
    expected: [['training-form', 'warning', /instance normalisation left in training form/]],
  },
  {
    name: 'the same, evaluating',
    model: {
      ...sized(12, 12),
      inputs: 'float[3,3,12,12] x',
      declared: [...WEIGHTS, BN, 'int64[4] joined = {1, 12, 10, 10}', 'int64[4] parted = {3, 4, 10, 10}'],
      nodes: [PLAIN, 'j = Reshape (h, joined)', 'n = BatchNormalization (j, m, m, v, k)', 'y = Reshape (n, parted)'],
    },
    expected: [],
  },
  {
    name: 'BatchNormalization in training mode over a batch of three',
    model: {
      ...sized(12, 12),
      inputs: 'float[3,3,12,12] x',
      nodes: [PLAIN, 'y, nm, nv = BatchNormalization <training_mode = 1> (h, s, s, s, b)'],
    },
    expected: [],
  },
];

describe('degenerate normalisations', () => {
  for (const { name, model, shapes, expected } of CASES) {
    it(`${expected.length === 0 ? 'says nothing of' : 'knows'} ${name}`, () => {
      const text = modelText(model);
      const parsed = parse(text);
      const cases = findDegenerate(parsed, findFusions(parsed, { shapes }), shapes);
      assert.deepEqual(
        cases.map(({ code, severity }) => [code, severity]),
        expected.map(([code, severity]) => [code, severity]),
      );
      for (const [index, { message, span }] of cases.entries()) {
        assert.match(message, expected[index]![2]);
        assert.ok(span && text.slice(span.start, span.end).length > 0);
      }
    });
  }

  it('are looked for again when shapes become known', () => {
    const model = parse(modelText(pair('H', 'W')));
    const codesOf = (shapes?: ReadonlyMap<string, readonly Dimension[]>): readonly (readonly string[])[] => {
      const analysis = { model, findings: findFusions(model, { shapes }) };
      assert.equal(degenerateOf(analysis), degenerateOf(analysis));
      return degenerateOf(analysis).map(({ code, severity }) => [code, severity]);
    };
    assert.deepEqual(codesOf(), []);
    assert.deepEqual(codesOf(new Map([['x', [1, 3, 3, 3]]])), [['single-element-plane', 'warning']]);
    assert.deepEqual(codesOf(new Map([['x', [1, 3, 4, 3]]])), [['small-plane', 'information']]);
  });

  it('points at what is wrong', () => {
    const text = modelText({ nodes: [CONV, 'y = InstanceNormalization <epsilon = 0.5> (h, s, b)'] });
    const parsed = parse(text);
    const places = findDegenerate(parsed, findFusions(parsed)).map(({ span }) => text.slice(span!.start, span!.end));
    assert.deepEqual(places, ['c', 'epsilon = 0.5']);
  });
});

describe('dropping a cancelled bias', () => {
  const drop = (text: string): string => {
    const model = parse(text);
    const edited = applyEdits(text, dropBiasEdits(text, model, findDegenerate(model, findFusions(model))));
    parse(edited);
    return edited;
  };
  const pairOf = (nodes: readonly string[], declared = WEIGHTS): string => modelText({ nodes, declared });

  it('computes the same without it', async () => {
    const before = pairOf([CONV, 'y = InstanceNormalization <epsilon = 0.001> (h, s, b)']);
    const after = drop(before);
    assert.match(after, /Conv <pads = \[1, 1, 1, 1\]> \(x, w\)/);
    assert.doesNotMatch(after, /float\[4\] c =/);
    const x = floatTensor([1, 3, 6, 7], 5);
    const expected = (await runModel(bytesOf(before), { x })).get('y')!;
    assert.ok(largestError((await runModel(bytesOf(after), { x })).get('y')!, expected) < 1e-5);
  });

  it('keeps an initializer that something else reads', () => {
    const after = drop(pairOf([CONV, 'y = InstanceNormalization (h, s, c)']));
    assert.match(after, /Conv <pads = \[1, 1, 1, 1\]> \(x, w\)/);
    assert.match(after, /float\[4\] c =/);
  });

  it('drops one that two convolutions share, and a Constant', () => {
    const shared = drop(
      pairOf([
        CONV,
        'n = InstanceNormalization (h, s, b)',
        'k = Constant <value = float[4] {1.0, 2.0, 3.0, 4.0}> ()',
        'h2 = Conv <pads = [1, 1, 1, 1]> (x, w, c)',
        'n2 = InstanceNormalization (h2, s, b)',
        'h3 = Conv <pads = [1, 1, 1, 1]> (x, w, k)',
        'n3 = InstanceNormalization (h3, s, b)',
        'y = Sum (n, n2, n3)',
      ]),
    );
    assert.doesNotMatch(shared, /float\[4\] c =|Constant/);
    assert.equal(shared.match(/Conv <pads = \[1, 1, 1, 1\]> \(x, w\)/g)?.length, 3);
  });

  it('leaves a bias that is an input of the graph as an input', () => {
    const text = modelText({
      inputs: 'float[1,3,6,7] x, float[4] c',
      declared: WEIGHTS.filter((entry) => !entry.includes(' c ')),
      nodes: [CONV, 'y = InstanceNormalization (h, s, b)'],
    });
    const after = drop(text);
    assert.match(after, /float\[4\] c\)/);
    assert.match(after, /\(x, w\)/);
  });
});
