/**
 * Builds the kernel: `npm run build:kernel` makes the addon dist/kernel/fusion-kernel.node and the custom-op library
 * dist/kernel/libfusionlens_ops.so (macOS: .dylib; Windows: fusionlens_ops.dll) for this machine.
 *
 *   npm run build:kernel -- --target linux-x64|linux-arm64|win32-x64|darwin-arm64|darwin-x64 [--compiler COMMAND]
 *
 * makes the same in dist/kernel/TARGET/ by a cross compiler: zig (`zig c++`, or `python3 -m ziglang c++` after
 * `pip install ziglang`), a clang++ or g++ for that target. --compiler, else $CXX for this machine, names one.
 *
 * Needs a C++17 compiler and the node-api-headers package, nothing else. A machine without a compiler gets one message
 * and a successful exit, since the rest of the extension works without the kernel; where a target or a compiler is
 * named, it fails.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import {
  type BuildTarget,
  type Compiler,
  compileArguments,
  findCompiler,
  HOST,
  linkArguments,
  nameOfTarget,
  parseTarget,
  usualCompilers,
} from './toolchain';

const kernel = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(kernel, '../..');
const nodeApi = path.dirname(createRequire(import.meta.url).resolve('node-api-headers'));
const run = promisify(execFile);

/** An instruction set that the sources in `targets/` are compiled for, once each. */
interface InstructionSet {
  readonly name: string;
  readonly vectorBytes: number;
  readonly machine: readonly string[];
  /** Tells dispatch.cpp that the target exists. */
  readonly define?: string;
}

const baseline: InstructionSet = { name: 'baseline', vectorBytes: 16, machine: [] };
const avx2: InstructionSet = {
  name: 'avx2',
  vectorBytes: 32,
  machine: ['-mavx2', '-mfma'],
  define: 'FUSIONLENS_HAS_AVX2',
};
const avx512: InstructionSet = {
  name: 'avx512',
  vectorBytes: 64,
  machine: ['-mavx512f', '-mavx512vl', '-mavx512dq', '-mavx512bw', '-mavx2', '-mfma'],
  define: 'FUSIONLENS_HAS_AVX512',
};
/** The 16-lane code lowered to AVX2 by the compiler, so that its logic can be tested where there is no AVX-512. */
const wideTest: InstructionSet = { ...avx512, machine: avx2.machine, define: 'FUSIONLENS_HAS_WIDE_TEST' };
const neon: InstructionSet = { name: 'neon', vectorBytes: 16, machine: [], define: 'FUSIONLENS_HAS_NEON' };

export type Flavour = 'release' | 'wide-test';

export function instructionSetsFor(compiler: Compiler, flavour: Flavour): readonly InstructionSet[] {
  if (!compiler.vectorExtensions) return [baseline];
  if (compiler.target.arch === 'arm64') return [baseline, neon];
  if (compiler.target.arch !== 'x64') return [baseline];
  return flavour === 'wide-test' ? [baseline, avx2, wideTest] : [baseline, avx2, avx512];
}

export interface BuildResult {
  /** The addon, or `undefined` where there is no compiler. */
  readonly addon?: string;
  /** The custom-op library for ONNX Runtime. */
  readonly library?: string;
  readonly compiled: number;
  readonly message: string;
}

/** What is linked: of the sources outside `targets/`, each has those that the other doesn't leave out. */
interface Product {
  readonly file: string;
  readonly kind: 'addon' | 'library';
  readonly exports: string;
  readonly without: (source: string) => boolean;
}

/** As the platform names shared libraries. */
function libraryName(name: string, { platform }: BuildTarget): string {
  if (platform === 'win32') return `${name}.dll`;
  return platform === 'darwin' ? `lib${name}.dylib` : `lib${name}.so`;
}

export function productsIn(directory: string, target: BuildTarget): readonly Product[] {
  const entry = path.join('onnxruntime', 'library.cpp');
  return [
    {
      file: path.join(directory, 'fusion-kernel.node'),
      kind: 'addon',
      exports: path.join(kernel, 'addon', 'exports.map'),
      without: (source) => source === entry,
    },
    {
      file: path.join(directory, libraryName('fusionlens_ops', target)),
      kind: 'library',
      exports: path.join(kernel, 'onnxruntime', 'library.map'),
      without: (source) => source.startsWith(`addon${path.sep}`),
    },
  ];
}

interface Job {
  /** Relative to the kernel's folder. */
  readonly file: string;
  readonly source: string;
  readonly object: string;
  readonly args: readonly string[];
}

async function filesIn(directory: string, extension: string): Promise<string[]> {
  const names = await readdir(directory, { recursive: true });
  return names.filter((name) => name.endsWith(extension)).sort();
}

async function modified(file: string): Promise<number> {
  return existsSync(file) ? (await stat(file)).mtimeMs : 0;
}

function objectName(source: string, target?: InstructionSet): string {
  return `${source.replaceAll(/[\\/]/gu, '-').replace(/\.cpp$/u, '')}${target === undefined ? '' : `.${target.name}`}.o`;
}

async function plan(compiler: Compiler, targets: readonly InstructionSet[], objects: string): Promise<Job[]> {
  const defines = targets.flatMap((target) => target.define ?? []);
  const jobs: Job[] = [];
  for (const file of await filesIn(kernel, '.cpp')) {
    const source = path.join(kernel, file);
    const perTarget = file.startsWith(`targets${path.sep}`);
    for (const target of perTarget ? targets : [undefined]) {
      const object = path.join(objects, objectName(file, target));
      const args = compileArguments(compiler, source, object, {
        include: [path.join(nodeApi, 'include')],
        machine: target?.machine ?? [],
        defines:
          target === undefined
            ? defines
            : [`FUSIONLENS_TARGET=${target.name}`, `FUSIONLENS_VECTOR_BYTES=${target.vectorBytes}`],
      });
      jobs.push({ file, source, object, args });
    }
  }
  return jobs;
}

