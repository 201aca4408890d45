import assert from 'node:assert/strict';
import { findFused } from '../../../src/core/fusion/find';
import { isOriginal } from '../../../src/core/fusion/original';
import { assertSameGraph } from './graphs';
import { CONV, NORM, WEIGHTS, fuseText, modelText, parse, unfuseText, withoutOriginals } from './text';

const TEXT = modelText({
  nodes: [`[conv] ${CONV}`, `[norm] ${NORM}`, '[relu] y = PRelu (n, k)'],
  declared: [...WEIGHTS, 'float[1] k = {0.25}'],
});

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
});
