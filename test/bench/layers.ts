/**
 * A table of layers: stock ONNX Runtime, our convolution unfused, and fused.
 *
 *   npx tsx test/bench/layers.ts [--threads 1,2] [--seconds 2] [--set avx2] [--exact] [name part …]
 *
 * Stock, the control and the fused kernel take turns. On one thread the times are processor time, which other programs
 * on the machine disturb least; on more threads they are wall-clock time. Both are the shortest of all rounds. GFLOP/s
 * count the multiply-adds of the direct algorithm, whichever one ran. `fusion` is the control's time by the fused
 * kernel's: what fusing alone gains; `conv` is what our convolution gains over the runtime's. `roofline` is the least
 * time of the direct algorithm on this machine, its multiply-adds at the measured peak and its tensors once through
 * memory; Winograd's algorithm needs fewer multiply-adds and can be faster. `target` is what the layer should reach.
 */
import { parseArgs } from 'node:util';
import { compareOutputs } from '../../src/measure/compare';
import { interleave } from '../../src/measure/interleave';
import { type Kernel, loadEngines, type OnnxRuntime } from '../../src/measure/kernel';
import { elements, makeProblem, type Shape, stockModel } from '../kernel/support';

interface Layer {
  readonly name: string;
  readonly shape: Shape;
  /** Least speedup over stock, on one thread. */
  readonly target?: number;
}

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

