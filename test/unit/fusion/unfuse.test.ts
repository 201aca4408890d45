import assert from 'node:assert/strict';
import * as ort from 'onnxruntime-node';
import { findFused } from '../../../src/core/fusion/find';
import { isOriginal } from '../../../src/core/fusion/original';
import { largestError, randomFloats, runModel } from '../support/runtime';
import { assertSameGraph } from './graphs';
import {
  CONV,
  NORM,
  WEIGHTS,
  bytesOf,
  fuseText,
  modelText,
  parse,
  unfuseText,
  withoutOriginals,
  type TextModel,
} from './text';

const TEXT = modelText({
  nodes: [`[conv] ${CONV}`, `[norm] ${NORM}`, '[relu] y = PRelu (n, k)'],
  declared: [...WEIGHTS, 'float[1] k = {0.25}'],
});

/** InstanceNormalization of `input` written out, with a scale and bias in the shape [4,1,1]. */
const writtenOut = (input: string, output: string, axes = '2, 3'): string[] => [
  `${output}_mean = ReduceMean <axes = [${axes}]> (${input})`,
  `${output}_d = Sub (${input}, ${output}_mean)`,
  `${output}_q = Mul (${output}_d, ${output}_d)`,
  `${output}_v = ReduceMean <axes = [${axes}]> (${output}_q)`,
  `${output}_e = Add (${output}_v, eps)`,
  `${output}_r = Sqrt (${output}_e)`,
  `${output}_n = Div (${output}_d, ${output}_r)`,
  `${output}_m = Mul (${output}_n, g)`,
  `${output} = Add (${output}_m, z)`,
];
const EPS = 'float eps = {0.001}';
const AFFINE = ['float[4,1,1] g = {1, 2, 3, 4}', 'float[4,1,1] z = {0, 1, 0, 2}'];

