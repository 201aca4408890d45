/**
 * Times the model as text beside the official tools, on the same files in one run:
 * `npx tsx test/bench/text.ts [DIR [MODEL…]]`. DIR holds the models of ../shared/bench/gen.py (default /tmp/bench); those that
 * are missing are made there. PROCESSES (default 3) is how many are run for each. PYTHON (default /opt/pyonnx/bin/python, else python3) needs the `onnx` package.
 *
 * "cold" is the first model of a fresh process that runs the bundle, the clock starting when the module is loaded:
 * the median of several processes. "warm" is the least of the later rounds, "cpu" the least CPU time of a cold one.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { decodeModel } from '../../src/core/onnx/decode';
import { encodeModel } from '../../src/core/onnx/encode';
import { joinChunks } from '../../src/core/wire/splice';
import { FileSource } from '../../src/files/fileSource';
import type { Round, RunKind, Step, StepName } from './textRun';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const GENERATOR = path.join(HERE, '../../../shared/bench/gen.py');
/** Processes for each model. */
const PROCESSES = Number(process.env['PROCESSES'] ?? 3);
const ROUNDS = 3;
/** Suffix of a model whose batch normalisations are made instance normalisations, so that there are pairs to find. */
const NORMALIZED = '+in';

const directory = process.argv[2] ?? '/tmp/bench';
/** Only these models, where some are named. */
const chosen = process.argv.slice(3);
const python = process.env['PYTHON'] ?? (existsSync('/opt/pyonnx/bin/python') ? '/opt/pyonnx/bin/python' : 'python3');

/** Goals in milliseconds, from the open call. */
const goals: Readonly<Record<string, Partial<Record<StepName, number | undefined>>>> = {
  dag1k: { print: 20, parse: 25 },
  dag10k: { print: 100, parse: 120 },
  dag20k: { print: 200, parse: 250 },
  [`dag1k${NORMALIZED}`]: { findings: 80, 'open to findings': undefined },
  [`dag10k${NORMALIZED}`]: { findings: 200, 'open to findings': undefined, keystroke: 50 },
  [`dag20k${NORMALIZED}`]: { findings: 350, 'open to findings': undefined },
  llm6k: {},
  big1g5: { 'text and findings': 100 },
  ext1g5: { 'text and findings': 100 },
};

/** What the official tools do for a step. */
const official: Readonly<Partial<Record<StepName, 'load' | 'print' | 'parse'>>> = {
  read: 'load',
  findings: 'load',
  print: 'print',
  parse: 'parse',
};

interface Official {
  readonly times: Readonly<Record<'load' | 'print' | 'parse', readonly number[]>>;
  readonly peakMB: number;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
const least = (values: readonly number[]): number => Math.min(...values);

function modelPath(name: string, work: string): string | undefined {
  const file = path.join(directory, `${name}.onnx`);
  if (existsSync(file)) return file;
  if (name.endsWith(NORMALIZED)) return normalized(name.slice(0, -NORMALIZED.length), work);
  say(`making ${file} …`);
  try {
    execFileSync(python, [GENERATOR, directory, name], { stdio: 'inherit' });
    return file;
  } catch {
    say(`${name} is left out: ${python} ${GENERATOR} failed (it needs the packages onnx and numpy).`);
    return undefined;
  }
}

/** The model with each BatchNormalization made an InstanceNormalization: of its five inputs, three. */
function normalized(name: string, work: string): string | undefined {
  const base = modelPath(name, work);
  if (base === undefined) return undefined;
  const source = new FileSource(base);
  const model = decodeModel(source);
  const nodes = model.graph.nodes.map((node) =>
    node.opType !== 'BatchNormalization'
      ? node
      : {
          ...node,
          origin: undefined,
          opType: 'InstanceNormalization',
          inputs: node.inputs.slice(0, 3),
          attributes: node.attributes.filter((attribute) => attribute.name === 'epsilon'),
        },
  );
  const file = path.join(work, `${name}${NORMALIZED}.onnx`);
  const chunks = encodeModel({ ...model, graph: { ...model.graph, nodes } });
  writeFileSync(file, joinChunks(chunks, source));
  source.close();
  return file;
}

function timeOfficial(file: string): Official | undefined {
  try {
    const output = execFileSync(python, [path.join(HERE, 'official.py'), file, '3'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return JSON.parse(output) as Official;
  } catch {
    say(`No figures of the official tools: ${python} with the package onnx is missing, or can't read ${file}.`);
    return undefined;
  }
}

async function main(): Promise<void> {
  const work = mkdtempSync(path.join(tmpdir(), 'text-bench-'));
  try {
    const bundle = path.join(work, 'textRun.cjs');
    // As esbuild.mjs bundles the extension for release.
    await build({
      entryPoints: [path.join(HERE, 'textRun.ts')],
      bundle: true,
      minify: true,
      platform: 'node',
      format: 'cjs',
      target: 'node20',
      outfile: bundle,
    });
    const table: Record<string, string | number | undefined>[] = [];
    for (const [name, goal] of Object.entries(goals)) {
      if (chosen.length > 0 && !chosen.includes(name)) continue;
      const file = modelPath(name, work);
      if (file === undefined) continue;
      const run = (kind: RunKind): Round[] => {
        const output = execFileSync(process.execPath, [bundle, file, String(ROUNDS), kind], { encoding: 'utf8' });
        return JSON.parse(output) as Round[];
      };
      const whole = 'text and findings' in goal;
      const kinds: readonly RunKind[] = whole ? ['file'] : ['file', 'text'];
      const processes = Array.from({ length: PROCESSES }, () => kinds.map(run)).flat();
      const peer = timeOfficial(file);
      const cold = processes.map((rounds) => rounds[0]!);
      const warm = processes.flatMap((rounds) => rounds.slice(1));
      const of = (rounds: readonly Round[], step: StepName): Step[] => rounds.flatMap(({ steps }) => steps[step] ?? []);
      const steps: readonly StepName[] = whole
        ? ['text and findings']
        : name.endsWith(NORMALIZED)
          ? ['findings', 'open to findings', 'keystroke', 'reparse']
          : ['read', 'print', 'parse', 'keystroke', 'reparse', 'checks'];
      for (const step of steps) {
        const counterpart = whole ? 'load' : official[step];
        table.push({
          model: name,
          step,
          pairs: step === 'findings' ? cold[0]!.findings : undefined,
          goal: goal[step],
          cold: Math.round(median(of(cold, step).map(({ ms }) => ms))),
          'cold, least': Math.round(least(of(cold, step).map(({ ms }) => ms))),
          'cpu, least': Math.round(least(of(cold, step).map(({ cpu }) => cpu))),
          warm: Math.round(least(of(warm, step).map(({ ms }) => ms))),
          official: peer && counterpart && Math.round(least(peer.times[counterpart])),
          'MB read': whole ? (cold[0]!.bytesRead / 2 ** 20).toFixed(1) : undefined,
          'MB added': whole ? Math.round(median(cold.map(({ addedMB }) => addedMB))) : undefined,
          'official MB': whole && peer ? Math.round(peer.peakMB) : undefined,
        });
      }
    }
    say('milliseconds; official: onnx.load, onnx.printer.to_text and onnx.parser.parse_model, CPU time, least of 3');
    // eslint-disable-next-line no-console -- the table is what this script is for
    console.table(table);
  } finally {
    rmSync(work, { recursive: true });
  }
}

void main();
