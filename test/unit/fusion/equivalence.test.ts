import assert from 'node:assert/strict';
import * as ort from 'onnxruntime-node';
import { findFusions } from '../../../src/core/fusion/find';
import { floatTensor, largestError, runModel } from '../support/runtime';
import { CONV, NORM, WEIGHTS, bytesOf, fuseText, modelText, parse, weights, type TextModel } from './text';

type Feeds = Record<string, ort.Tensor>;

/** Runs the model as it is and with everything fused; returns how many pairs fused. */
async function compare(text: string, feeds: readonly Feeds[], tolerance = 1e-5): Promise<number> {
  const fused = fuseText(text);
  for (const inputs of feeds) {
    const expected = await runModel(bytesOf(text), inputs);
    const actual = await runModel(bytesOf(fused), inputs);
    assert.deepEqual([...actual.keys()], [...expected.keys()]);
    assert.ok(expected.size > 0);
    for (const [name, value] of expected) {
      const error = largestError(actual.get(name)!, value);
      assert.ok(error <= tolerance, `${name} differs by ${error}\n${fused.replaceAll(/\{[-\d., ]+\}/g, '{…}')}`);
    }
  }
  return findFusions(parse(text)).filter((finding) => finding.fusable).length;
}

const image = (...batches: number[]): Feeds[] => batches.map((batch) => ({ x: floatTensor([batch, 3, 9, 11], batch) }));
const OPEN: Pick<TextModel, 'inputs' | 'outputs'> = { inputs: 'float[N,3,H,W] x', outputs: 'float[N,M,P,Q] y' };
const conv = (attributes: string): string => `h = Conv ${attributes === '' ? '' : `<${attributes}> `}(x, w, c)`;

