/**
 * Whole models, the stock file against the fused file in one process:
 *
 *   npm run build && npx tsx test/bench/models.ts [--threads 1,2] [--seconds 20] [--exact] FILE[@NAME=N…] …
 *
 * Without a file: TransformerNet at 512² (from ../shared/models), and the CycleGAN and nnU-Net that
 * `python test/bench/make-models.py /tmp/bench-models` makes. Sizes of symbolic dimensions follow the file's name.
 *
 * The two take turns. On one thread the times are processor time, on more wall-clock time; the ratio is that of the
 * medians, with half the interquartile range of the ratios of all rounds. Then both run once under the runtime's
 * profiler: which operators the time goes to, fused ops apart from what stays outside.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { compareOutputs } from '../../src/measure/compare';
import { interleave } from '../../src/measure/interleave';
import {
  type Kernel,
  loadEngines,
  type OnnxRuntime,
  type Session,
  type SessionOptions,
} from '../../src/measure/kernel';
import { normalArray } from '../../src/measure/random';
import { figure, ratioOfMedians } from '../../src/measure/statistics';
import { elements } from '../kernel/support';

const DEFAULTS = [
  '../shared/models/pytorch/fns_full_dynamic_op17.onnx@*=512',
  '/tmp/bench-models/cyclegan_resnet9.onnx',
  '/tmp/bench-models/nnunet3d.onnx',
];
const MOST_NODES = 12;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

interface Engines {
  readonly kernel: Kernel;
  readonly runtime: OnnxRuntime;
}

/** Batch and channels are 1 where they are symbolic, other axes `size`. */
function fillInputs(session: Session, size: number): void {
  session.inputs.forEach((input, index) => {
    if (input.type !== 'float') throw new Error(`Input "${input.name}" isn't float.`);
    const shape = input.shape.map((length, axis) => (length > 0 ? length : axis < 2 ? 1 : size));
    session.setInput(input.name, 'float', shape, normalArray(elements(shape), index + 1));
  });
}

/** An entry of the profile, the times in microseconds. */
interface Event {
  readonly cat: string;
  readonly name: string;
  readonly dur: number;
  readonly args?: { readonly op_name?: string; readonly output_type_shape?: readonly Record<string, number[]>[] };
}

interface NodeTime {
  readonly op: string;
  readonly name: string;
  readonly shape: string;
  readonly milliseconds: number;
}

