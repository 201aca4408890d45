import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { findCompiler } from '../../src/kernel/toolchain';
import { compareOutputs } from '../../src/measure/compare';
import { type Kernel, type OnnxRuntime, onnxRuntimeLibrary, type Session } from '../../src/measure/kernel';
import { normalArray } from '../../src/measure/random';
import { builtKernel, elements, fusedModel, makeProblem, randomTransposed, type Shape, stockModel } from './support';

describe('ONNX Runtime driver', function () {
  this.timeout(120_000);
  let kernel: Kernel;
  let runtime: OnnxRuntime;
  const addon = path.resolve('dist/kernel/fusion-kernel.node');

  before(async function () {
    const built = await builtKernel('release');
    const library = onnxRuntimeLibrary();
    if (built === undefined || typeof library !== 'string') this.skip();
    kernel = built;
    runtime = new kernel.OnnxRuntime(library);
  });

  const run = (model: Uint8Array, shape: readonly number[], x: Float32Array, fusedOps: boolean): Session => {
    const session = new kernel.Session(runtime, model, { threads: 2, fusedOps });
    session.setInput('X', 'float', shape, x);
    assert.ok(session.run() > 0);
    return session;
  };

  const shapes: [string, Shape][] = [
    ['plain', { channels: 3, outChannels: 8, input: [20, 24], kernel: [3, 3] }],
    [
      'Relu, strided',
      {
        batch: 2,
        channels: 8,
        outChannels: 6,
        input: [31, 30],
        kernel: [3, 3],
        strides: [2, 2],
        pads: [1, 1, 1, 1],
        activation: 'Relu',
      },
    ],
    [
      'LeakyRelu, grouped',
      {
        channels: 8,
        outChannels: 12,
        group: 4,
        input: [16, 16],
        kernel: [5, 5],
        pads: [2, 2, 2, 2],
        activation: 'LeakyRelu',
      },
    ],
    ['dilated', { channels: 4, outChannels: 4, input: [20, 20], kernel: [3, 3], dilations: [2, 3] }],
  ];
  for (const [name, shape] of shapes) {
    it(`runs the fused operator with stock's output: ${name}`, () => {
      const { problem, x } = makeProblem(shape, 11);
      const stock = run(stockModel(problem), problem.inputShape, x, false);
      const body = run(fusedModel(problem), problem.inputShape, x, false);
      const fused = run(fusedModel(problem), problem.inputShape, x, true);
      assert.deepEqual(
        [stock, body, fused].map((session) => session.fusedRuns()),
        [0, 0, 1],
      );
      const expected = stock.output(0);
      assert.deepEqual(fused.output(0).shape, expected.shape);
      assert.equal(compareOutputs(body.output(0).data as Float32Array, expected.data as Float32Array).absolute, 0);
      assert.ok(compareOutputs(fused.output(0).data as Float32Array, expected.data as Float32Array).relative < 1e-5);
    });
  }

  const conv: Shape = { batch: 2, channels: 5, outChannels: 6, input: [18, 21], kernel: [3, 3], pads: [1, 2, 0, 1] };
  const family: [string, Shape][] = [
    ['Conv', conv],
    ['ReflectPadConv', { ...conv, border: 'reflect' }],
    ['EdgePadConv', { ...conv, border: 'edge', strides: [2, 1] }],
    [
      'ConvTranspose',
      { ...conv, strides: [2, 3], outputPadding: [1, 0], transposed: true, pads: [1, 0, 1, 2], kernel: [3, 4] },
    ],
  ];
  for (const [name, shape] of family) {
    for (const activation of ['none', 'Relu', 'LeakyRelu'] as const) {
      it(`runs ${name}InstanceNormalization [Add] ${activation}`, () => {
        const { problem, x } = makeProblem({ ...shape, activation }, 23);
        const { outputShape } = new kernel.Plan(problem);
        const [n, m, h, w] = outputShape as [number, number, number, number];
        // No residual; each way of broadcasting; and sums that are larger than the convolution's output.
        const sums = [undefined, [n, m, h, w], [m, 1, 1], [1], [h, 1], [1, m, h, w], [3, 1, m, 1, w]];
        for (const [index, sum] of sums.entries()) {
          const residual = sum && { data: normalArray(elements(sum), index), shape: sum };
          const variant = residual === undefined ? {} : { residual };
          const stock = run(stockModel(problem, variant), problem.inputShape, x, false).output(0);
          const session = run(fusedModel(problem, variant), problem.inputShape, x, true);
          assert.equal(session.fusedRuns(), 1);
          const fused = session.output(0);
          assert.deepEqual(fused.shape, stock.shape);
          const error = compareOutputs(fused.data as Float32Array, stock.data as Float32Array).relative;
          assert.ok(error < 1e-5, `residual of shape [${sum?.join(', ')}]: ${error}`);
        }
        const wrong = { residual: { data: normalArray(w + 1, 1), shape: [w + 1] } };
        assert.throws(() => run(fusedModel(problem, wrong), problem.inputShape, x, true), /broadcast/u);
      });
    }
  }

  it('pads and sizes transposed convolutions as ONNX Runtime does', () => {
    const base: Shape = { channels: 2, outChannels: 3, input: [7, 6], kernel: [3, 4], transposed: true };
    for (let seed = 1; seed <= 30; seed++) {
      const { problem, x } = makeProblem(seed % 3 === 0 ? base : randomTransposed(seed * 3571), seed);
      const stock = run(stockModel(problem), problem.inputShape, x, false).output(0);
      const fused = run(fusedModel(problem), problem.inputShape, x, true).output(0);
      assert.deepEqual(fused.shape, stock.shape);
      assert.ok(compareOutputs(fused.data as Float32Array, stock.data as Float32Array).relative < 2e-4, `seed ${seed}`);
    }
  });

  for (const activation of ['none', 'Relu', 'LeakyRelu'] as const) {
    it(`passes NaN and infinity on as ONNX Runtime does: ${activation}`, () => {
      const shape: Shape = {
        batch: 2,
        channels: 2,
        outChannels: 3,
        input: [40, 40],
        kernel: [3, 3],
        pads: [1, 1, 1, 1],
        activation,
      };
      for (const value of [NaN, Infinity, -Infinity]) {
        const { problem, x } = makeProblem(shape, 13);
        x[700] = value;
        const stock = run(stockModel(problem), problem.inputShape, x, false).output(0).data as Float32Array;
        const fused = run(fusedModel(problem), problem.inputShape, x, true).output(0).data as Float32Array;
        assert.ok(stock.some(Number.isNaN) && !stock.every(Number.isNaN));
        assert.ok(compareOutputs(fused, stock).relative < 1e-5, `${value}`);
      }
    });
  }

  it('follows a change of the input shape', () => {
    const { problem, x } = makeProblem({ channels: 3, outChannels: 4, input: [16, 16], kernel: [3, 3] }, 17);
    const inputShape = ['n', 3, 'h', 'w'];
    const fused = new kernel.Session(runtime, fusedModel(problem, { inputShape }), { threads: 1, fusedOps: true });
    const stock = new kernel.Session(runtime, stockModel(problem, { inputShape }), { threads: 1 });
    for (const shape of [
      [1, 3, 16, 16],
      [1, 3, 12, 20],
      [1, 3, 16, 16],
    ]) {
      for (const session of [fused, stock]) {
        session.setInput(
          'X',
          'float',
          shape,
          x.subarray(
            0,
            shape.reduce((a, b) => a * b),
          ),
        );
        session.run();
      }
      assert.deepEqual(fused.output(0).shape, [1, 4, shape[2]! - 2, shape[3]! - 2]);
      const error = compareOutputs(fused.output(0).data as Float32Array, stock.output(0).data as Float32Array);
      assert.ok(error.relative < 1e-5);
    }
    assert.equal(fused.fusedRuns(), 3);
  });

  it('refuses versions that it does not know', function () {
    const compiler = findCompiler();
    if (compiler?.style !== 'gnu') this.skip();
    for (const version of ['1.16.3', '2.0.0', 'nightly']) {
      // A library that has nothing but what every ONNX Runtime has.
      const base = path.join(os.tmpdir(), `fusion-lens-${process.pid}-${version}`);
      writeFileSync(
        `${base}.c`,
        `struct Base { const void* (*api)(unsigned); const char* (*version)(void); };
         static const void* api(unsigned v) { (void)v; return 0; }
         static const char* version(void) { return "${version}"; }
         static const struct Base base = { api, version };
         const struct Base* OrtGetApiBase(void) { return &base; }`,
      );
      execFileSync(compiler.command, ['-x', 'c', '-shared', '-fPIC', `${base}.c`, '-o', `${base}.so`]);
      assert.throws(() => new kernel.OnnxRuntime(`${base}.so`), new RegExp(`${version}.*not supported`, 'u'));
    }
  });

  it('turns every refusal into an Error', () => {
    const { problem, x } = makeProblem({ channels: 3, outChannels: 4, input: [16, 16], kernel: [3, 3] }, 17);
    const options = { threads: 1 };
    assert.throws(() => new kernel.OnnxRuntime('/no/such/library.so'), /Could not load ONNX Runtime/u);
    assert.throws(() => new kernel.OnnxRuntime(addon), /not an ONNX Runtime library/u);
    assert.throws(() => new kernel.Session(runtime, new Uint8Array(10), options), /protobuf/iu);
    assert.throws(() => new kernel.Session(runtime, stockModel(problem), { threads: 0 }), /threads/u);
    const session = new kernel.Session(runtime, stockModel(problem), options);
    assert.throws(() => session.run(), /"X" has no value/u);
    assert.throws(() => session.output(0), /not been run/u);
    assert.throws(() => session.setInput('Z', 'float', [1], new Float32Array(1)), /no input "Z"/u);
    assert.throws(() => session.setInput('X', 'float', [2], new Float32Array(1)), /bytes/u);
    assert.throws(() => session.setInput('X', 'int32', [1], new Float32Array(1)), /not an array of int32/u);
    session.setInput('X', 'float', [1, 3, 4, 4], x.subarray(0, 48));
    assert.throws(() => session.run(), /dimension/iu);
    session.release();
    assert.throws(() => session.run(), /released/u);
    const bad = fusedModel({ ...problem, scale: new Float32Array(3) });
    assert.throws(() => {
      const fused = new kernel.Session(runtime, bad, { ...options, fusedOps: true });
      fused.setInput('X', 'float', problem.inputShape, x);
      fused.run();
    }, /scale/u);
  });
});
