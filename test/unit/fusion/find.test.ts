import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describeFusion } from '../../../src/core/fusion/describe';
import { findFused, findFusions } from '../../../src/core/fusion/find';
import type { Finding } from '../../../src/core/fusion/finding';
import { decodeModel } from '../../../src/core/onnx/decode';
import { printModel } from '../../../src/core/text/print';
import { bytesSource } from '../../../src/core/wire/source';
import { sampleModel, sharedModel } from '../support/models';
import { CONV, NORM, WEIGHTS, findings, fuseText, modelText, parse, weights, type TextModel } from './text';

/** The op that a model's only pair fuses into. */
function fusedOp(parts: TextModel): string {
  const found = findings(parts);
  assert.equal(found.length, 1);
  assert.equal(found[0]!.reason?.message, undefined);
  assert.equal(found[0]!.fusable, true);
  return found[0]!.fusedOp;
}

/** Why a model's only pair doesn't fuse: code, and message. */
function reason(parts: TextModel, text = modelText(parts)): [code: string, message: string] {
  const found = findFusions(parse(text));
  assert.equal(found.length, 1, JSON.stringify(found.map((finding) => finding.id)));
  assert.equal(found[0]!.fusable, false);
  const { code, message, related } = found[0]!.reason!;
  assert.ok(related.length > 0);
  for (const place of related) assert.ok(place.span, 'a related place is in the text');
  return [code, message];
}

