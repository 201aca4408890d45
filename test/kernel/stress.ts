/**
 * Builds and runs stress.cpp, by hand:
 *
 *   npx tsx test/kernel/stress.ts [--sanitize address,undefined | thread] [--count 300] [--compiler clang++] [--leak 10000]
 *   npx tsx test/kernel/stress.ts --compiler aarch64-linux-gnu-g++ --runner "qemu-aarch64 -L /usr/aarch64-linux-gnu"
 *   npx tsx test/kernel/stress.ts --compiler "python3 -m ziglang c++ -target aarch64-linux-musl" --runner qemu-aarch64
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    sanitize: { type: 'string' },
    count: { type: 'string', default: '300' },
    compiler: { type: 'string', default: 'g++' },
    leak: { type: 'string' },
    /** Such as `qemu-aarch64 -L /usr/aarch64-linux-gnu`, for a cross compiler's program. */
    runner: { type: 'string' },
  },
});
const kernel = path.resolve('src/kernel');
const out = path.resolve(
  'out',
  'stress',
  `${values.compiler}-${values.sanitize ?? 'plain'}`.replaceAll(/[^\w.+-]/gu, '-'),
);
mkdirSync(out, { recursive: true });

function run(command: string, args: readonly string[]): void {
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

const [compiler, ...compilerArguments] = values.compiler.split(' ') as [string, ...string[]];
const sanitize =
  values.sanitize === undefined
    ? []
    : [`-fsanitize=${values.sanitize}`, '-fno-sanitize-recover=all', '-fno-omit-frame-pointer'];
const common = ['-std=c++17', '-O1', '-g', '-ffp-contract=fast', '-Wno-psabi', '-pthread', ...sanitize, `-I${kernel}`];
const isArm = values.compiler.includes('aarch64') || process.arch === 'arm64';
const targets: [string, number, string[]][] = isArm
  ? [
      ['baseline', 16, []],
      ['neon', 16, []],
    ]
  : [
      ['baseline', 16, []],
      ['avx2', 32, ['-mavx2', '-mfma']],
      // The 16-lane code, lowered to AVX2.
      ['avx512', 64, ['-mavx2', '-mfma']],
    ];
const objects: string[] = [];
const compile = (source: string, name: string, args: readonly string[]): void => {
  const object = path.join(out, `${name}.o`);
  run(compiler, [...compilerArguments, ...common, ...args, '-c', source, '-o', object]);
  objects.push(object);
};
for (const file of readdirSync(path.join(kernel, 'targets')).filter((name) => name.endsWith('.cpp'))) {
  for (const [name, bytes, machine] of targets) {
    const defines = [`-DFUSIONLENS_TARGET=${name}`, `-DFUSIONLENS_VECTOR_BYTES=${bytes}`];
    compile(path.join(kernel, 'targets', file), `${file}.${name}`, [...machine, ...defines]);
  }
}
const has = isArm ? ['-DFUSIONLENS_HAS_NEON'] : ['-DFUSIONLENS_HAS_AVX2', '-DFUSIONLENS_HAS_WIDE_TEST'];
for (const file of readdirSync(kernel).filter((name) => name.endsWith('.cpp'))) {
  compile(path.join(kernel, file), file, has);
}
compile(path.resolve('test/kernel/stress.cpp'), 'stress', has);
const program = path.join(out, 'stress');
run(compiler, [...compilerArguments, ...common, ...objects, '-o', program]);
const [runner, ...before] = [...(values.runner?.split(' ') ?? []), program];
run(runner, [...before, ...(values.leak === undefined ? [values.count] : ['leak', values.leak])]);