/** Doubles the plane, as decoders do. */
function transposed(channels: number, outChannels: number, size: number): Shape {
  return { ...conv(channels, outChannels, size, 3, 2), outputPadding: [1, 1], transposed: true };
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

const LAYERS: readonly Layer[] = [
  { name: '3x3 128>128 @64', shape: conv(128, 128, 64, 3), target: 3.3 },
  { name: '3x3 128>128 @128', shape: conv(128, 128, 128, 3), target: 3.3 },
  { name: '3x3 256>256 @64', shape: conv(256, 256, 64, 3), target: 3.3 },
  { name: '3x3 64>64 @256', shape: conv(64, 64, 256, 3), target: 2.8 },
  { name: '3x3 32>32 @512', shape: conv(32, 32, 512, 3), target: 2.3 },
  { name: '3x3 64>32 @512', shape: conv(64, 32, 512, 3), target: 2.3 },
  { name: '9x9 3>32 @512', shape: conv(3, 32, 512, 9), target: 2.3 },
  { name: '3x3 s2 32>64 @512', shape: conv(32, 64, 512, 3, 2), target: 1.3 },
  { name: '3x3 s2 64>128 @256', shape: conv(64, 128, 256, 3, 2), target: 1.3 },
  { name: '3x3x3 32>32 @64', shape: volume(32, 32, 64), target: 3.8 },
  { name: '3x3x3 1>32 @96', shape: volume(1, 32, 96), target: 2 },
  { name: 'depthwise 64 @256', shape: conv(64, 64, 256, 3, 1, 64), target: 2.3 },
  { name: 'depthwise 256 @64', shape: conv(256, 256, 64, 3, 1, 256), target: 2.3 },
  { name: '1x1 64>64 @256', shape: conv(64, 64, 256, 1), target: 1.5 },
  { name: '1x1 256>256 @64', shape: conv(256, 256, 64, 1), target: 1.15 },
  { name: 'transposed 128>64 @64', shape: transposed(128, 64, 64), target: 1.5 },
  { name: 'transposed 64>32 @128', shape: transposed(64, 32, 128), target: 1.5 },
];
/** Not among the layers that the mean counts. */
const OTHERS: readonly Layer[] = [
  { name: '3x3 512>512 @16', shape: conv(512, 512, 16, 3) },
  { name: '7x7 s2 3>64 @224', shape: conv(3, 64, 224, 7, 2) },
  { name: '3x3 64>64 @28', shape: conv(64, 64, 28, 3) },
  { name: '3x3 reflect 128>128 @64', shape: { ...conv(128, 128, 64, 3), border: 'reflect' } },
  { name: '9x9 reflect 3>32 @512', shape: { ...conv(3, 32, 512, 9), border: 'reflect' } },
  { name: '9x9 32>3 @256', shape: conv(32, 3, 256, 9) },
];

interface Timing {
  wall: number;
  cpu: number;
}

interface Engines {
  readonly kernel: Kernel;
  readonly runtime: OnnxRuntime;
}

interface Options {
  readonly threads: number;
  readonly seconds: number;
  readonly instructionSet: string;
  readonly exact: boolean;
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Multiply-adds of the direct algorithm. */
function multiplyAdds(shape: Shape, outputShape: readonly number[]): number {
  const group = shape.group ?? 1;
  const perChannel = (shape.channels / group) * elements(shape.kernel);
  const places = shape.transposed ? elements(shape.input) : elements(outputShape.slice(2));
  return (shape.batch ?? 1) * shape.outChannels * perChannel * places;
}

/** Multiply-adds and bytes per millisecond that one thread reaches here, measured with the kernel itself. */
interface Peak {
  readonly multiplyAdds: number;
  readonly bytes: number;
}

async function measurePeak({ kernel }: Engines, instructionSet: string): Promise<Peak> {
  const shortest = async (run: () => number): Promise<number> => {
    const [times] = await interleave([{ name: 'peak', run }], { budgetMs: 300 });
    return Math.min(...times!);
  };
  // Long reductions from the nearest caches.
  const dense: Shape = { channels: 384, outChannels: 96, input: [16, 32], kernel: [1, 1] };
  const made = makeProblem(dense, 1);
  const plan = new kernel.Plan({ ...made.problem, instructionSet, algorithm: 'direct' });
  const y = kernel.alignedFloats(elements(plan.outputShape));
  const milliseconds = await shortest(() => plan.run(made.x, y, { threads: 1, fused: true }));
  // A copy beyond the caches: read, and written.
  const from = kernel.alignedFloats(24 << 20);
  const to = kernel.alignedFloats(24 << 20);
  const copy = await shortest(() => {
    const start = performance.now();
    to.set(from);
    return performance.now() - start;
  });
  return { multiplyAdds: multiplyAdds(dense, plan.outputShape) / milliseconds, bytes: (2 * from.byteLength) / copy };
}

async function measureLayer(engines: Engines, { name, shape, target }: Layer, o: Options, peak: Peak): Promise<number> {
  const { kernel, runtime } = engines;
  const { threads, instructionSet } = o;
  const made = makeProblem(shape, 1);
  const { problem } = made;
  const x = kernel.alignedFloats(made.x.length);
  x.set(made.x);
  const plan = new kernel.Plan({ ...problem, instructionSet, algorithm: o.exact ? 'exact' : 'fastest' });
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
  await interleave(candidates, { budgetMs: 1000 * o.seconds });
  plan.run(x, y, { threads, fused: true });
  const error = compareOutputs(y, session.output(0).data as Float32Array).relative;
  session.release();
  const [stock, unfused, fused] = best.map((t) => (threads === 1 ? t.cpu : t.wall)) as [number, number, number];
  const work = multiplyAdds(shape, plan.outputShape);
  const bound = Math.max(work / peak.multiplyAdds / threads, (4 * (x.length + y.length)) / peak.bytes);
  print(
    name.padEnd(25) +
      plan.algorithm.padEnd(10) +
      [stock, unfused, fused].map((ms) => ms.toFixed(2).padStart(9)).join('') +
      `${(stock / fused).toFixed(2)}x`.padStart(9) +
      (target === undefined ? '' : `${target}x`).padStart(8) +
      `${(unfused / fused).toFixed(2)}x`.padStart(8) +
      `${(stock / unfused).toFixed(2)}x`.padStart(7) +
      ((2 * work) / fused / 1e6).toFixed(1).padStart(9) +
      bound.toFixed(2).padStart(10) +
      error.toExponential(1).padStart(10),
  );
  return stock / fused;
}

const geometricMean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      threads: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '2' },
      set: { type: 'string' },
      exact: { type: 'boolean', default: false },
    },
  });
  const engines = loadEngines();
  if (!('kernel' in engines)) throw new Error(`${engines.message} ${engines.remedy}`);
  const instructionSet = values.set ?? engines.kernel.instructionSets[0]!;
  const peak = await measurePeak(engines, instructionSet);
  print(
    `ONNX Runtime ${engines.runtime.version}, ${instructionSet}; one thread reaches ` +
      `${((2 * peak.multiplyAdds) / 1e6).toFixed(0)} GFLOP/s and copies ${(peak.bytes / 1e6).toFixed(1)} GB/s`,
  );
  const wanted = ({ name }: Layer): boolean =>
    positionals.length === 0 || positionals.some((part) => name.includes(part));
  for (const threads of values.threads.split(',').map(Number)) {
    const options = { threads, seconds: Number(values.seconds), instructionSet, exact: values.exact };
    print(`\n${threads} thread(s); milliseconds of ${threads === 1 ? 'processor' : 'wall-clock'} time`);
    print(
      'layer                    algorithm     stock  unfused    fused  speedup  target  fusion   conv  GFLOP/s  roofline     error',
    );
    const speedups: number[] = [];
    for (const layer of LAYERS.filter(wanted)) speedups.push(await measureLayer(engines, layer, options, peak));
    if (speedups.length > 0) {
      print(`geometric mean ${geometricMean(speedups).toFixed(2)}x, least ${Math.min(...speedups).toFixed(2)}x`);
    }
    for (const layer of OTHERS.filter(wanted)) await measureLayer(engines, layer, options, peak);
  }
}

void main();