describe('fused models', () => {
  describe('compute the same in stock ONNX Runtime', () => {
    const forms: Record<string, TextModel> = {
      'no attributes at all': { nodes: [conv(''), 'y = InstanceNormalization (h, s, b)'] },
      'strides, dilations and uneven pads': {
        nodes: [conv('strides = [2, 1], dilations = [1, 2], pads = [0, 1, 2, 1]'), NORM, 'y = Relu (n)'],
      },
      'auto_pad SAME_UPPER': {
        nodes: [conv('auto_pad = "SAME_UPPER", strides = [2, 2]'), NORM, 'y = LeakyRelu (n)'],
      },
      'auto_pad SAME_LOWER': { nodes: [conv('auto_pad = "SAME_LOWER"'), NORM, 'y = LeakyRelu <alpha = 0.3> (n)'] },
      'auto_pad VALID, kernel_shape': {
        nodes: [conv('auto_pad = "VALID", kernel_shape = [3, 3]'), NORM, 'y = Relu (n)'],
      },
      groups: {
        declared: [weights('w', 6, 1, 3, 3), weights('c', 6), weights('s', 6), weights('b', 6)],
        nodes: [conv('group = 3'), NORM, 'y = Relu (n)'],
      },
      'no bias': { nodes: ['h = Conv (x, w)', NORM, 'y = Relu (n)'] },
      'a large bias': {
        declared: [WEIGHTS[0]!, 'float[4] c = {10, -10, 3, 5}', ...WEIGHTS.slice(2)],
        nodes: [conv('pads = [1, 1, 1, 1]'), NORM, 'y = Relu (n)'],
      },
      ConvTranspose: {
        declared: [weights('w', 3, 4, 3, 3), ...WEIGHTS.slice(1)],
        nodes: [
          'h = ConvTranspose <strides = [2, 2], output_padding = [1, 0], pads = [1, 0, 1, 1]> (x, w, c)',
          NORM,
          'y = Relu (n)',
        ],
      },
      'ConvTranspose with groups and output_shape': {
        declared: [weights('w', 3, 2, 3, 3), weights('c', 6), weights('s', 6), weights('b', 6)],
        nodes: [
          'h = ConvTranspose <group = 3, strides = [2, 2], output_shape = [18, 22]> (x, w, c)',
          NORM,
          'y = LeakyRelu (n)',
        ],
      },
      'links in between and after': {
        nodes: [
          CONV,
          'i = Identity (h)',
          'd = Dropout (i)',
          'n = InstanceNormalization (d, s, b)',
          'j = Identity (n)',
          'y = Relu (j)',
        ],
      },
      'computed scale and bias': {
        nodes: [CONV, 't = Abs (s)', 'u = Add (t, b)', 'n = InstanceNormalization (h, t, u)', 'y = Relu (n)'],
      },
      'computed weights': { nodes: ['v = Mul (w, w)', 'h = Conv (x, v, c)', NORM, 'y = Relu (n)'] },
      'weights shared by two pairs': {
        nodes: [
          CONV,
          NORM,
          'f = Relu (n)',
          'h2 = Conv <pads = [1, 1, 1, 1]> (x, w, c)',
          'n2 = InstanceNormalization (h2, b, s)',
          'y = Sub (f, n2)',
        ],
      },
      'one pair after another': {
        declared: [...WEIGHTS, weights('w2', 5, 4, 1, 1), weights('s2', 5), weights('b2', 5)],
        nodes: [
          CONV,
          NORM,
          'f = Relu (n)',
          'h2 = Conv (f, w2)',
          'n2 = InstanceNormalization (h2, s2, b2)',
          'y = LeakyRelu (n2)',
        ],
      },
      'functions of another operator set': {
        imports: ', "my": 1',
        nodes: [CONV, NORM, 'z = my.Block <padding = [1, 1, 1, 1]> (x, w, s, b)', 'y = Add (n, z)'],
        functions: `<domain: "my", opset_import: ["": 9]>
Block <padding> (X, W, S, B) => (Y)
{ h = Conv <pads: ints = @padding> (X, W) n = InstanceNormalization (h, S, B) Y = Relu (n) }`,
      },
    };
    for (const opset of [7, 9, 11, 13, 17, 22]) {
      it(`operator set ${opset}`, async () => {
        for (const parts of Object.values(forms)) {
          const fused = await compare(modelText({ ...OPEN, ...parts, opset }), image(1, 3));
          assert.ok(fused > 0);
        }
      });
    }
    for (const rank of [1, 3]) {
      it(`${rank} spatial dimension${rank === 1 ? '' : 's'}`, async () => {
        const kernel = new Array<number>(rank).fill(3);
        const axes = Array.from({ length: rank }, (_, axis) => `D${axis}`).join(',');
        const parts = { inputs: `float[N,3,${axes}] x`, outputs: `float[N,M,${axes.replaceAll('D', 'E')}] y` };
        const declared = [weights('w', 4, 3, ...kernel), ...WEIGHTS.slice(1)];
        const feeds = [1, 3].map((batch) => ({
          x: floatTensor([batch, 3, ...kernel.map((_, axis) => 6 + axis)], batch),
        }));
        await compare(modelText({ ...parts, declared, nodes: [conv(''), NORM, 'y = Relu (n)'] }), feeds);
        const transposed = [weights('w', 3, 4, ...kernel), ...WEIGHTS.slice(1)];
        const node = `h = ConvTranspose <strides = [${kernel.map(() => 2).join(', ')}]> (x, w, c)`;
        await compare(modelText({ ...parts, declared: transposed, nodes: [node, NORM, 'y = Relu (n)'] }), feeds);
      });
    }
    it('in branches and with values captured from outside', async () => {
      const text = modelText({
        inputs: 'float[N,3,H,W] x, bool q',
        outputs: 'float[N,M,P,Q] y',
        nodes: [
          'i = Relu (x)',
          `z = If (q) <
    then_branch = t () => (float[N,M,P,Q] t1) { ${CONV.replace('(x,', '(i,')} t1 = InstanceNormalization (h, s, b) },
    else_branch = e () => (float[N,M,P,Q] e1) { g = Conv <pads = [1, 1, 1, 1]> (x, w, c) k = InstanceNormalization (g, s, b) e1 = Relu (k) }
  >`,
          'h3 = Conv <pads = [1, 1, 1, 1]> (x, w)',
          'n3 = InstanceNormalization (h3, s, b)',
          'y = Add (z, n3)',
        ],
      });
      const feeds = [1, 0].map((flag) => ({ ...image(2)[0]!, q: new ort.Tensor('bool', Uint8Array.of(flag), []) }));
      assert.equal(await compare(text, feeds), 3);
    });
    it('with a plane of one element', async () => {
      const text = modelText({ ...OPEN, nodes: ['h = Conv <strides = [9, 11]> (x, w, c)', NORM, 'y = Relu (n)'] });
      await compare(text, image(1, 3));
    });
  });
});
