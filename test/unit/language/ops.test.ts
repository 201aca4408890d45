import assert from 'node:assert/strict';
import { findOp, isStandardDomain, newestOpset, opNames, opPage, opVersions } from '../../../src/core/language/ops';

describe('op facts', () => {
  it('give the signature in force at an operator set', () => {
    const conv = findOp('', 'Conv', 17)!;
    assert.equal(conv.sinceVersion, 11);
    assert.deepEqual(conv.inputs, [
      { name: 'X', option: 'required', type: 'T' },
      { name: 'W', option: 'required', type: 'T' },
      { name: 'B', option: 'optional', type: 'T' },
    ]);
    assert.deepEqual([conv.minInputs, conv.maxInputs, conv.minOutputs, conv.maxOutputs], [2, 3, 1, 1]);
    assert.deepEqual(conv.types.get('T'), ['tensor(double)', 'tensor(float)', 'tensor(float16)']);
    assert.deepEqual(
      conv.attributes.find(({ name }) => name === 'auto_pad'),
      { name: 'auto_pad', type: 'STRING', required: false, default: 'NOTSET' },
    );
    assert.equal(findOp('ai.onnx', 'Conv', 22)!.sinceVersion, 22);
  });

  it('know required attributes, variadic inputs and unlimited arity', () => {
    const concat = findOp('', 'Concat', 13)!;
    assert.deepEqual(concat.attributes, [{ name: 'axis', type: 'INT', required: true, default: undefined }]);
    assert.equal(concat.inputs[0]!.option, 'variadic');
    assert.equal(concat.maxInputs, Infinity);
  });

  it('know when ops came, changed and went', () => {
    assert.equal(findOp('', 'LayerNormalization', 16), undefined);
    assert.deepEqual(opVersions('', 'LayerNormalization'), [17]);
    assert.equal(findOp('', 'Upsample', 9)!.deprecated, false);
    assert.equal(findOp('', 'Upsample', 10)!.deprecated, true);
    assert.ok(!opNames('', 10).includes('Upsample'));
    assert.ok(opNames('', 9).includes('Upsample'));
    assert.deepEqual(opVersions('', 'constructor'), []);
    assert.deepEqual(opVersions('constructor', 'Conv'), []);
  });

  it('know the standard domains and their newest operator sets', () => {
    assert.ok(newestOpset('') >= 28);
    assert.ok(newestOpset('ai.onnx.ml') >= 5);
    assert.equal(newestOpset('com.microsoft'), 0);
    assert.ok(isStandardDomain('ai.onnx.preview.training'));
    assert.ok(findOp('ai.onnx.ml', 'TreeEnsemble', 5));
  });

  it('point to the official documentation', () => {
    assert.equal(opPage('', 'Conv'), 'https://onnx.ai/onnx/operators/onnx__Conv.html');
    assert.equal(opPage('ai.onnx.ml', 'Scaler'), 'https://onnx.ai/onnx/operators/onnx_aionnxml_Scaler.html');
  });
});
