import assert from 'node:assert/strict';
import { drawModel } from '../../../src/core/layout/draw';
import { CONV, modelText, NORM, parse } from '../fusion/text';
import { openModel, sharedModel } from '../support/models';
import { parseXml, type XmlElement } from './xml';

const textsOf = (element: XmlElement): string[] =>
  [...element.descendants()].filter(({ name }) => name === 'text').map(({ text }) => text);

describe('drawModel', () => {
  const pair = modelText({ nodes: [CONV, NORM, 'y = Relu (n)'] });

  it('writes a well-formed SVG document with everything that is drawn', () => {
    const svg = parseXml(drawModel(parse(pair)));
    assert.equal(svg.name, 'svg');
    assert.equal(svg.attributes.get('xmlns'), 'http://www.w3.org/2000/svg');
    const texts = textsOf(svg);
    for (const text of ['Conv', 'InstanceNormalization', 'Relu', 'x', 'y', '3×3 · pad 1', '4×3×3×3', 'Fuse']) {
      assert.ok(texts.includes(text), `no “${text}” among ${texts.join(', ')}`);
    }
    const arrows = [...svg.descendants()].filter(({ attributes }) => attributes.get('class') === 'a');
    assert.equal(arrows.length, 4);
  });

  it('draws within its view box', () => {
    const svg = parseXml(drawModel(parse(pair)));
    const [left, top, width, height] = svg.attributes.get('viewBox')!.split(' ').map(Number);
    for (const { name, attributes } of svg.descendants()) {
      if (name !== 'rect') continue;
      const [x, y, w, h] = ['x', 'y', 'width', 'height'].map((key) => Number(attributes.get(key)));
      assert.ok(x! >= left! && y! >= top! && x! + w! <= left! + width! && y! + h! <= top! + height!);
    }
  });

  it('escapes what names may hold', () => {
    const name = '<b>&"\u0001\ud800]]>';
    const svg = parseXml(
      drawModel(
        parse(
          modelText({
            declared: [],
            inputs: `float x`,
            nodes: [`"${name.replaceAll('"', '\\"')}" = Relu (x)`],
            outputs: `float "${name.replaceAll('"', '\\"')}"`,
          }),
        ),
      ),
    );
    assert.ok(textsOf(svg).includes('<b>&"\ufffd\ufffd]]>'));
  });

  it('draws a model without nodes', () => {
    const svg = parseXml(drawModel(parse(modelText({ declared: [], nodes: [], inputs: '', outputs: '' }))));
    assert.equal(svg.name, 'svg');
  });

  it('draws a real model', function () {
    const { model, source } = openModel(sharedModel(this, 'pytorch/fns_small_static_op17.onnx'));
    const texts = textsOf(parseXml(drawModel(model, { source })));
    assert.equal(texts.filter((text) => text === 'Fuse').length, 15);
    assert.equal(texts.filter((text) => text === 'InstanceNormalization').length, 15);
  });
});
