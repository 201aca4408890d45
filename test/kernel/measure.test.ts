import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { KernelUnavailableError, measure, MeasureCancelled, type MeasureCallbacks } from '../../src/measure/client';
import { loadKernel } from '../../src/measure/kernel';
import type { PairProblem } from '../../src/measure/pairProblem';
import { median, ratioOfMedians, quantile, spread } from '../../src/measure/statistics';
import { builtKernel, fusedModel, makeProblem, stockModel } from './support';

const SCRIPT = path.resolve('src/measure/child.ts');
const CHILD: MeasureCallbacks = { script: SCRIPT, execArgv: ['--import', 'tsx'] };

function pair(activation: 'none' | 'Relu' | 'LeakyRelu', size = 24): PairProblem {
  const { problem } = makeProblem(
    { channels: 8, outChannels: 8, input: [size, size], kernel: [3, 3], pads: [1, 1, 1, 1], activation },
    3,
  );
  return {
    stockModel: stockModel(problem),
    inputShape: problem.inputShape,
    conv: {
      kernelShape: problem.kernelShape!,
      strides: problem.strides!,
      pads: problem.pads!,
      dilations: problem.dilations!,
      group: 1,
    },
    weights: problem.weights,
    weightsShape: problem.weightsShape,
    scale: problem.scale,
    bias: problem.bias,
    epsilon: problem.epsilon!,
    activation: activation === 'LeakyRelu' ? { LeakyRelu: { alpha: problem.alpha! } } : activation,
  };
}

describe('statistics', () => {
  it('interpolates quantiles', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
    assert.equal(quantile([10, 20], 0.25), 12.5);
    assert.ok(Number.isNaN(median([])));
  });

  it('ignores outliers', () => {
    assert.equal(spread([1, 1, 1, 1, 1, 1, 1, 1, 1000]), 0);
    assert.deepEqual(ratioOfMedians([2, 20, 2, 2], [1, 10, 1, 1]), { median: 2, spread: 0 });
  });
});

describe('measuring process', function () {
  this.timeout(120_000);

  before(async function () {
    if ((await builtKernel('release')) === undefined) this.skip();
  });

  for (const activation of ['none', 'Relu', 'LeakyRelu'] as const) {
    it(`measures a pair: ${activation}`, async () => {
      const fractions: number[] = [];
      const result = await measure(
        { kind: 'pair', problem: pair(activation), options: { threads: [1, 2], budgetMs: 50 } },
        { ...CHILD, onProgress: (progress) => fractions.push(progress.fraction) },
      );
      assert.deepEqual(result.outputShape, [1, 8, 24, 24]);
      assert.ok(result.maxError.relative < 1e-4);
      assert.deepEqual(
        result.measurements.map((m) => m.threads),
        [1, 2],
      );
      for (const m of result.measurements) {
        assert.ok(m.rounds >= 5);
        for (const time of [m.stockMs, m.unfusedMs, m.fusedMs]) assert.ok(time.median > 0 && time.spread >= 0);
        assert.ok(Math.abs(m.speedup.median / (m.stockMs.median / m.fusedMs.median) - 1) < 0.5);
      }
      assert.equal(result.measurements[0]!.attribution.threads, undefined);
      assert.ok(result.measurements[1]!.attribution.threads! > 0);
      assert.ok(fractions.length > 3 && fractions.every((f, i) => f >= 0 && f <= 1 && f >= (fractions[i - 1] ?? 0)));
    });
  }

  it('measures a whole model', async () => {
    const { problem } = makeProblem({ channels: 4, outChannels: 4, input: [32, 32], kernel: [3, 3] }, 3);
    const models = { stockModel: stockModel(problem), fusedModel: fusedModel(problem) };
    const result = await measure(
      {
        kind: 'model',
        problem: { ...models, inputShapes: { X: problem.inputShape } },
        options: { threads: [1], budgetMs: 50 },
      },
      CHILD,
    );
    assert.equal(result.fusedNodes, 1);
    assert.ok(result.maxError.relative < 1e-5);
    assert.ok(result.measurements[0]!.speedup.median > 0);
  });

  it('refuses a pair whose outputs differ', async () => {
    const problem = pair('none');
    const wrong = { ...problem, scale: problem.scale.map((s) => s + 1) };
    await assert.rejects(
      measure({ kind: 'pair', problem: wrong, options: { threads: [1], budgetMs: 50 } }, CHILD),
      /differs from ONNX Runtime's/u,
    );
  });

  it('ends the process when cancelled', async () => {
    const controller = new AbortController();
    const started = performance.now();
    await assert.rejects(
      measure(
        { kind: 'pair', problem: pair('none', 200), options: { threads: [1], budgetMs: 60_000 } },
        { ...CHILD, signal: controller.signal, onProgress: () => controller.abort() },
      ),
      MeasureCancelled,
    );
    assert.ok(performance.now() - started < 30_000);
    await assert.rejects(
      measure(
        { kind: 'pair', problem: pair('none'), options: { threads: [1], budgetMs: 50 } },
        { signal: controller.signal },
      ),
      MeasureCancelled,
    );
  });

  const misbehaving: [string, string, RegExp][] = [
    ['crashes', 'process.kill(process.pid, "SIGSEGV")', /ended by SIGSEGV.*fault in native code/u],
    ['exits', 'console.error("no luck"); process.exit(3)', /ended with status 3.*It said: no luck/u],
    ['throws', 'throw new TypeError("no such thing")', /status 1.*TypeError: no such thing/u],
    ['hangs', 'setInterval(() => {}, 1000)', /no sign of life/u],
  ];
  for (const [name, code, message] of misbehaving) {
    it(`says so when the process ${name}`, async () => {
      const script = path.join(os.tmpdir(), `fusion-lens-${process.pid}-${name}.js`);
      await writeFile(script, code);
      await assert.rejects(
        measure(
          { kind: 'pair', problem: pair('none'), options: { threads: [1], budgetMs: 50 } },
          { script, silenceMs: name === 'hangs' ? 300 : 20_000 },
        ),
        { name: 'Error', message },
      );
    });
  }

  it('says so when its program is missing', async () => {
    await assert.rejects(
      measure(
        { kind: 'pair', problem: pair('none'), options: { threads: [1], budgetMs: 50 } },
        { script: '/no/such/measure.js' },
      ),
      /program is missing.*npm run build/u,
    );
  });

  it('explains a missing or broken addon', async () => {
    const missing = loadKernel('/no/such/addon.node');
    assert.ok('remedy' in missing && missing.message.includes('not built'));
    const broken = path.join(os.tmpdir(), `fusion-lens-${process.pid}-broken.node`);
    await writeFile(broken, 'not a library');
    const unavailable = loadKernel(broken);
    assert.ok('remedy' in unavailable && unavailable.remedy.includes('npm run build'));
    const script = path.join(os.tmpdir(), `fusion-lens-${process.pid}-unavailable.js`);
    await writeFile(script, `process.send({ kind: 'unavailable', unavailable: ${JSON.stringify(unavailable)} })`);
    await assert.rejects(
      measure({ kind: 'pair', problem: pair('none'), options: { threads: [1], budgetMs: 50 } }, { script }),
      (error) => error instanceof KernelUnavailableError && error.remedy === unavailable.remedy,
    );
  });
});
