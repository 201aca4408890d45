import assert from 'node:assert/strict';
import * as ort from 'onnxruntime-node';
import { findFusions } from '../../../src/core/fusion/find';
import { decodeModel } from '../../../src/core/onnx/decode';
import { bytesSource } from '../../../src/core/wire/source';
import { pairProblem } from '../../../src/measure/pair';
import { inferShapes } from '../../../src/measure/shapes';
import { TensorReader } from '../../../src/measure/tensorReader';
import { bytesOf, modelText, parse } from '../fusion/text';
import { floatTensor, largestError, runModel } from '../support/runtime';
import { PAIR_FORMS } from './pairForms';

describe('a pair’s model', () => {
  for (const [name, form] of Object.entries(PAIR_FORMS)) {
    it(`has just the nodes that would go, and computes the same: ${name}`, async () => {
      const text = modelText(form);
      const model = parse(text);
      const reader = new TensorReader();
      const [finding, ...others] = findFusions(model);
      assert.ok(finding && others.length === 0);
      assert.equal(finding.reason?.message ?? finding.fusedOp, form.op);
      const { shapes } = await inferShapes(model, reader);
      const prepared = pairProblem(model, reader, finding, shapes);
      assert.ok('problem' in prepared, 'reason' in prepared ? prepared.reason : '');
      const { problem, notes } = prepared;
      assert.deepEqual(notes.length === 0, form.isClosed);
      const stock = decodeModel(bytesSource(problem.stockModel)).graph;
      const replaced = finding.nodes.map(({ opType }) => opType);
      assert.deepEqual(
        stock.nodes.slice(-replaced.length).map(({ opType }) => opType),
        replaced,
      );
      const helpers = stock.nodes.slice(0, -replaced.length);
      assert.ok(helpers.every(({ opType }) => opType === 'Constant' || opType === 'Concat'));
      const x = floatTensor(problem.inputShape, 5);
      const added = problem.residual && {
        residual: new ort.Tensor('float32', problem.residual.data, problem.residual.shape),
      };
      const actual = (await runModel(problem.stockModel, { X: x, ...added })).get('Y')!;
      if (!form.isClosed) return;
      const expected = (await runModel(bytesOf(text), { x })).get('y')!;
      assert.ok(largestError(actual, expected) <= 1e-6, `differs by ${largestError(actual, expected)}`);
    });
  }
});
