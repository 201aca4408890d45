/**
 * The error of ONNX Runtime, of our exact algorithms and of Winograd's, against the reference in double precision, over
 * random shapes and attributes:
 *
 *   npx tsx test/bench/accuracy.ts [--count 1000]
 *
 * A third of the problems has inputs and weights that make the mean of an output plane far larger than its deviation.
 * An error is the largest difference of an output, as a part of the largest output. Fails where the exact algorithms'
 * are larger than ONNX Runtime's, or Winograd's 1e-4 or more.
 */
import { parseArgs } from 'node:util';
import { compareOutputs } from '../../src/measure/compare';
import { type FusedProblem, loadEngines } from '../../src/measure/kernel';
import { uniform } from '../../src/measure/random';
import { median, quantile } from '../../src/measure/statistics';
import {
  elements,
  makeProblem,
  randomShape,
  randomTransposed,
  type Shape,
  stockModel,
  withBorder,
} from '../kernel/support';

/** Planes of fewer elements can have a deviation that is all rounding. */
const LEAST_PLANE = 16;
const WINOGRAD_LIMIT = 1e-4;

/** A 3×3×3 convolution with the sizes of a two-dimensional one. */
function volumeOf({ group = 1, ...flat }: Shape): Shape {
  const [top, left, bottom, right] = flat.pads!.map((pad) => Math.min(pad, 2)) as [number, number, number, number];
  return {
    ...flat,
    channels: flat.channels / group,
    outChannels: Math.min(8, flat.outChannels / group),
    input: [5, ...flat.input.map((size) => size + 3)],
    kernel: [3, 3, 3],
    strides: [1, 1, 1],
    dilations: [1, 1, 1],
    pads: [top, top, left, bottom, bottom, right],
  };
}

function shapeOf(seed: number): Shape {
  const next = uniform(seed);
  const form = next();
  const random = randomShape(seed * 7919);
  if (form < 0.1) return volumeOf(random);
  if (form < 0.2) return randomTransposed(seed * 6151);
  if (form < 0.35) return withBorder(random, form < 0.27 ? 'reflect' : 'edge');
  if (form < 0.65) {
    // What Winograd's algorithm does.
    const { group = 1 } = random;
    const input = random.input.map((size) => size + 5);
    const [channels, outChannels] = [random.channels / group, random.outChannels / group];
    const strides = form < 0.5 ? [1, 1] : [2, 2];
    return { ...random, group: 1, channels, outChannels, input, kernel: [3, 3], strides, dilations: [1, 1] };
  }
  return random;
}

/** All weights of one sign, on inputs far from zero: output planes whose mean is large. */
function withLargeMean({ problem, x }: { problem: FusedProblem; x: Float32Array }): void {
  problem.weights.forEach((weight, index) => (problem.weights[index] = Math.abs(weight)));
  x.forEach((value, index) => (x[index] = value + 100));
}

const RUNTIME = 'ONNX Runtime';
const ALGORITHMS = ['exact', 'winograd', 'winogradF4', 'winogradF6', 'winogradDepth'] as const;
const isWinograd = (name: string): boolean => name.startsWith('winograd');

/** The errors of ONNX Runtime and of the algorithms, by name. */
interface Errors {
  readonly title: string;
  readonly of: ReadonlyMap<string, number[]>;
}

function main(): void {
  const { values } = parseArgs({ options: { count: { type: 'string', default: '1000' } } });
  const engines = loadEngines();
  if (!('kernel' in engines)) throw new Error(`${engines.message} ${engines.remedy}`);
  const { kernel, runtime } = engines;
  const make = (title: string): Errors => ({
    title,
    of: new Map([RUNTIME, ...ALGORITHMS].map((name) => [name, []])),
  });
  const groups = { plain: make('mean near zero'), large: make('mean ≫ deviation') };
  for (let seed = 1; seed <= Number(values.count); seed++) {
    const made = makeProblem(shapeOf(seed), seed);
    const large = seed % 3 === 0;
    if (large) withLargeMean(made);
    const { problem, x } = made;
    const expected = kernel.reference(problem, x);
    if (elements(new kernel.Plan(problem).outputShape.slice(2)) < LEAST_PLANE) continue;
    const errors = large ? groups.large : groups.plain;
    const session = new kernel.Session(runtime, stockModel(problem), { threads: 1 });
    session.setInput('X', 'float', problem.inputShape, x);
    session.run();
    errors.of.get(RUNTIME)!.push(compareOutputs(session.output(0).data as Float32Array, expected).relative);
    session.release();
    for (const algorithm of ALGORITHMS) {
      try {
        const y = new Float32Array(expected.length);
        new kernel.Plan({ ...problem, algorithm }).run(x, y, { threads: 1, fused: true });
        errors.of.get(algorithm)!.push(compareOutputs(y, expected).relative);
      } catch (error) {
        if (algorithm === 'exact' || !String(error).includes("Winograd's algorithm needs")) throw error;
      }
    }
  }
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  const row = (name: string, errors: readonly number[]): void =>
    print(
      `  ${name.padEnd(14)}${String(errors.length).padStart(9)}` +
        [median(errors), quantile(errors, 0.99), quantile(errors, 1)]
          .map((error) => error.toExponential(1).padStart(10))
          .join(''),
    );
  let failed = false;
  for (const { title, of } of Object.values(groups)) {
    print(`${title.padEnd(16)} problems    median      99 %   largest`);
    for (const [name, errors] of of) row(name, errors);
    const [stock, exact] = [of.get(RUNTIME)!, of.get('exact')!];
    if (median(exact) > median(stock) || quantile(exact, 1) > quantile(stock, 1)) failed = true;
    if (ALGORITHMS.filter(isWinograd).some((name) => quantile(of.get(name)!, 1) >= WINOGRAD_LIMIT)) failed = true;
  }
  print(failed ? 'beyond the limits' : 'within the limits');
  process.exitCode = failed ? 1 : 0;
}

main();