/** The times of the nodes in the last run. */
function profile(engines: Engines, model: Uint8Array, options: SessionOptions, size: number): NodeTime[] {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'fusion-lens-profile-'));
  try {
    const { kernel, runtime } = engines;
    const session = new kernel.Session(runtime, model, { ...options, profilePrefix: path.join(folder, 'profile') });
    fillInputs(session, size);
    for (let run = 0; run < 2; run++) session.run();
    session.release();
    const events = JSON.parse(readFileSync(path.join(folder, readdirSync(folder)[0]!), 'utf8')) as Event[];
    const nodes = events.filter(({ cat, name }) => cat === 'Node' && name.endsWith('_kernel_time'));
    return nodes.slice(nodes.length / 2).map(({ name, dur, args }) => ({
      op: args?.op_name ?? '?',
      name: name.replace(/_kernel_time$/u, ''),
      shape: Object.values(args?.output_type_shape?.[0] ?? {})
        .map((sizes) => sizes.join('×'))
        .join(' '),
      milliseconds: dur / 1000,
    }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function printProfile(title: string, nodes: readonly NodeTime[], unprofiled: number): void {
  const total = nodes.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const share = (milliseconds: number): string => `${((100 * milliseconds) / total).toFixed(1).padStart(6)} %`;
  const ops = new Map<string, { count: number; milliseconds: number }>();
  for (const { op, milliseconds } of nodes) {
    const sum = ops.get(op) ?? { count: 0, milliseconds: 0 };
    ops.set(op, { count: sum.count + 1, milliseconds: sum.milliseconds + milliseconds });
  }
  print(`  ${title}, profiled: ${total.toFixed(1)} ms in nodes (unprofiled run ${unprofiled.toFixed(1)} ms)`);
  const byTime = [...ops].sort(([, a], [, b]) => b.milliseconds - a.milliseconds);
  for (const [op, { count, milliseconds }] of byTime.slice(0, MOST_NODES)) {
    print(`    ${share(milliseconds)} ${milliseconds.toFixed(1).padStart(8)} ms  ${String(count).padStart(3)} ${op}`);
  }
  print('    nodes:');
  for (const node of [...nodes].sort((a, b) => b.milliseconds - a.milliseconds).slice(0, MOST_NODES)) {
    const milliseconds = node.milliseconds.toFixed(1).padStart(8);
    print(`    ${share(node.milliseconds)} ${milliseconds} ms  ${node.op} ${node.shape}  ${node.name}`);
  }
}

interface Options {
  readonly threads: readonly number[];
  readonly seconds: number;
  readonly exact: boolean;
}

async function measureModel(engines: Engines, spec: string, folder: string, o: Options): Promise<void> {
  const { kernel, runtime } = engines;
  const [file, dimension] = spec.split('@') as [string, string?];
  const size = Number(dimension?.split('=')[1] ?? 1);
  const fusedFile = path.join(folder, 'fused.onnx');
  const fuse = spawnSync(process.execPath, ['dist/cli.js', 'fuse', file, '-o', fusedFile], { encoding: 'utf8' });
  if (fuse.status !== 0) throw new Error(fuse.stderr);
  const models = [readFileSync(file), readFileSync(fusedFile)] as const;
  for (const threads of o.threads) {
    const options: readonly SessionOptions[] = [{ threads }, { threads, fusedOps: true, exact: o.exact }];
    const sessions = options.map((each, i) => new kernel.Session(runtime, models[i]!, each));
    const fused = sessions[1]!;
    for (const session of sessions) {
      fillInputs(session, size);
      session.run();
    }
    const [expected, actual] = sessions.map((session) => session.output(0).data as Float32Array) as [
      Float32Array,
      Float32Array,
    ];
    const error = compareOutputs(actual, expected).relative;
    const pairs = fused.fusedRuns();
    const timed = (session: Session) => (): number => {
      const before = process.cpuUsage();
      const wall = session.run();
      const used = process.cpuUsage(before);
      return threads === 1 ? (used.user + used.system) / 1000 : wall;
    };
    const [stockTimes, fusedTimes] = (await interleave(
      sessions.map((session) => ({ name: '', run: timed(session) })),
      { budgetMs: 1000 * o.seconds, leastRounds: 3 },
    )) as [number[], number[]];
    for (const session of sessions) session.release();
    const ratio = ratioOfMedians(stockTimes, fusedTimes);
    const medians = [figure(stockTimes), figure(fusedTimes)];
    const least = Math.min(...stockTimes) / Math.min(...fusedTimes);
    print(
      `${path.basename(file)}, ${threads} thread(s), ${pairs} fused nodes, ${stockTimes.length} rounds: ` +
        `stock ${medians[0]!.median.toFixed(1)} ±${medians[0]!.spread.toFixed(1)} ms, ` +
        `fused ${medians[1]!.median.toFixed(1)} ±${medians[1]!.spread.toFixed(1)} ms, ` +
        `${ratio.median.toFixed(2)}x ±${ratio.spread.toFixed(2)} (of the shortest ${least.toFixed(2)}x); ` +
        `largest error ${error.toExponential(1)}`,
    );
    options.forEach((each, i) => {
      const nodes = profile(engines, models[i]!, each, size);
      printProfile(i === 0 ? 'stock' : 'fused', nodes, medians[i]!.median);
    });
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      threads: { type: 'string', default: '1,2' },
      seconds: { type: 'string', default: '20' },
      exact: { type: 'boolean', default: false },
    },
  });
  const engines = loadEngines();
  if (!('kernel' in engines)) throw new Error(`${engines.message} ${engines.remedy}`);
  print(`ONNX Runtime ${engines.runtime.version}, ${engines.kernel.instructionSets[0]!}, ${os.cpus()[0]?.model ?? ''}`);
  const options = {
    threads: values.threads.split(',').map(Number),
    seconds: Number(values.seconds),
    exact: values.exact,
  };
  const folder = mkdtempSync(path.join(os.tmpdir(), 'fusion-lens-models-'));
  try {
    for (const spec of positionals.length > 0 ? positionals : DEFAULTS) {
      if (existsSync(spec.split('@')[0]!)) await measureModel(engines, spec, folder, options);
      else print(`${spec}: not there; see the top of this file`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

void main();