async function compileAll(compiler: Compiler, jobs: readonly Job[], report: (line: string) => void): Promise<void> {
  const queue = [...jobs];
  const work = async (): Promise<void> => {
    for (let job = queue.pop(); job !== undefined; job = queue.pop()) {
      const { stderr } = await run(compiler.command, [...compiler.before, ...job.args], { maxBuffer: 64 << 20 });
      if (stderr !== '') report(stderr.trimEnd());
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, os.availableParallelism()) }, work));
}

export interface BuildOptions {
  /** For tests only: a second addon, in out/. */
  readonly flavour?: Flavour;
  /** By default this machine. What is named here goes to a folder of its own. */
  readonly target?: BuildTarget;
  /** Such as `clang++` or `python3 -m ziglang c++`. */
  readonly compiler?: string;
}

/** Why there is no compiler, and what to do. */
function noCompiler({ target = HOST, compiler }: BuildOptions): string {
  const name = nameOfTarget(target);
  if (compiler !== undefined) return `"${compiler}" can't be run, or doesn't compile for ${name}.`;
  if (name === nameOfTarget(HOST)) {
    return (
      'No C++ compiler was found (tried $CXX, c++, g++, clang++; on Windows clang-cl and cl), so the fused kernel is ' +
      'not built. Everything but the measuring of fused pairs works. Install one and run "npm run build" again.'
    );
  }
  const tried = usualCompilers(target).join(', ');
  return `No compiler for ${name} was found (tried ${tried}). "pip install ziglang" brings one for all targets.`;
}

/** Compiles what is out of date and links the products. Throws with the compiler's output where it fails. */
export async function buildKernel(options: BuildOptions, report: (line: string) => void): Promise<BuildResult> {
  const { flavour = 'release', target } = options;
  const compiler = findCompiler(target, options.compiler);
  if (compiler === undefined) return { compiled: 0, message: noCompiler(options) };
  const dist = path.join(root, 'dist', 'kernel');
  const own = nameOfTarget(compiler.target);
  // A target that is named keeps objects of its own, so that the usual build of this machine stays up to date.
  const objects = path.join(root, 'out', 'kernel', `${target === undefined ? '' : 'cross-'}${own}-${flavour}`);
  const directory =
    flavour !== 'release' ? objects : target === undefined ? dist : path.join(dist, nameOfTarget(target));
  const products = productsIn(directory, compiler.target);
  const [addon, library] = products.map(({ file }) => file) as [string, string];
  await mkdir(objects, { recursive: true });
  await mkdir(directory, { recursive: true });

  const jobs = await plan(compiler, instructionSetsFor(compiler, flavour), objects);
  const calls = createHash('sha256')
    .update(JSON.stringify([compiler.identity, jobs]))
    .digest('hex');
  const stamp = path.join(objects, 'calls.sha256');
  const sameCalls = existsSync(stamp) && (await readFile(stamp, 'utf8')) === calls;
  const headers = [...(await filesIn(kernel, '.h')), 'toolchain.ts'].map((file) => modified(path.join(kernel, file)));
  const newestHeader = Math.max(...(await Promise.all(headers)));
  const stale: Job[] = [];
  for (const job of jobs) {
    const built = await modified(job.object);
    if (!sameCalls || built < newestHeader || built < (await modified(job.source))) stale.push(job);
  }
  if (stale.length === 0 && existsSync(addon) && existsSync(library)) {
    return { addon, library, compiled: 0, message: 'The kernel is up to date.' };
  }

  await rm(stamp, { force: true });
  await compileAll(compiler, stale, report);
  for (const product of products) {
    const inputs = jobs.filter((job) => !product.without(job.file)).map((job) => job.object);
    // Linked beside the target and renamed, so that a process that has the old one loaded keeps it intact.
    const fresh = `${product.file}.${process.pid}.tmp`;
    const args = linkArguments(compiler, inputs, fresh, product);
    await run(compiler.command, [...compiler.before, ...args], { maxBuffer: 64 << 20 });
    await rename(fresh, product.file);
  }
  await writeFile(stamp, calls);
  const built = products.map(({ file }) => path.relative(root, file)).join(' and ');
  return { addon, library, compiled: stale.length, message: `Built ${built} with ${compiler.identity}.` };
}

async function main(): Promise<number> {
  const write = (line: string): void => void process.stdout.write(`${line}\n`);
  try {
    const { values } = parseArgs({
      options: {
        target: { type: 'string' },
        compiler: { type: 'string' },
        'wide-test': { type: 'boolean', default: false },
      },
    });
    const options: BuildOptions = {
      flavour: values['wide-test'] ? 'wide-test' : 'release',
      ...(values.target === undefined ? {} : { target: parseTarget(values.target) }),
      ...(values.compiler === undefined ? {} : { compiler: values.compiler }),
    };
    const { addon, message } = await buildKernel(options, write);
    write(message);
    return addon === undefined && (values.target ?? values.compiler) !== undefined ? 1 : 0;
  } catch (error) {
    const failure = error as { readonly stderr?: string; readonly message: string };
    process.stderr.write(`The kernel could not be built.\n${failure.stderr ?? failure.message}\n`);
    return 1;
  }
}

if (process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  void main().then((status) => {
    process.exitCode = status;
  });
}
