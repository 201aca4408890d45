import assert from 'node:assert/strict';
import { operatorCategory } from '../../../src/core/layout/categories';
import { attributeRows, inputName } from '../../../src/core/layout/nodeText';
import { helveticaMetrics, TextMetrics } from '../../../src/core/layout/textMetrics';
import { attributeText, shapeText, shortTypeText, tensorText, typeText } from '../../../src/core/layout/valueText';
import type { Node, Tensor, Type } from '../../../src/core/onnx/model';
import { modelText, parse } from '../fusion/text';

function nodeOf(text: string): Node {
  return parse(modelText({ declared: [], nodes: [text] })).graph.nodes[0]!;
}

function tensor(dataType: number, dims: readonly number[], values: readonly number[] | readonly bigint[]): Tensor {
  return { name: 't', dataType, dims, data: { kind: 'values', values } };
}

describe('shapes and types', () => {
  it('writes shapes with symbols and unknown dimensions', () => {
    assert.equal(shapeText([1, 'N', undefined]), '1×N×?');
    assert.equal(shapeText([]), 'scalar');
  });

  it('leaves float out of short types', () => {
    assert.equal(shortTypeText({ kind: 'tensor', elementType: 1, shape: [1, 3] }), '1×3');
    assert.equal(shortTypeText({ kind: 'tensor', elementType: 7, shape: [2] }), 'int64 2');
    assert.equal(shortTypeText({ kind: 'tensor', elementType: 1 }), 'float');
    assert.equal(shortTypeText(undefined), '');
  });

  it('writes nested types, however deep', () => {
    let type: Type = { kind: 'tensor', elementType: 7, shape: [4] };
    for (let i = 0; i < 10_000; i++) type = { kind: 'sequence', elementType: type };
    assert.ok(typeText(type).endsWith('sequence of int64 4'));
    assert.equal(
      typeText({ kind: 'map', keyType: 8, valueType: { kind: 'unset' } }),
      'map from string to unknown type',
    );
  });
});

describe('tensorText', () => {
  it('writes small tensors out', () => {
    assert.equal(tensorText(tensor(1, [], [0.5]), undefined), '0.5');
    assert.equal(tensorText(tensor(7, [3], [0n, 2n, -1n]), undefined), '[0, 2, -1]');
  });

  it('says “to the end” for the numbers that mean it', () => {
    assert.equal(tensorText(tensor(7, [2], [2n ** 63n - 1n, -(2n ** 63n)]), undefined), '[max, min]');
  });

  it('writes the shape of larger ones, with a type that isn’t float', () => {
    assert.equal(tensorText(tensor(1, [2, 2], [1, 2, 3, 4]), undefined), '2×2');
    assert.equal(tensorText(tensor(6, [9], [1, 2, 3, 4, 5, 6, 7, 8, 9]), undefined), 'int32 9');
  });

  it('reads values that lie in the file only where the file is at hand', () => {
    const embedded: Tensor = {
      name: 't',
      dataType: 1,
      dims: [1],
      data: { kind: 'embedded', bytes: { start: 0, end: 4 } },
    };
    assert.equal(tensorText(embedded, undefined), '1');
    const source = { size: 4, read: () => new Uint8Array(Float32Array.of(2.5).buffer) };
    assert.equal(tensorText(embedded, source), '[2.5]');
  });
});

describe('attributeText', () => {
  const text = (attribute: string): string =>
    attributeText(nodeOf(`y = Op <a${attribute}> (x)`).attributes[0]!, undefined);

  it('writes each kind of attribute', () => {
    assert.equal(text(' = 3'), '3');
    assert.equal(text(' = 0.25'), '0.25');
    assert.equal(text(' = "reflect"'), 'reflect');
    assert.equal(text(' = [1, 2]'), '[1, 2]');
    assert.equal(text(': strings = ["a", "b"]'), '["a", "b"]');
    assert.equal(text(' = float[2,2] {1, 2, 3, 4}'), '2×2');
    assert.equal(text(': graph = g () => (float z) { z = Relu (x) }'), 'graph of 1 node');
  });

  it('cuts what is long', () => {
    const long = text(` = [${Array.from({ length: 500 }, (_, i) => i).join(', ')}]`);
    assert.ok(long.length <= 80 && long.endsWith('…'));
  });
});

describe('attributeRows', () => {
  const rows = (node: string): unknown => attributeRows(nodeOf(node), undefined, undefined);

  it('sums up windows', () => {
    assert.deepEqual(
      rows(
        'y = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1], dilations = [1, 1], group = 8> (x, w)',
      ),
      [{ text: '3×3 · stride 2 · pad 1 · group 8' }],
    );
    assert.deepEqual(rows('y = MaxPool <kernel_shape = [3, 2], strides = [2, 1], pads = [0, 1, 1, 1]> (x)'), [
      { text: '3×2 · stride 2×1 · pad 0×1…1×1' },
    ]);
  });

  it('takes the kernel from the weight where there is no attribute', () => {
    const node = nodeOf('y = Conv (x, w)');
    assert.deepEqual(attributeRows(node, tensor(1, [8, 4, 5, 5], []), undefined), [{ text: '5×5' }]);
  });

  it('shows the attributes that say what an operator does', () => {
    assert.deepEqual(rows('y = Concat <axis = 1> (x, x)'), [{ name: 'axis', text: '1' }]);
    assert.deepEqual(rows('y = Cast <to = 7> (x)'), [{ name: 'to', text: 'int64' }]);
    assert.deepEqual(rows('y = Relu (x)'), []);
    assert.deepEqual(rows('y = custom.Concat <axis = 1> (x, x)'), []);
  });
});

describe('inputName', () => {
  it('knows the inputs that constants feed', () => {
    assert.equal(inputName(nodeOf('y = Conv (x, w, b)'), 1), 'W');
    assert.equal(inputName(nodeOf('y = fusionlens.ConvInstanceNormalization (x, w, s, b)'), 2), 'scale');
    assert.equal(inputName(nodeOf('y = Unknown (x)'), 0), undefined);
  });
});

describe('operatorCategory', () => {
  it('goes by domain and operator', () => {
    assert.equal(operatorCategory('', 'Conv'), 'layer');
    assert.equal(operatorCategory('ai.onnx', 'InstanceNormalization'), 'normalization');
    assert.equal(operatorCategory('com.microsoft', 'Conv'), 'custom');
    assert.equal(operatorCategory('', 'constructor'), 'custom');
  });
});

describe('TextMetrics', () => {
  it('measures each kind of character once', () => {
    let asked = 0;
    const metrics = new TextMetrics((char) => (asked++, char === 'i' ? 2 : 5));
    assert.equal(metrics.width('mimi', 'row'), 14);
    assert.equal(metrics.width('miim', 'row'), 14);
    assert.equal(asked, 2);
  });

  it('cuts to fit, ellipsis included, between characters', () => {
    const metrics = helveticaMetrics();
    const cut = metrics.cut('𝒳𝒳𝒳 past_key_values', 'title', 60);
    assert.ok(cut.endsWith('…') && metrics.width(cut, 'title') <= 60);
    assert.doesNotMatch(cut, /\p{Surrogate}/u);
    assert.equal(metrics.cut('short', 'title', 60), 'short');
  });
});
