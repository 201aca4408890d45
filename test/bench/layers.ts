/**
 * A table of layers: stock ONNX Runtime, our convolution unfused, and fused.
 *
 *   npx tsx test/bench/layers.ts [--threads 1] [--seconds 2] [--set avx2] [name part …]
 *
 * On one thread the times are processor time, which other programs on the machine disturb least; on more threads they
 * are wall-clock time. Both are the shortest of all interleaved runs. GFLOP/s count the multiply-adds of the direct
 * algorithm, whichever one ran.
 */
import { parseArgs } from 'node:util';
import { compareOutputs } from '../../src/measure/compare';
import { interleave } from '../../src/measure/interleave';
import { loadEngines } from '../../src/measure/kernel';
import { elements, makeProblem, type Shape, stockModel } from '../kernel/support';

const same = (size: number, axes = 2): number[] => Array<number>(2 * axes).fill(size);

function conv(channels: number, outChannels: number, size: number, kernel: number, stride = 1, group = 1): Shape {
  return {
    channels,
    outChannels,
    group,
    input: [size, size],
    kernel: [kernel, kernel],
    strides: [stride, stride],
    pads: same((kernel - 1) >> 1),
    activation: 'Relu',
  };
}

function volume(channels: number, outChannels: number, size: number): Shape {
  return {
    channels,
    outChannels,
    input: [size, size, size],
    kernel: [3, 3, 3],
    pads: same(1, 3),
    activation: 'Relu',
  };
}

const LAYERS: readonly (readonly [string, Shape])[] = [
  ['3x3 128>128 @64', conv(128, 128, 64, 3)],
  ['3x3 128>128 @128', conv(128, 128, 128, 3)],
  ['3x3 256>256 @64', conv(256, 256, 64, 3)],
  ['3x3 64>64 @256', conv(64, 64, 256, 3)],
  ['3x3 32>32 @512', conv(32, 32, 512, 3)],
  ['3x3 64>32 @512', conv(64, 32, 512, 3)],
  ['9x9 3>32 @512', conv(3, 32, 512, 9)],
  ['3x3 s2 32>64 @512', conv(32, 64, 512, 3, 2)],
  ['3x3 s2 64>128 @256', conv(64, 128, 256, 3, 2)],
  ['depthwise 64 @256', conv(64, 64, 256, 3, 1, 64)],
  ['depthwise 256 @64', conv(256, 256, 64, 3, 1, 256)],
  ['1x1 64>64 @256', conv(64, 64, 256, 1)],
  ['1x1 256>256 @64', conv(256, 256, 64, 1)],
  ['3x3x3 32>32 @64', volume(32, 32, 64)],
  ['3x3x3 1>32 @96', volume(1, 32, 96)],
  ['3x3 512>512 @16', conv(512, 512, 16, 3)],
  ['7x7 s2 3>64 @224', conv(3, 64, 224, 7, 2)],
  ['3x3 64>64 @28', conv(64, 64, 28, 3)],
];

interface Timing {
  wall: number;
  cpu: number;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      threads: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '2' },
      set: { type: 'string' },
    },
  });
  const threads = Number(values.threads);
  const engines = loadEngines();
  if (!('kernel' in engines)) throw new Error(`${engines.message} ${engines.remedy}`);
  const { kernel, runtime } = engines;
  const instructionSet = values.set ?? kernel.instructionSets[0]!;
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  print(`ONNX Runtime ${runtime.version}, ${instructionSet}, ${threads} thread(s); milliseconds`);
  print('layer                  algorithm      stock  unfused    fused  speedup  fusion  conv   GFLOP/s    error');
  let logarithms = 0;
  let count = 0;
  for (const [name, shape] of LAYERS) {
    if (positionals.length > 0 && !positionals.some((part) => name.includes(part))) continue;
    const made = makeProblem(shape, 1);
    const { problem } = made;
    const x = kernel.alignedFloats(made.x.length);
    x.set(made.x);
    const plan = new kernel.Plan({ ...problem, instructionSet });
    const session = new kernel.Session(runtime, stockModel(problem), { threads });
    session.setInput('X', 'float', problem.inputShape, x);
    const y = kernel.alignedFloats(elements(plan.outputShape));
    const best: Timing[] = [0, 1, 2].map(() => ({ wall: Infinity, cpu: Infinity }));
    const timed = (index: number, run: () => number) => (): number => {
      const before = process.cpuUsage();
      const wall = run();
      const used = process.cpuUsage(before);
      const timing = best[index]!;
      timing.wall = Math.min(timing.wall, wall);
      timing.cpu = Math.min(timing.cpu, (used.user + used.system) / 1000);
      return wall;
    };
    const candidates = [
      { name: 'stock', run: timed(0, () => session.run()) },
      { name: 'unfused', run: timed(1, () => plan.run(x, y, { threads, fused: false })) },
      { name: 'fused', run: timed(2, () => plan.run(x, y, { threads, fused: true })) },
    ];
    await interleave(candidates, { budgetMs: 1000 * Number(values.seconds) });
    plan.run(x, y, { threads, fused: true });
    const error = compareOutputs(y, session.output(0).data as Float32Array).relative;
    session.release();
    const [stock, unfused, fused] = best.map((t) => (threads === 1 ? t.cpu : t.wall)) as [number, number, number];
    const multiplyAdds = elements(plan.outputShape) * elements(problem.weightsShape.slice(1));
    logarithms += Math.log(stock / fused);
    count++;
    print(
      name.padEnd(22) +
        plan.algorithm.padEnd(11) +
        [stock, unfused, fused].map((ms) => ms.toFixed(2).padStart(9)).join('') +
        `${(stock / fused).toFixed(2)}x`.padStart(9) +
        `${(unfused / fused).toFixed(2)}x`.padStart(8) +
        `${(stock / unfused).toFixed(2)}x`.padStart(7) +
        ((2 * multiplyAdds) / fused / 1e6).toFixed(1).padStart(9) +
        error.toExponential(1).padStart(10),
    );
  }
  print(`geometric mean of the speedups: ${Math.exp(logarithms / count).toFixed(2)}x`);
}

void main();
