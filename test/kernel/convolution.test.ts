import assert from 'node:assert/strict';
import { compareOutputs } from '../../src/measure/compare';
import type { Algorithm, FusedProblem, Kernel } from '../../src/measure/kernel';
import {
  builtKernel,
  elements,
  makeProblem,
  makeResidual,
  randomShape,
  randomTransposed,
  type Shape,
  withBorder,
} from './support';

const FLAVOURS = [
  ['release', 'release'],
  ['wide-test', '16-lane code on AVX2'],
] as const;

/** The error that single precision may make: a part of the normalised scale, growing with the reduction. */
function tolerance(problem: FusedProblem, algorithm: string): number {
  const inputs = problem.transposed ? problem.weightsShape[0]! : problem.weightsShape[1]!;
  const direct = 2e-6 * Math.sqrt(inputs * elements(problem.weightsShape.slice(2))) + 1e-5;
  return algorithm === 'winograd' ? 20 * direct : direct;
}

/** Those that can do the layer. */
function algorithmsFor({ problem }: { problem: FusedProblem }): readonly Algorithm[] {
  const { strides, dilations, kernelShape, pads, transposed, group } = problem as Required<FusedProblem>;
  const all = (values: readonly number[], wanted: number): boolean => values.every((value) => value === wanted);
  const others: readonly Algorithm[] = ['exact', 'direct'];
  if (group !== 1 || !all(dilations, 1) || kernelShape.length < 2) return others;
  if (all(strides, 1)) {
    if (transposed || kernelShape.slice(-2).includes(1)) return others;
    const depth: readonly Algorithm[] = kernelShape.length === 3 && kernelShape[0] === 3 ? ['winogradDepth'] : [];
    return ['exact', 'winogradF4', 'winogradF6', ...depth];
  }
  if (!all(kernelShape.slice(-2), 3) || !all(strides.slice(-2), 2)) return others;
  const possible = !transposed || (kernelShape.length === 2 && pads.slice(0, 2).every((pad) => pad % 2 === 1));
  return possible ? ['exact', 'winograd'] : others;
}

function check(kernel: Kernel, shape: Shape, seed: number, note: string, mean = 0, limit?: number): void {
  const made = makeProblem(shape, seed, mean);
  const { problem, x } = made;
  const { outputShape } = new kernel.Plan(problem);
  const added = shape.residualAxes && makeResidual(outputShape, shape.residualAxes, seed + 4);
  const residual = added === undefined ? {} : { residual: added.residual };
  const expected = added === undefined ? kernel.reference(problem, x) : kernel.reference(problem, x, added.expanded);
  for (const instructionSet of kernel.instructionSets) {
    for (const algorithm of algorithmsFor(made)) {
      const plan = new kernel.Plan({ ...problem, instructionSet, algorithm });
      assert.equal(elements(plan.outputShape), expected.length);
      const outputs = [true, false].flatMap((fused) =>
        [1, 3].map((threads) => {
          const y = new Float32Array(expected.length).fill(NaN);
          plan.run(x, y, { threads, fused, ...residual });
          return y;
        }),
      );
      for (const y of outputs) {
        const error = compareOutputs(y, expected);
        assert.ok(
          error.relative <= (limit ?? tolerance(problem, plan.algorithm)),
          `${note} ${instructionSet} ${plan.algorithm}: error ${error.relative} for ${JSON.stringify(shape)}`,
        );
      }
      assert.deepEqual(outputs[0], outputs[1], `${note} ${instructionSet}: the result depends on the thread count`);
    }
  }
}

