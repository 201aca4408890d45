import assert from 'node:assert/strict';
import fc from 'fast-check';
import { findFusions } from '../../../src/core/fusion/find';
import { fuseEdits, fuseNotes } from '../../../src/core/fusion/rewrite';
import { applyEdits } from '../../../src/core/text/edit';
import { printModel } from '../../../src/core/text/print';
import { sampleModel } from '../support/models';
import { CONV, NORM, WEIGHTS, fuseText, modelText, parse, withoutOriginals, type TextModel } from './text';

const fuse = (parts: TextModel): string => withoutOriginals(fuseText(modelText(parts)));
const BODY = (op: string): string => `<
  domain: "fusionlens",
  opset_import: ["": 17]
>
${op} <auto_pad, dilations, group, kernel_shape, pads, strides, epsilon> (X, W, scale, B) => (Y)
{
  convolved = Conv <auto_pad: string = @auto_pad, dilations: ints = @dilations, group: int = @group, kernel_shape: ints = @kernel_shape, pads: ints = @pads, strides: ints = @strides> (X, W)
`;

describe('fuseEdits', () => {
  it('replaces the pair and adds what the fused node needs, and nothing else', () => {
    const before = modelText({
      declared: [WEIGHTS[0]!, WEIGHTS[1]!, 'float[4] s = {1,2,3,4}, float[4] b = {1,2,3,4}'],
      nodes: [`[conv] ${CONV}`, `[norm] ${NORM}`, '# stays', '[relu] y = Relu (n)'],
    });
    const expected = before
      .replace('["": 17]', '["": 17, "fusionlens": 1]')
      .replace(`  ${WEIGHTS[1]!},\n`, '')
      .replace(`  [conv] ${CONV}\n  [norm] ${NORM}\n`, '')
      .replace(
        '[relu] y = Relu (n)',
        '[conv] y = fusionlens.ConvInstanceNormalizationRelu <pads = [1, 1, 1, 1], epsilon = 0.001> (x, w, s, b)',
      )
      .replace(
        '\n}\n',
        `\n}\n\n${BODY('ConvInstanceNormalizationRelu')}  normalized = InstanceNormalization <epsilon: float = @epsilon> (convolved, scale, B)
  Y = Relu (normalized)
}\n`,
      );
    assert.equal(withoutOriginals(fuseText(before)), expected);
  });

  it('puts the fused node where scale and bias are computed', () => {
    const text = fuse({ nodes: [CONV, 'st = Add (s, b)', 'y = InstanceNormalization (h, st, b)'] });
    assert.match(
      text,
      /\{\n {2}st = Add \(s, b\)\n {2}y = fusionlens\.ConvInstanceNormalization <.*> \(x, w, st, b\)\n\}/,
    );
  });

  it('removes nodes that share a line', () => {
    const text = fuse({ nodes: ['h = Conv (x, w) n = InstanceNormalization (h, s, b)   y = Relu (n)'] });
    assert.match(text, /\{\n {2}y = fusionlens\.ConvInstanceNormalizationRelu \(x, w, s, b\)\n\}/);
  });

  it('keeps names quoted, and takes the first name there is', () => {
    const text = fuse({
      inputs: 'float[1,3,6,7] "my x"',
      outputs: 'float[1,4,6,7] "1/y"',
      nodes: ['"a/b" = Conv ("my x", w)', '["/n 1"] "1/y" = InstanceNormalization ("a/b", s, b)'],
    });
    assert.match(text, /\["\/n 1"\] "1\/y" = fusionlens\.ConvInstanceNormalization \("my x", w, s, b\)/);
  });

  it('passes on an attribute that refers to a function’s', () => {
    const text = fuse({
      imports: ', "my": 1',
      nodes: ['y = my.Block <stride = [1, 1]> (x, w, s, b)'],
      functions: `<domain: "my", opset_import: ["": 17]>
Block <stride> (X, W, S, B) => (Y)
<float h, float[4] n, float z>
{ h = Conv <strides: ints = @stride> (X, W) n = InstanceNormalization (h, S, B) z = Tanh (n) Y = Identity (z) }`,
    });
    assert.match(text, /<domain: "my", opset_import: \["": 17, "fusionlens": 1\]>/);
    assert.match(
      text,
      /\{ n = fusionlens\.ConvInstanceNormalization <strides: ints = @stride> \(X, W, S, B\) z = Tanh/,
    );
    assert.match(text, /<float\[4\] n, float z>/);
  });

  it('fuses inside a branch', () => {
    const text = fuse({
      inputs: 'float[1,3,6,7] x, bool q',
      outputs: 'float[1,4,6,7] y',
      nodes: [
        `y = If (q) <
    then_branch = t () => (float[1,4,6,7] z) <float[1,4,6,7] h> {
      ${CONV}
      z = InstanceNormalization (h, s, b)
    },
    else_branch = e () => (float[1,4,6,7] v) { v = Conv <pads = [1, 1, 1, 1]> (x, w, c) }
  >`,
      ],
    });
    assert.match(
      text,
      /then_branch = t \(\) => \(float\[1,4,6,7\] z\) \{\n {6}z = fusionlens\.ConvInstanceNormalization/,
    );
    assert.ok(text.includes(WEIGHTS[1]!), 'the other branch still reads the bias');
  });

  describe('the convolution’s bias', () => {
    const nodes = [CONV, 'y = InstanceNormalization (h, s, b)'];
    it('goes when nothing else reads it', () => {
      assert.ok(!/\bc\b/.test(fuse({ nodes }).replace(/<\n[^]*?>/, '')));
    });
    it('stays when another node reads it', () => {
      assert.ok(fuse({ nodes: [...nodes, 'k = Relu (c)'] }).includes(WEIGHTS[1]!));
    });
    it('stays when it is a graph output', () => {
      assert.ok(fuse({ outputs: 'float[1,4,6,7] y, float[4] c', nodes }).includes(WEIGHTS[1]!));
    });
    it('stays when a caller may set it', () => {
      const text = fuse({ inputs: 'float[1,3,6,7] x, float[4] c', nodes });
      assert.ok(text.includes(WEIGHTS[1]!) && text.includes('float[4] c)'));
    });
    it('goes when all that read it fuse, also as a Constant node', () => {
      const two = [
        '[k] c = Constant <value = float[4] {1, 2, 3, 4}> ()',
        CONV,
        NORM,
        'h2 = Conv <pads = [1, 1, 1, 1]> (x, w, c)',
        'm = InstanceNormalization (h2, s, b)',
        'y = Add (n, m)',
      ];
      const text = modelText({ declared: [WEIGHTS[0]!, ...WEIGHTS.slice(2)], nodes: two });
      assert.ok(!withoutOriginals(fuseText(text)).includes('Constant'));
      const once = fuseText(text, (finding) => finding.convolution.outputs[0] === 'h');
      assert.ok(withoutOriginals(once).includes('Constant'));
      assert.equal(fuseText(once), fuseText(text));
    });
    it('takes the whole list with it when it is all there is', () => {
      const text = fuse({
        inputs: 'float[1,3,6,7] x, float[4,3,3,3] w, float[4] s, float[4] b',
        declared: [WEIGHTS[1]!],
        nodes,
      });
      assert.match(text, /=> \(float\[1,4,6,7\] y\)\n\{\n/);
    });
  });

  it('removes what only a replaced Dropout read', () => {
    const extra = ['float ratio = {0.5}', 'bool training = {0}'];
    const text = fuse({
      declared: [...WEIGHTS, ...extra],
      nodes: [CONV, 'd = Dropout (h, ratio, training)', 'n = InstanceNormalization (d, s, b)', 'y = Add (n, ratio)'],
    });
    assert.ok(text.includes(extra[0]!) && !text.includes(extra[1]!));
  });

  it('removes the declarations of values that vanish', () => {
    const text = fuse({
      declared: ['float[1,4,6,7] h', ...WEIGHTS, 'float[1,4,6,7] n', 'float[1,4,6,7] m', 'float[1,4,6,7] h'],
      nodes: [CONV, NORM, 'm = Relu (n)', 'y = Tanh (m)'],
    });
    assert.match(text, /<\n {2}float\[4,3,3,3\] w = [^]*float\[4\] b = \{[^}]*\},\n {2}float\[1,4,6,7\] m\n>/);
    assert.ok(!/float\[1,4,6,7\] [hn]\b/.test(text));
  });

  it('leaves constants that had to be inputs below IR version 4 constants', () => {
    const slope = 'float[1] k = {0.25}';
    const inputs = 'float[4,3,3,3] w, float[1,3,6,7] x, float[4] c, float[4] s, float[4] b, float[1] k';
    const nodes = [CONV, NORM, 'm = PRelu (n, k)', 'y = Mul (m, k)'];
    for (const [declared, given] of [
      [[...WEIGHTS, slope], inputs],
      [WEIGHTS, inputs.replace('float[1] k', slope)],
    ] as const) {
      const parts = { inputs: given, declared, nodes, opset: 8 };
      const { graph, irVersion } = parse(fuse({ ...parts, ir: 3 }));
      assert.equal(irVersion, 8);
      assert.deepEqual(
        graph.inputs.map(({ name }) => name),
        ['x'],
      );
      assert.deepEqual(
        graph.initializers.map(({ name }) => name),
        ['w', 's', 'b', 'k'],
      );
      assert.match(fuse({ ...parts, ir: 3 }), /LeakyRelu <[^>]*alpha = 0\.25>/);
      const later = parse(fuse({ ...parts, ir: 4 })).graph;
      assert.deepEqual([later.inputs.length, later.initializers.length], [6, 5]);
    }
    const model = parse(modelText({ inputs, declared: [...WEIGHTS, slope], nodes, ir: 3 }));
    assert.deepEqual(fuseNotes(model), [
      'raises ir_version 3 to 8; its 5 weights are no longer also inputs',
      'imports fusionlens 1',
    ]);
  });

  it('raises the IR version only when it must, and finds its header entries among comments and strings', () => {
    const nodes = [CONV, 'y = InstanceNormalization (h, s, b)'];
    assert.match(fuse({ ir: 4, nodes }), /ir_version: 8,/);
    assert.match(fuse({ ir: 10, nodes }), /ir_version: 10,/);
    const odd = modelText({ nodes }).replace(
      /<[^]*?>/,
      `<
  # ir_version: 99, opset_import: ["": 1]
  doc_string: "ir_version: 3, opset_import: [\\"a\\": 1]>",
  ir_version : 7 ,
  opset_import: [
    "": 17 # ], "b": 3
  ]
>`,
    );
    const fused = fuseText(odd);
    assert.match(fused, /ir_version : 8 ,/);
    const model = parse(fused);
    assert.deepEqual(
      model.opsetImports.map(({ domain, version }) => [domain, version]),
      [
        ['', 17],
        ['fusionlens', 1],
      ],
    );
    assert.equal(model.docString, parse(odd).docString);
  });

  it('uses a function that is there, and goes around a user’s own of the same name', () => {
    const nodes = [CONV, 'y = InstanceNormalization (h, s, b)'];
    const once = fuse({ nodes });
    const fn = once.slice(once.indexOf('\n<\n  domain')).replaceAll('convolved', 'renamed');
    const again = fuse({ nodes, functions: fn, imports: ', "fusionlens": 1' });
    assert.equal(again.match(/^ConvInstanceNormalization </gm)?.length, 1);
    const own = fn.replace('InstanceNormalization <epsilon: float = @epsilon>', 'InstanceNormalization');
    const around = fuse({ nodes, functions: own, imports: ', "fusionlens": 1' });
    assert.match(around, /y = fusionlens\.ConvInstanceNormalization_2 </);
    assert.equal(parse(around).functions.length, 2);
  });

  it('keeps the operator versions that a function means', () => {
    const text = fuse({
      imports: ', "my": 1',
      nodes: [CONV, NORM, 'z = my.Block (x, w, s, b)', 'y = Sub (n, z)'],
      functions: `<domain: "my", opset_import: ["": 9]>
Block (X, W, S, B) => (Y) { h = Conv <auto_pad = "SAME_UPPER"> (X, W) Y = InstanceNormalization (h, S, B) }`,
    });
    const functions = parse(text).functions.filter((fn) => fn.domain === 'fusionlens');
    assert.deepEqual(
      functions.map((fn) => [fn.name, fn.opsetImports[0]?.version]),
      [
        ['ConvInstanceNormalization', 17],
        ['ConvInstanceNormalization_opset1', 9],
      ],
    );
    assert.match(text, /Y = fusionlens\.ConvInstanceNormalization_opset1 </);
  });

  it('leaves out what can’t fuse', () => {
    const text = modelText({ nodes: [CONV, NORM, 'y = Add (n, h)'] });
    const model = parse(text);
    assert.deepEqual(fuseEdits(text, model, findFusions(model)), []);
  });

  it('gives the same text in whatever order the sample’s pairs are fused', function () {
    this.timeout(20_000);
    const { model, source } = sampleModel();
    const text = printModel(model, source, { fileName: 'style-transfer.onnx' });
    const all = fuseText(text);
    const ids = findFusions(model)
      .filter((finding) => finding.fusable)
      .map((finding) => finding.id);
    assert.deepEqual(
      findFusions(parse(all)).map((finding) => finding.fusable),
      [false],
    );
    fc.assert(
      fc.property(fc.shuffledSubarray(ids, { minLength: ids.length }), (order) => {
        let state = text;
        for (const id of order) {
          const parsed = parse(state);
          const finding = findFusions(parsed).filter((candidate) => candidate.id === id);
          state = applyEdits(state, fuseEdits(state, parsed, finding));
        }
        assert.equal(state, all);
      }),
      { numRuns: 10 },
    );
  });

  it('prints as it was written', () => {
    const { model, source } = sampleModel();
    const options = { fileName: 'style-transfer.onnx' };
    const fused = fuseText(printModel(model, source, options));
    assert.equal(printModel(parse(fused), source, options), fused);
  });
});