describe('findFusions', () => {
  describe('finds what fuses', () => {
    const cases: Record<string, [parts: TextModel, op: string]> = {
      'Conv → InstanceNormalization': [
        { nodes: [CONV, 'y = InstanceNormalization (h, s, b)'] },
        'ConvInstanceNormalization',
      ],
      'a Relu after it': [{ nodes: [CONV, NORM, 'y = Relu (n)'] }, 'ConvInstanceNormalizationRelu'],
      'a LeakyRelu after it': [
        { nodes: [CONV, NORM, 'y = LeakyRelu <alpha = 0.2> (n)'] },
        'ConvInstanceNormalizationLeakyRelu',
      ],
      'another activation, left outside': [{ nodes: [CONV, NORM, 'y = Tanh (n)'] }, 'ConvInstanceNormalization'],
      'an activation of a value that is needed elsewhere, left outside': [
        { nodes: [CONV, NORM, 'r = Relu (n)', 'y = Add (r, n)'] },
        'ConvInstanceNormalization',
      ],
      'an activation of a graph output, left outside': [
        { outputs: 'float[1,4,6,7] n, float[1,4,6,7] y', nodes: [CONV, NORM, 'y = Relu (n)'] },
        'ConvInstanceNormalization',
      ],
      ConvTranspose: [
        {
          declared: [weights('w', 3, 4, 3, 3), ...WEIGHTS.slice(1)],
          nodes: ['h = ConvTranspose <strides = [2, 2]> (x, w, c)', NORM, 'y = Relu (n)'],
        },
        'ConvTransposeInstanceNormalizationRelu',
      ],
      'one dimension': [
        {
          inputs: 'float[1,3,9] x',
          outputs: 'float[1,4,7] y',
          declared: [weights('w', 4, 3, 3), ...WEIGHTS.slice(2)],
          nodes: ['h = Conv (x, w)', 'y = InstanceNormalization (h, s, b)'],
        },
        'ConvInstanceNormalization',
      ],
      'three dimensions': [
        {
          inputs: 'float[1,3,5,5,5] x',
          outputs: 'float[1,4,3,3,3] y',
          declared: [weights('w', 4, 3, 3, 3, 3), ...WEIGHTS.slice(2)],
          nodes: ['h = Conv (x, w)', 'y = InstanceNormalization (h, s, b)'],
        },
        'ConvInstanceNormalization',
      ],
      'Identity, Dropout and a Cast to the same type in between and after': [
        {
          nodes: [
            CONV,
            'i = Identity (h)',
            'd = Dropout (i)',
            'k = Cast <to = 1> (d)',
            'n = InstanceNormalization (k, s, b)',
            'j = Identity (n)',
            'y = Relu (j)',
          ],
        },
        'ConvInstanceNormalizationRelu',
      ],
      'Dropout with training_mode false': [
        {
          declared: [...WEIGHTS, 'float ratio = {0.5}', 'bool training = {0}'],
          nodes: [CONV, 'd = Dropout (h, ratio, training)', 'y = InstanceNormalization (d, s, b)'],
        },
        'ConvInstanceNormalization',
      ],
      'Dropout of old in test form': [
        { opset: 6, nodes: [CONV, 'd = Dropout <is_test = 1> (h)', 'y = InstanceNormalization (d, s, b)'] },
        'ConvInstanceNormalization',
      ],
      'computed scale and bias': [
        { nodes: [CONV, 't = Add (s, b)', 'y = InstanceNormalization (h, t, b)'] },
        'ConvInstanceNormalization',
      ],
      'computed weights': [
        { nodes: ['v = Mul (w, w)', 'h = Conv (x, v)', 'y = InstanceNormalization (h, s, b)'] },
        'ConvInstanceNormalization',
      ],
      'the default domain written out': [
        { nodes: ['h = ai.onnx.Conv (x, w)', 'y = ai.onnx.InstanceNormalization (h, s, b)'] },
        'ConvInstanceNormalization',
      ],
    };
    for (const [name, [parts, op]] of Object.entries(cases)) it(name, () => assert.equal(fusedOp(parts), op));
  });

  describe('says what is in the way', () => {
    const IF = (then: string): string =>
      `y = If (q) <then_branch = t () => (float[1,4,6,7] z) { ${then} }, else_branch = e () => (float[1,4,6,7] z) { z = Relu (h) }>`;
    const cases: Record<string, [parts: TextModel, code: string, message: RegExp]> = {
      'another consumer': [
        { nodes: [CONV, NORM, '[plus] y = Add (n, h)'] },
        'other-consumer',
        /^the convolution's output `h` is also read by Add `plus`$/,
      ],
      'several consumers': [
        { nodes: [CONV, NORM, '[plus] p = Add (n, h)', 'q = Relu (h)', 'y = Add (p, q)'] },
        'other-consumer',
        /Add `plus` and 1 more$/,
      ],
      'a graph output': [
        { outputs: 'float[1,4,6,7] y, float[1,4,6,7] h', nodes: [CONV, 'y = InstanceNormalization (h, s, b)'] },
        'graph-output',
        /`h` is also an output of the graph$/,
      ],
      'another consumer of a link': [
        { nodes: [CONV, '[pass] i = Identity (h)', 'n = InstanceNormalization (i, s, b)', '[plus] y = Add (n, i)'] },
        'other-consumer',
        /^`i`, an output of Identity `pass`, is also read by Add `plus`$/,
      ],
      'a dropout mask that is used': [
        {
          nodes: [CONV, 'd, mask = Dropout (h)', 'n = InstanceNormalization (d, s, b)', 'y = Where (mask, n, n)'],
        },
        'other-consumer',
        /^`mask`, an output of Dropout `d`, is also read by Where `y`$/,
      ],
      'a subgraph that reads the value': [
        {
          inputs: 'float[1,3,6,7] x, bool q',
          nodes: [CONV, 'n = InstanceNormalization (h, s, b)', IF('z = Relu (n)')],
        },
        'other-consumer',
        /also read by Relu `z` in the else_branch of If `y`$/,
      ],
      'a branch between the two': [
        {
          inputs: 'float[1,3,6,7] x, bool q',
          nodes: [CONV, IF('z = InstanceNormalization (h, s, b)')],
        },
        'control-flow',
        /^the then_branch of If `y` lies between Conv `h` and InstanceNormalization `z`$/,
      ],
      'a convolution in a branch': [
        {
          inputs: 'float[1,3,6,7] x, bool q',
          nodes: [
            'a = If (q) <then_branch = t () => (float[1,4,4,5] z) { z = Conv (x, w) }, else_branch = e () => (float[1,4,4,5] v) { v = Conv (x, w) }>',
            'y = InstanceNormalization (a, s, b)',
          ],
        },
        'control-flow',
        /then_branch of If `a` lies between Conv `z`/,
      ],
      'double precision': [
        {
          inputs: 'double[1,3,6,7] x',
          outputs: 'double[1,4,6,7] y',
          declared: [
            'double[4,3,1,1] w = {1,2,3,4,5,6,7,8,9,10,11,12}',
            'double[4] s = {1,2,3,4}',
            'double[4] b = {1,2,3,4}',
          ],
          nodes: ['h = Conv (x, w)', 'y = InstanceNormalization (h, s, b)'],
        },
        'element-type',
        /`x` is double; the fused op computes in float32/,
      ],
      'float16 that only the deduction tells': [
        {
          inputs: 'x',
          outputs: 'y',
          nodes: ['v = Cast <to = 10> (w)', 'h = Conv (x, v)', 'y = InstanceNormalization (h, s, b)'],
        },
        'element-type',
        /`v` is float16/,
      ],
      'a function that is called with double': [
        {
          imports: ', "my": 1',
          nodes: ['d = Cast <to = 11> (x)', 'y = my.Block (d, w, s, b)'],
          functions:
            '<domain: "my", opset_import: ["": 17]> Block (X, W, S, B) => (Y) { H = Conv (X, W) Y = InstanceNormalization (H, S, B) }',
        },
        'element-type',
        /^`X` is double/,
      ],
      'a cast': [
        { nodes: [CONV, '[half] k = Cast <to = 10> (h)', 'y = InstanceNormalization (k, s, b)'] },
        'element-type',
        /^Cast `half` converts the convolution's output to float16$/,
      ],
      'another node': [
        { nodes: [CONV, '[relu] r = Relu (h)', 'y = InstanceNormalization (r, s, b)'] },
        'node-between',
        /^Relu `relu` stands between/,
      ],
      'two other nodes, the second input of an Add': [
        { nodes: [CONV, 'r = Relu (h)', '[plus] p = Add (x, r)', 'y = InstanceNormalization (p, s, b)'] },
        'node-between',
        /^Relu `r` stands between/,
      ],
      'Dropout in training form': [
        {
          declared: [...WEIGHTS, 'float ratio = {0.5}', 'bool training = {1}'],
          nodes: [CONV, 'd = Dropout (h, ratio, training)', 'y = InstanceNormalization (d, s, b)'],
        },
        'training-dropout',
        /Dropout `d` isn't known to be in inference form/,
      ],
      'Dropout whose mode a caller may override': [
        {
          inputs: 'float[1,3,6,7] x, bool training',
          declared: [...WEIGHTS, 'float ratio = {0.5}', 'bool training = {0}'],
          nodes: [CONV, 'd = Dropout (h, ratio, training)', 'y = InstanceNormalization (d, s, b)'],
        },
        'training-dropout',
        /isn't known/,
      ],
      'Dropout of old, which drops unless told not to': [
        { opset: 6, nodes: [CONV, 'd = Dropout (h)', 'y = InstanceNormalization (d, s, b)'] },
        'training-dropout',
        /isn't known/,
      ],
      'a scale of another length': [
        {
          declared: [...WEIGHTS.slice(0, 2), weights('s', 5), weights('b', 5)],
          nodes: [CONV, 'y = InstanceNormalization (h, s, b)'],
        },
        'channel-count',
        /`s` has shape \[5\], but the convolution has 4 output channels/,
      ],
      'an attribute that Conv does not have': [
        { nodes: ['h = Conv <activation = "Relu"> (x, w)', 'y = InstanceNormalization (h, s, b)'] },
        'unknown-attribute',
        /`activation`/,
      ],
      'a missing input': [{ nodes: [CONV, 'y = InstanceNormalization (h, s)'] }, 'missing-input', /no input 3/],
      'a missing output': [
        { nodes: [CONV, '[norm] "" = InstanceNormalization (h, s, b)', 'y = Relu (x)'] },
        'missing-output',
        /^InstanceNormalization `norm` has no output$/,
      ],
      'a name that stands for two values': [
        { nodes: [CONV, 'h = Relu (x)', 'h = Conv (x, w)', 'y = InstanceNormalization (h, s, b)'] },
        'duplicate-name',
        /`h`/,
      ],
    };
    for (const [name, [parts, code, message]] of Object.entries(cases)) {
      it(name, () => {
        const [actual, text] = reason(parts);
        assert.equal(actual, code, text);
        assert.match(text, message);
      });
    }
  });

  it('asks for the version of the operators', () => {
    const parts: TextModel = { nodes: [CONV, 'y = InstanceNormalization (h, s, b)'] };
    const text = modelText(parts).replace('["": 17]', '["my": 1]');
    assert.deepEqual(reason(parts, text), ['opset', "the model doesn't import the default operator set"]);
  });

  it('reports GroupNormalization written with Reshape as a kind of its own', () => {
    const [finding] = findings({
      declared: [
        ...WEIGHTS,
        'int64[3] groups = {0, 2, -1}',
        'int64[4] back = {1, 4, 6, 7}',
        weights('gs', 2),
        weights('gb', 2),
      ],
      nodes: [
        CONV,
        '[gather] g1 = Reshape (h, groups)',
        'g2 = InstanceNormalization (g1, gs, gb)',
        'y = Reshape (g2, back)',
      ],
    });
    assert.equal(finding?.kind, 'ConvGroupNormalization');
    assert.equal(finding.reason?.code, 'group-normalization');
    assert.match(describeFusion(finding), /^Conv → GroupNormalization can't fuse: Reshape `gather` /);
  });

  it('leaves normalisations alone that have no convolution in front', () => {
    const found = findings({
      nodes: [
        'a = InstanceNormalization (x, s, b)',
        CONV,
        'i = InstanceNormalization (h, s, b)',
        'j = InstanceNormalization (i, s, b)',
        'k = Gemm (h, h)',
        'l = InstanceNormalization (k, s, b)',
        'y = Sum (a, j, l)',
      ],
    });
    assert.deepEqual(
      found.map((finding) => finding.normalization.outputs[0]),
      ['i'],
    );
  });

  it('takes an operator that a function of the model redefines for what it is', () => {
    const functions = '<domain: "", opset_import: ["": 17]> Conv (X, W, B) => (Y) { Y = Identity (X) }';
    assert.deepEqual(findings({ nodes: [CONV, 'y = InstanceNormalization (h, s, b)'], functions }), []);
  });

  it('looks into subgraphs and functions, and gives unique ids', () => {
    const parts: TextModel = {
      imports: ', "my": 1',
      inputs: 'float[1,3,6,7] x, bool q',
      nodes: [
        '[conv] h = Conv (x, w)',
        'n = InstanceNormalization (h, s, b)',
        'm = If (q) <then_branch = t () => (float[1,4,4,5] z) { [conv] k = Conv (x, w) z = InstanceNormalization (k, s, b) }, else_branch = e () => (float[1,4,4,5] u) { u = Relu (n) }>',
        'y = my.Block (x, w, s, b)',
      ],
      functions: `<domain: "my", opset_import: ["": 17]>
Block (X, W, S, B) => (Y) { [conv] H = Conv (X, W) N = InstanceNormalization (H, S, B) Y = Relu (N) }`,
    };
    const found = findings(parts);
    assert.deepEqual(
      found.map((finding) => [finding.id, finding.scope.name, finding.fusedOp, finding.fusable]),
      [
        ['conv', 'g', 'ConvInstanceNormalization', true],
        ['conv#2', 't', 'ConvInstanceNormalization', true],
        ['conv#3', 'Block', 'ConvInstanceNormalizationRelu', true],
      ],
    );
  });

  it('advises from declared and from passed shapes', () => {
    const counts = (found: Finding | undefined) => ({
      multiplyAdds: found?.advice.multiplyAdds,
      bytesSaved: found?.advice.bytesSaved,
    });
    const text = modelText({ nodes: [CONV, NORM, 'y = Relu (n)'] });
    const elements = 4 * 6 * 7;
    const [finding] = findFusions(parse(text));
    assert.ok(finding);
    assert.deepEqual(counts(finding), { multiplyAdds: elements * 27, bytesSaved: 2 * 2 * 4 * elements });
    assert.equal(
      describeFusion(finding),
      'Conv → InstanceNormalization → Relu can fuse into ConvInstanceNormalizationRelu; saves 2.6 KiB of memory traffic',
    );
    const open = modelText({
      inputs: 'float[N,3,H,W] x',
      outputs: 'float[N,4,H,W] y',
      nodes: [CONV, NORM, 'y = Relu (n)'],
    });
    assert.deepEqual(counts(findFusions(parse(open))[0]), { multiplyAdds: undefined, bytesSaved: undefined });
    const shapes = new Map([['x', [2, 3, 6, 7]]]);
    assert.deepEqual(counts(findFusions(parse(open), { shapes })[0]), {
      multiplyAdds: 2 * elements * 27,
      bytesSaved: 2 * 2 * 2 * 4 * elements,
    });
  });

  it('finds the same in a decoded model and in its text', () => {
    const { model, source } = sampleModel();
    const text = printModel(model, source, { fileName: 'style-transfer.onnx' });
    const told = (findings: ReturnType<typeof findFusions>) =>
      findings.map((finding) => [finding.id, finding.fusedOp, finding.reason?.message, finding.advice]);
    const decoded = told(findFusions(model, { source }));
    assert.deepEqual(told(findFusions(parse(text))), decoded);
    assert.equal(decoded.filter(([, , why]) => why === undefined).length, 8);
    assert.equal(decoded.length, 9);
  });

  it('survives cycles in an unfinished text', () => {
    findings({ nodes: ['h = Identity (k)', 'k = Identity (h)', 'y = InstanceNormalization (h, s, b)'] });
    findings({ nodes: [CONV, 'n = InstanceNormalization (h, s, b)', 'i = Identity (j)', 'j = Identity (i)'] });
    findings({ nodes: ['h = Conv (y, w)', 'y = InstanceNormalization (h, s, b)'] });
    findings({ nodes: ['h = Conv (x, w)', 'h = InstanceNormalization (h, s, b)', 'y = Relu (h)'] });
  });

  it('counts as the manifest of the real models does', function () {
    const manifest = readFileSync(sharedModel(this, 'MANIFEST.tsv'), 'utf8').trim().split('\n');
    const [head, ...rows] = manifest.map((line) => line.split('\t'));
    const column = (name: string): number => head!.indexOf(name);
    let compared = 0;
    for (const row of rows) {
      const number = (name: string): number => Number(row[column(name)]);
      const expected = ['conv_in_direct', 'convT_in_direct', 'conv_in_indirect', 'conv_gn'].map(number);
      if (expected.every((count) => count === 0)) continue;
      const source = bytesSource(readFileSync(sharedModel(this, row[0]!)));
      const found = findFusions(decodeModel(source), { source });
      const count = (test: (finding: (typeof found)[number]) => boolean): number => found.filter(test).length;
      const direct = ({ convolution, normalization }: (typeof found)[number]): boolean =>
        normalization.inputs[0] === convolution.outputs[0];
      const overPlanes = (finding: (typeof found)[number]): boolean =>
        finding.kind === 'ConvInstanceNormalization' && finding.nodes.some(({ opType }) => opType === 'Reshape');
      assert.deepEqual(
        [
          count((finding) => direct(finding) && finding.convolution.opType === 'Conv'),
          count((finding) => direct(finding) && finding.convolution.opType === 'ConvTranspose'),
          // The manifest doesn't look for a ConvTranspose further away: the candy models have two.
          count((finding) => !direct(finding) && !overPlanes(finding) && finding.kind === 'ConvInstanceNormalization'),
          // It takes every InstanceNormalization between Reshapes for groups, also those of one channel.
          count((finding) => overPlanes(finding) || finding.kind === 'ConvGroupNormalization'),
        ],
        expected,
        row[0],
      );
      compared++;
    }
    assert.ok(compared > 40);
  });
});

describe('findFused', () => {
  it('lists the fused nodes, and not a user’s own op of that name', () => {
    const text = fuseText(modelText({ nodes: [CONV, NORM, 'y = Relu (n)'] }));
    const model = parse(text);
    assert.deepEqual(
      findFused(model).map(({ id, op }) => [id, op.name]),
      [['y', 'ConvInstanceNormalizationRelu']],
    );
    assert.deepEqual(findFusions(model), []);
    const other = parse(text.replace('normalized = InstanceNormalization', 'normalized = MeanVariance'));
    assert.deepEqual(findFused(other), []);
  });
});