for (const [flavour, title] of FLAVOURS) {
  describe(`fused convolution against the double-precision reference (${title})`, function () {
    this.timeout(120_000);
    let kernel: Kernel;

    before(async function () {
      this.timeout(600_000); // compiles where the kernel is out of date
      const built = await builtKernel(flavour);
      if (built === undefined || (flavour === 'wide-test' && process.arch !== 'x64')) this.skip();
      kernel = built;
    });

    it('agrees on random shapes and attributes', () => {
      for (let seed = 1; seed <= 120; seed++) check(kernel, randomShape(seed * 7919), seed, `seed ${seed}`);
    });

    it('agrees on random shapes with stride and dilation 1', () => {
      for (let seed = 1; seed <= 80; seed++) {
        const { group = 1, ...shape } = randomShape(seed * 104729);
        const channels = shape.channels / group;
        const outChannels = shape.outChannels / group;
        const ungrouped: Shape = { ...shape, channels, outChannels, strides: [1, 1], dilations: [1, 1] };
        check(kernel, ungrouped, seed, `seed ${seed}`);
      }
    });

    it('agrees on random 3×3×3 shapes', () => {
      for (let seed = 1; seed <= 40; seed++) {
        const { group = 1, ...flat } = randomShape(seed * 1299709);
        const [depth, padding] = [1 + (seed % 8), [seed % 3, (seed >> 1) % 3]];
        const shape: Shape = {
          ...flat,
          channels: Math.min(8, flat.channels / group),
          outChannels: Math.min(8, flat.outChannels / group),
          input: [depth + 2, ...flat.input.map((size) => size + 3)],
          kernel: [3, 3, 3],
          strides: [1, 1, 1],
          dilations: [1, 1, 1],
          pads: [padding[0]!, ...flat.pads!.slice(0, 2), padding[1]!, ...flat.pads!.slice(2)],
        };
        check(kernel, shape, seed, `seed ${seed}`);
        check(kernel, withBorder(shape, seed % 2 === 0 ? 'reflect' : 'edge'), seed, `border, seed ${seed}`);
      }
    });

    it('stays exact where the inputs are far from zero', () => {
      for (let seed = 1; seed <= 30; seed++) {
        const { group = 1, ...random } = randomShape(seed * 32452843);
        const shape: Shape = {
          ...random,
          channels: random.channels / group,
          outChannels: random.outChannels / group,
          input: random.input.map((size) => size + 8),
          kernel: [3, 3],
          strides: seed % 3 === 0 ? [2, 2] : [1, 1],
          dilations: [1, 1],
        };
        check(kernel, shape, seed, `seed ${seed}`, 100, 1e-4);
        const transposed: Shape = { ...shape, strides: [2, 2], pads: [1, 1, 1, 1], transposed: true };
        check(kernel, transposed, seed, `transposed, seed ${seed}`, 3);
        check(kernel, withBorder(shape, 'reflect'), seed, `reflect, seed ${seed}`, 100, 1e-4);
      }
    });

    it('sums the moments of long depthwise rows exactly', () => {
      const shape: Shape = { channels: 2, outChannels: 2, group: 2, input: [200_000], kernel: [5], pads: [2, 2] };
      check(kernel, shape, 1, 'long row', 0, 2e-6);
    });

    it('agrees on random transposed convolutions', () => {
      for (let seed = 1; seed <= 100; seed++) check(kernel, randomTransposed(seed * 6151), seed, `seed ${seed}`);
    });

    it('agrees on random 3×3 shapes of stride 2, transposed too', () => {
      for (let seed = 1; seed <= 60; seed++) {
        const random = randomShape(seed * 15485863);
        const group = random.group ?? 1;
        const shape: Shape = {
          ...random,
          group: 1,
          channels: random.channels / group,
          outChannels: random.outChannels / group,
          kernel: [3, 3],
          strides: [2, 2],
          dilations: [1, 1],
        };
        const input = shape.input.map((size) => size + 3);
        check(kernel, { ...shape, input }, seed, `seed ${seed}`);
        check(
          kernel,
          withBorder({ ...shape, input }, seed % 2 === 0 ? 'reflect' : 'edge'),
          seed,
          `border, seed ${seed}`,
        );
        const pads = [1 + 2 * (seed % 2), 1, seed % 3, seed % 4];
        const outputPadding = [seed % 2, (seed >> 1) % 2];
        check(kernel, { ...shape, input, pads, outputPadding, transposed: true }, seed, `transposed, seed ${seed}`);
      }
    });

    it('agrees on random reflecting and repeating borders', () => {
      for (let seed = 1; seed <= 60; seed++) {
        const border = seed % 2 === 0 ? 'reflect' : 'edge';
        const shape = withBorder(randomShape(seed * 7907), border);
        check(kernel, shape, seed, `${border}, seed ${seed}`);
        const plain: Shape = { ...shape, group: 1, strides: [1, 1], dilations: [1, 1] };
        check(kernel, withBorder(plain, border), seed, `${border}, stride 1, seed ${seed}`);
        const depthwise: Shape = { ...shape, group: shape.channels, outChannels: shape.channels };
        check(kernel, depthwise, seed, `${border}, depthwise, seed ${seed}`);
      }
    });

    it('adds residuals of every broadcast shape', () => {
      for (let axes = 0; axes < 32; axes++) {
        const residualAxes = Array.from({ length: 5 }, (_, axis) => (axes & (1 << axis)) !== 0);
        const volume: Shape = { batch: 2, channels: 3, outChannels: 4, input: [3, 6, 9], kernel: [3, 3, 3] };
        const activation = (['none', 'Relu', 'LeakyRelu'] as const)[axes % 3]!;
        check(kernel, { ...volume, pads: [1, 1, 1, 1, 1, 1], activation, residualAxes }, axes, `axes ${axes}`);
        const plane: Shape = { batch: 2, channels: 3, outChannels: 13, input: [19, 23], kernel: [3, 3], activation };
        check(kernel, { ...plane, residualAxes: residualAxes.slice(1) }, axes, `2-D, axes ${axes}`);
      }
    });

    const named: [string, Shape][] = [
      ['1×1 output planes', { channels: 5, outChannels: 7, input: [3, 3], kernel: [3, 3] }],
      ['a 1×1 input', { channels: 3, outChannels: 4, input: [1, 1], kernel: [1, 1] }],
      [
        'a transposed convolution to one element',
        { channels: 3, outChannels: 4, input: [1, 1], kernel: [3, 3], pads: [1, 1, 1, 1], transposed: true },
      ],
      [
        'a transposed stride beyond the kernel',
        { channels: 3, outChannels: 4, input: [5, 6], kernel: [2, 1], strides: [5, 4], transposed: true },
      ],
      [
        'a transposed convolution with many channels',
        {
          channels: 150,
          outChannels: 37,
          input: [23, 31],
          kernel: [3, 3],
          strides: [2, 2],
          pads: [1, 1, 1, 1],
          outputPadding: [1, 1],
          transposed: true,
          activation: 'Relu',
          residualAxes: [true, true, true, true],
        },
      ],
      [
        'a transposed convolution of three dimensions',
        {
          channels: 8,
          outChannels: 9,
          input: [5, 9, 12],
          kernel: [3, 4, 2],
          strides: [2, 2, 2],
          pads: [1, 1, 0, 0, 1, 1],
          transposed: true,
        },
      ],
      [
        'a reflecting border in three dimensions',
        {
          channels: 3,
          outChannels: 8,
          input: [7, 20, 33],
          kernel: [3, 5, 3],
          pads: [2, 3, 1, 1, 4, 3],
          border: 'reflect',
        },
      ],
      ['one column', { channels: 3, outChannels: 4, input: [37, 1], kernel: [3, 1], pads: [1, 0, 1, 0] }],
      [
        'padding larger than the kernel',
        { channels: 3, outChannels: 5, input: [4, 4], kernel: [2, 2], pads: [5, 3, 4, 6] },
      ],
      ['a row of many tiles', { channels: 2, outChannels: 3, input: [2, 1500], kernel: [1, 3], pads: [0, 1, 0, 1] }],
      ['1×1 kernels on a large plane', { channels: 40, outChannels: 70, input: [40, 50], kernel: [1, 1] }],
      ['1×1 kernels with stride 2', { channels: 8, outChannels: 9, input: [21, 33], kernel: [1, 1], strides: [2, 2] }],
      ['a stride beyond the kernel', { channels: 4, outChannels: 6, input: [40, 40], kernel: [2, 3], strides: [5, 7] }],
      [
        'large dilation',
        { channels: 3, outChannels: 4, input: [40, 44], kernel: [3, 3], dilations: [9, 11], pads: [9, 11, 9, 11] },
      ],
      [
        'depthwise',
        {
          channels: 24,
          outChannels: 24,
          group: 24,
          input: [33, 65],
          kernel: [3, 3],
          pads: [1, 1, 1, 1],
          activation: 'Relu',
        },
      ],
      [
        'depthwise with a multiplier',
        { channels: 6, outChannels: 18, group: 6, input: [20, 20], kernel: [5, 5], strides: [2, 2] },
      ],
      [
        '3×3 with many channels',
        {
          channels: 130,
          outChannels: 66,
          input: [17, 19],
          kernel: [3, 3],
          pads: [1, 1, 1, 1],
          activation: 'LeakyRelu',
        },
      ],
      ['a long reduction', { channels: 600, outChannels: 8, input: [9, 9], kernel: [3, 3] }],
      [
        '9×9 from three channels',
        { channels: 3, outChannels: 32, input: [48, 70], kernel: [9, 9], pads: [4, 4, 4, 4] },
      ],
      [
        // More than stays in a cache, in units that do.
        'a streamed output',
        { channels: 3, outChannels: 3, group: 3, input: [1023, 1031], kernel: [3, 3], pads: [1, 1, 1, 1] },
      ],
      [
        'planes of several passes',
        {
          batch: 2,
          channels: 3,
          outChannels: 70,
          input: [120, 140],
          kernel: [3, 3],
          pads: [1, 1, 1, 1],
          activation: 'Relu',
        },
      ],
      ['one dimension', { channels: 5, outChannels: 9, input: [301], kernel: [7], strides: [2], pads: [3, 3] }],
      [
        'three dimensions',
        {
          channels: 4,
          outChannels: 10,
          input: [9, 11, 13],
          kernel: [3, 3, 3],
          strides: [1, 2, 1],
          pads: [1, 1, 1, 1, 1, 1],
        },
      ],
    ];
    for (const [name, shape] of named) it(`agrees on ${name}`, () => check(kernel, shape, 42, name));

    it('keeps its accuracy where the mean is far larger than the deviation', () => {
      // Positive weights on inputs around 1000 make output planes whose mean is some thousand deviations.
      const shape: Shape = { channels: 4, outChannels: 6, input: [40, 40], kernel: [3, 3] };
      const { problem, x } = makeProblem(shape, 5, 1000);
      const positive = { ...problem, weights: problem.weights.map(Math.abs) };
      const expected = kernel.reference(positive, x);
      for (const instructionSet of kernel.instructionSets) {
        const y = new Float32Array(expected.length);
        new kernel.Plan({ ...positive, instructionSet }).run(x, y, { threads: 2, fused: true });
        // Sums of some 20000 carry an absolute error of about 1e-3, against a deviation of about 5.
        assert.ok(compareOutputs(y, expected).relative < 1e-3, instructionSet);
      }
    });
  });
}