describe('unfuseEdits', () => {
  it('gives back the graph, with the bias and the slope', () => {
    const fused = fuseText(TEXT);
    assert.match(fused, /ConvInstanceNormalizationLeakyRelu <.*alpha = 0\.25> \(x, w, s, b\)/);
    const unfused = unfuseText(fused);
    assertSameGraph(parse(unfused), parse(TEXT));
    assert.ok(!unfused.includes('fusionlens'));
  });

  it('writes out the op’s body where nothing was kept', () => {
    const unfused = unfuseText(withoutOriginals(fuseText(TEXT)));
    assert.match(unfused, /\[conv\] y_convolved = Conv <pads = \[1, 1, 1, 1\]> \(x, w\)/);
    assert.match(unfused, /y_normalized = InstanceNormalization <epsilon = 0\.001> \(y_convolved, s, b\)/);
    assert.match(unfused, /y = LeakyRelu <alpha = 0\.25> \(y_normalized\)/);
    assert.ok(!unfused.includes('fusionlens'));
  });

  it('writes out the body of a node that was edited since', () => {
    const unfused = unfuseText(fuseText(TEXT).replace('alpha = 0.25> (x', 'alpha = 0.5> (x'));
    assert.match(unfused, /y = LeakyRelu <alpha = 0\.5> \(y_normalized\)/);
    assert.equal(parse(unfused).functions.length, 0);
  });

  it('keeps what other fused nodes need', () => {
    const text = modelText({
      nodes: [CONV, NORM, 'g = Conv (n, v, c)', 'y = InstanceNormalization (g, s, b)'],
      declared: [...WEIGHTS, 'float[4,4,1,1] v = {1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 9}'],
    });
    const once = unfuseText(fuseText(text), ({ node }) => node.outputs[0] === 'n');
    const { functions, opsetImports } = parse(once);
    assert.equal(findFused(parse(once)).length, 1);
    assert.equal(functions.filter(isOriginal).length, 1);
    assert.ok(opsetImports.some(({ domain }) => domain === 'fusionlens'));
    assertSameGraph(parse(unfuseText(once)), parse(text));
  });

  it('gives back all but the inputs that initializers had to be', () => {
    const inputs = `float[1,3,6,7] x, float[4,3,3,3] w, float[4] c, float[4] s, float[4] b, float[1] k = {0.25}`;
    const text = modelText({ inputs, nodes: [CONV, NORM, 'y = PRelu (n, k)'], ir: 3, opset: 8 });
    const fused = fuseText(text);
    assert.match(fused, /\(float\[1,3,6,7\] x\) =>/);
    assertSameGraph(parse(unfuseText(fused)), parse(text));
  });

  it('keeps the import for a function of the user’s in that domain', () => {
    const functions = `<domain: "fusionlens", opset_import: ["": 17]>
ConvInstanceNormalization (X, W, scale, B) => (Y) { Y = Relu (X) }`;
    const text = modelText({ nodes: [CONV, NORM, 'y = Relu (n)'], imports: ', "fusionlens": 1', functions });
    assertSameGraph(parse(unfuseText(fuseText(text))), parse(text));
  });

  it('keeps nodes that write their domain out, in a function that runtimes load', async () => {
    const text = modelText({
      nodes: [CONV.replace('Conv', 'ai.onnx.Conv'), NORM.replace('Instance', 'ai.onnx.Instance'), 'y = Relu (n)'],
    });
    const fused = fuseText(text);
    const x = { x: new ort.Tensor('float32', randomFloats(3 * 6 * 7, 5), [1, 3, 6, 7]) };
    const expected = await runModel(bytesOf(text), x);
    assert.ok(largestError((await runModel(bytesOf(fused), x)).get('y')!, expected.get('y')!) < 1e-5);
    assertSameGraph(parse(unfuseText(fused)), parse(text));
  });

  describe('gives back a normalisation that was written out', () => {
    const branch = (nodes: readonly string[], type = 'float[1,4,6,7]'): string =>
      `r = If (k) <then_branch = t () => (${type} o) { ${nodes.join(' ')} }, else_branch = e () => (${type} p) { p = Identity (y) }>`;
    const cases: Record<string, TextModel> = {
      'that shares its scale with another': {
        declared: [
          WEIGHTS[0]!,
          WEIGHTS[1]!,
          'float[4,4,1,1] v = {1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 9}',
          EPS,
          ...AFFINE,
        ],
        nodes: [CONV, ...writtenOut('h', 'a'), 'f = Conv (a, v)', ...writtenOut('f', 'y')],
      },
      'in a branch, with its scale outside': {
        inputs: 'float[1,3,6,7] x, float[1,4,6,7] y, bool k',
        outputs: 'float[1,4,6,7] r',
        declared: [WEIGHTS[0]!, WEIGHTS[1]!, EPS, ...AFFINE],
        nodes: [branch([CONV, ...writtenOut('h', 'o')])],
      },
      'where the names of its scale and bias are taken': {
        outputs: 'float[1,4,6,7] y, float[1,3,6,7] g_vector, float[1,3,6,7] y_scale',
        declared: [WEIGHTS[0]!, WEIGHTS[1]!, EPS, ...AFFINE],
        nodes: ['g_vector = Identity (x)', 'y_scale = Identity (x)', CONV, ...writtenOut('h', 'y')],
      },
      'and has no scale, where their names are taken': {
        outputs: 'float[1,4,6,7] y, float[1,3,6,7] y_scale',
        declared: [WEIGHTS[0]!, WEIGHTS[1]!, EPS],
        nodes: ['y_scale = Identity (x)', CONV, ...writtenOut('h', 'u').slice(0, 6), 'y = Div (u_d, u_r)'],
      },
      'with the channels last': {
        outputs: 'float[1,6,7,4] y',
        declared: [
          WEIGHTS[0]!,
          WEIGHTS[1]!,
          'float[1,6,7,4] u',
          EPS,
          'float[4] g = {1, 2, 3, 4}',
          'float[4] z = {0, 1, 0, 2}',
        ],
        nodes: [CONV, 'l = Transpose <perm = [0, 2, 3, 1]> (h)', ...writtenOut('l', 'u', '1, 2'), 'y = Tanh (u)'],
      },
    };
    for (const [name, parts] of Object.entries(cases)) {
      it(name, () => {
        const text = modelText(parts);
        const fused = fuseText(text);
        assert.ok(findFused(parse(fused)).length > 0);
        const unfused = unfuseText(fused);
        assertSameGraph(parse(unfused), parse(text));
        assert.equal(unfused.includes('float[1,6,7,4] u'), text.includes('float[1,6,7,4] u'));
      });
    }

    it('but not where the node behind it was edited since', () => {
      const fused = fuseText(modelText(cases['with the channels last']!));
      const edited = fused.replace(/(u = Transpose <perm = )\[0, 2, 3, 1\]/, '$1[0, 3, 2, 1]');
      assert.notEqual(edited, fused);
      assert.match(unfuseText(edited), /u_planes = InstanceNormalization .*\n *u = Transpose <perm = \[0, 3, 2, 1\]>/);
    });
  });
});
