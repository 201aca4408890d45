import assert from 'node:assert/strict';
import { findFusions } from '../../src/core/fusion/find';
import { onnxRuntimeLibrary, type Kernel, type OnnxRuntime } from '../../src/measure/kernel';
import { measurePair } from '../../src/measure/measurePair';
import { pairProblem } from '../../src/measure/pair';
import { inferShapes } from '../../src/measure/shapes';
import { TensorReader } from '../../src/measure/tensorReader';
import { modelText, parse } from '../unit/fusion/text';
import { PAIR_FORMS } from '../unit/measure/pairForms';
import { builtKernel } from './support';

describe('measuring a finding', function () {
  this.timeout(120_000);
  let engines: { kernel: Kernel; runtime: OnnxRuntime };

  before(async function () {
    const kernel = await builtKernel('release');
    const library = onnxRuntimeLibrary();
    if (!kernel || typeof library !== 'string') return this.skip();
    engines = { kernel, runtime: new kernel.OnnxRuntime(library) };
  });

  for (const [name, form] of Object.entries(PAIR_FORMS)) {
    it(`gives figures: ${name}`, async () => {
      const model = parse(modelText(form));
      const reader = new TensorReader();
      const { shapes } = await inferShapes(model, reader);
      const prepared = pairProblem(model, reader, findFusions(model)[0]!, shapes);
      assert.ok('problem' in prepared, 'reason' in prepared ? prepared.reason : '');
      const result = await measurePair(engines, prepared.problem, { threads: [1], budgetMs: 5 });
      assert.ok(result.maxError.relative < 1e-4, String(result.maxError.relative));
      const [{ stockMs, unfusedMs, fusedMs, speedup } = assert.fail()] = result.measurements;
      for (const figure of [stockMs, unfusedMs, fusedMs, speedup]) assert.ok(figure.median > 0);
    });
  }
});
