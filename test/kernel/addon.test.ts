import assert from 'node:assert/strict';
import type { FusedProblem, Kernel } from '../../src/measure/kernel';
import { builtKernel, makeProblem } from './support';

describe('kernel addon', function () {
  this.timeout(120_000);
  let kernel: Kernel;

  before(async function () {
    const built = await builtKernel('release');
    if (built === undefined) this.skip();
    kernel = built;
  });

  const { problem, x } = makeProblem({ channels: 2, outChannels: 3, input: [8, 8], kernel: [3, 3] }, 1);

  it('lists baseline last', () => {
    assert.equal(kernel.instructionSets.at(-1), 'baseline');
  });

  it('states its workspace, which grows with the threads', () => {
    const plan = new kernel.Plan(
      makeProblem({ channels: 32, outChannels: 32, input: [64, 64], kernel: [3, 3] }, 1).problem,
    );
    assert.ok(plan.workspaceBytes(1) > 0);
    assert.ok(plan.workspaceBytes(2) > plan.workspaceBytes(1));
  });

  it('allocates arrays that begin at a cache line', () => {
    for (const length of [0, 1, 1000]) {
      const values = kernel.alignedFloats(length);
      assert.equal(values.length, length);
      assert.ok(values.every((value) => value === 0));
    }
    assert.throws(() => kernel.alignedFloats(-1), /out of range/u);
    assert.throws(() => kernel.alignedFloats(2 ** 39), /./u);
  });

  it('refuses an algorithm that cannot do the layer', () => {
    const strided = { ...problem, strides: [3, 3] };
    assert.throws(() => new kernel.Plan({ ...strided, algorithm: 'winograd' }), /needs dilation 1/u);
    assert.throws(() => new kernel.Plan({ ...problem, algorithm: 'depthwise' }), /one input channel a group/u);
    assert.throws(() => new kernel.Plan({ ...problem, algorithm: 'fft' as 'direct' }), /"fft" is unknown/u);
  });

  const bad: [string, Partial<Record<keyof FusedProblem | 'instructionSet', unknown>>, RegExp][] = [
    ['an input of two axes', { inputShape: [1, 2] }, /3 to 5 axes/u],
    ['weights of another rank', { weightsShape: [3, 2, 3] }, /as many axes/u],
    ['a negative size', { inputShape: [1, 2, -8, 8] }, /at least 1/u],
    ['a size that is no integer', { inputShape: [1, 2, 8.5, 8] }, /inputShape must be an integer/u],
    ['a shape that is no array', { inputShape: 'large' }, /array of integers/u],
    ['a huge shape', { inputShape: [1, 2, 2 ** 29, 2 ** 29] }, /10\^12/u],
    ['another number of channels', { inputShape: [1, 3, 8, 8] }, /2 input channels, not 3/u],
    ['a group that does not divide', { group: 2, weightsShape: [3, 1, 3, 3] }, /output channels are no multiple/u],
    ['a group of zero', { group: 0 }, /group count/u],
    ['a stride of zero', { strides: [0, 1] }, /stride must be at least 1/u],
    ['too few pads', { pads: [1, 1] }, /pads has 2 values, not 4/u],
    ['a negative pad', { pads: [-1, 0, 0, 0] }, /no padding may be negative/u],
    ['a kernel_shape that differs', { kernelShape: [5, 5] }, /kernel_shape/u],
    ['a kernel larger than the input', { dilations: [9, 1] }, /larger than the padded input/u],
    ['weights of the wrong length', { weights: new Float32Array(5) }, /weights has 5 elements, not 54/u],
    ['doubles for weights', { weights: new Float64Array(54) }, /Float32Array/u],
    ['no scale', { scale: undefined }, /scale is missing/u],
    ['an unknown activation', { activation: 'Gelu' }, /"Gelu" is unknown/u],
    ['an unknown instruction set', { instructionSet: 'mmx' }, /"mmx" is not available/u],
  ];
  for (const [name, change, message] of bad) {
    it(`refuses ${name}`, () => {
      assert.throws(() => new kernel.Plan({ ...problem, ...change } as FusedProblem), { name: 'Error', message });
    });
  }

  it('refuses bad arguments of run', () => {
    const plan = new kernel.Plan(problem);
    const y = new Float32Array(3 * 6 * 6);
    const options = { threads: 1, fused: true };
    assert.throws(() => plan.run(x.subarray(1), y, options), /x has 127 elements, not 128/u);
    assert.throws(() => plan.run(x, y.subarray(1), options), /y has 107 elements/u);
    assert.throws(() => plan.run(x, y, { ...options, threads: 0 }), /threads must be between/u);
    assert.throws(() => plan.run(x, y, { ...options, threads: 1.5 }), /integer/u);
    const shared = new Float32Array(256);
    assert.throws(() => plan.run(shared.subarray(0, 128), shared.subarray(40, 148), options), /overlap/u);
    assert.throws(() => plan.run.call({} as never, x, y, options), /Illegal invocation|wrong kind of object/u);
    const noRuntime = plan as unknown as { readonly version: string };
    assert.throws(() => new kernel.Session(noRuntime, new Uint8Array(3), { threads: 1 }), /wrong kind of object/u);
    const bare = kernel.Plan as unknown as () => unknown;
    assert.throws(() => bare(), /./u);
  });
});
