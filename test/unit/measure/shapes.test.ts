import assert from 'node:assert/strict';
import type { Model, Node } from '../../../src/core/onnx/model';
import { decodeModel } from '../../../src/core/onnx/decode';
import { bytesSource } from '../../../src/core/wire/source';
import { OpenDimensionsError, inputShapes, openDimensions } from '../../../src/measure/dimensions';
import { probeModel } from '../../../src/measure/probeModel';
import { inferShapes } from '../../../src/measure/shapes';
import { TensorReader } from '../../../src/measure/tensorReader';
import { openModel, sampleModel, sharedModel } from '../support/models';

const node = (opType: string, inputs: string[], outputs: string[], domain = ''): Node => ({
  name: '',
  domain,
  opType,
  overload: '',
  inputs,
  outputs,
  attributes: [],
});

function modelOf(shape: (number | string | undefined)[], nodes: Node[]): Model {
  return {
    irVersion: 8,
    opsetImports: [
      { domain: '', version: 17 },
      { domain: 'nobody', version: 1 },
    ],
    producerName: '',
    producerVersion: '',
    domain: '',
    modelVersion: 0n,
    docString: '',
    metadataProps: [],
    functions: [],
    graph: {
      name: 'g',
      inputs: [{ name: 'x', type: { kind: 'tensor', elementType: 1, shape } }],
      outputs: [{ name: 'y', type: { kind: 'tensor', elementType: 1, shape: ['N', 'C'] } }],
      valueInfos: [],
      initializers: [],
      nodes,
    },
  };
}

describe('shapes', () => {
  it('replaces large weights by inputs and keeps small ones', () => {
    const { model, source } = sampleModel();
    const probe = decodeModel(bytesSource(probeModel(model, new TensorReader(source), new Map())));
    const inputs = probe.graph.inputs.map((input) => input.name);
    assert.ok(inputs.includes('res1.conv1.conv2d.weight'));
    assert.ok(!inputs.includes('in1.weight'));
    assert.ok(probe.graph.initializers.some((tensor) => tensor.name === 'in1.weight'));
    const weight = probe.graph.inputs.find((input) => input.name === 'res1.conv1.conv2d.weight');
    assert.deepEqual(weight?.type, { kind: 'tensor', elementType: 1, shape: [32, 32, 3, 3] });
    const outputs = new Set(probe.graph.outputs.map((output) => output.name));
    for (const { outputs: computed } of model.graph.nodes)
      for (const name of computed) assert.ok(outputs.has(name), name);
  });

  it('infers every shape of the sample', async () => {
    const { model, source } = sampleModel();
    const { shapes, refusal } = await inferShapes(model, new TensorReader(source));
    assert.equal(refusal, undefined);
    assert.deepEqual(shapes.get('/conv1/reflection_pad/Pad_output_0')?.shape, [1, 3, 264, 264]);
    assert.deepEqual(shapes.get('/conv3/conv2d/Conv_output_0'), { elementType: 1, shape: [1, 32, 64, 64] });
    assert.deepEqual(shapes.get('/upsample/Resize_output_0')?.shape, [1, 32, 128, 128]);
    for (const { outputs } of model.graph.nodes) assert.ok(shapes.get(outputs[0]!)?.shape, outputs[0]);
  });

  it('asks for the dimensions that the model leaves open, by symbol or input and axis', () => {
    const model = modelOf(['N', undefined, 0, 4], [node('Relu', ['x'], ['y'])]);
    assert.deepEqual(
      openDimensions(model).map((dimension) => dimension.key),
      ['N', 'x.1', 'x.2'],
    );
    assert.throws(
      () => inputShapes(model, new Map([['x.2', 3]])),
      (error) => {
        assert.ok(error instanceof OpenDimensionsError);
        assert.match(error.message, /N, x\.1.*--dim N=N --dim x\.1=N/);
        assert.deepEqual(error.dimensions[0], { input: 'x', axis: 0, symbol: 'N', key: 'N' });
        return true;
      },
    );
  });

  it('uses the sizes given, the one for an axis before the one for its symbol', async () => {
    const model = modelOf(['N', 'N'], [node('Relu', ['x'], ['h']), node('Relu', ['h'], ['y'])]);
    const sizes = new Map([
      ['N', 5],
      ['x.1', 7],
    ]);
    const { shapes } = await inferShapes(model, new TensorReader(), sizes);
    assert.deepEqual(shapes.get('h'), { elementType: 1, shape: [5, 7] });
    assert.deepEqual(shapes.get('x')?.shape, [5, 7]);
  });

  it('falls back to what is declared when the runtime refuses, and says why', async () => {
    const model = modelOf([2, 3], [node('Mystery', ['x'], ['y'], 'nobody')]);
    const { shapes, refusal } = await inferShapes(model, new TensorReader(), new Map([['C', 3]]));
    assert.match(refusal ?? '', /Mystery|nobody/);
    assert.deepEqual(shapes.get('x')?.shape, [2, 3]);
    assert.deepEqual(shapes.get('y')?.shape, ['N', 3]);
  });

  it('infers the shapes of a PyTorch export with dynamic axes and reflection padding', async function () {
    const { model, source } = openModel(sharedModel(this, 'pytorch/cyclegan_resnet6_ngf8_dynamic_op16.onnx'));
    const keys = new Set(openDimensions(model).map((dimension) => dimension.key));
    assert.ok(keys.size > 0);
    const sizes = new Map([...keys].map((key, index) => [key, index === 0 ? 2 : 64]));
    const { shapes, refusal } = await inferShapes(model, new TensorReader(source), sizes);
    assert.equal(refusal, undefined);
    const convolutions = model.graph.nodes.filter((entry) => entry.opType === 'Conv');
    for (const { outputs } of convolutions) {
      const shape = shapes.get(outputs[0]!)?.shape;
      assert.ok(shape?.length === 4 && shape.every((size) => typeof size === 'number'), outputs[0]);
    }
  });
});
