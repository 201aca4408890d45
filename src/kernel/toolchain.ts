/**
 * The C++ compiler, of this machine or a cross compiler, and how it is called.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

/** What is built for, named as Node.js names platforms and processors. */
export interface BuildTarget {
  readonly platform: string;
  readonly arch: string;
}

/** Those that a command line may name, with what Clang and zig call them. */
const TRIPLES = {
  // The oldest C libraries that the products should load with: manylinux2014's, and macOS 11's (x64: 10.15's).
  'linux-x64': { clang: 'x86_64-linux-gnu', zig: 'x86_64-linux-gnu.2.17' },
  'linux-arm64': { clang: 'aarch64-linux-gnu', zig: 'aarch64-linux-gnu.2.17' },
  'win32-x64': { clang: 'x86_64-w64-windows-gnu', zig: 'x86_64-windows-gnu' },
  'darwin-arm64': { clang: 'arm64-apple-macos11', zig: 'aarch64-macos.11.0' },
  'darwin-x64': { clang: 'x86_64-apple-macos10.15', zig: 'x86_64-macos.10.15' },
} as const;

export type TargetName = keyof typeof TRIPLES;
export const TARGET_NAMES = Object.keys(TRIPLES) as readonly TargetName[];

const isTargetName = (name: string): name is TargetName => name in TRIPLES;

export const nameOfTarget = ({ platform, arch }: BuildTarget): string => `${platform}-${arch}`;

/** Throws, naming the targets there are, where `name` is none of them. */
export function parseTarget(name: string): BuildTarget {
  if (!isTargetName(name)) throw new Error(`There is no target "${name}"; there are ${TARGET_NAMES.join(', ')}.`);
  const [platform, arch] = name.split('-') as [string, string];
  return { platform, arch };
}

export const HOST: BuildTarget = { platform: process.platform, arch: process.arch };

/** `gnu` takes GCC's options (clang++ and zig too), `msvc` takes cl's (clang-cl too, which has vector extensions). */
export interface Compiler {
  readonly command: string;
  /** Come before all other arguments: `-m ziglang c++` of `python3 -m ziglang c++`, and the target. */
  readonly before: readonly string[];
  readonly style: 'gnu' | 'msvc';
  readonly isClang: boolean;
  /** GCC's vector extensions: without them only the baseline is built. */
  readonly vectorExtensions: boolean;
  /** What it compiles for; the processor is `other` where it is neither `x64` nor `arm64`. */
  readonly target: BuildTarget;
  /** Names this very compiler, so that objects of another one are not reused. */
  readonly identity: string;
}

function output(command: string, args: readonly string[]): string | undefined {
  const result = spawnSync(command, args, { encoding: 'utf8', windowsHide: true });
  return result.error !== undefined || result.status !== 0 ? undefined : result.stdout + result.stderr;
}

/** A program's path, or a program and its first arguments, as in `$CXX`. */
function splitCommand(command: string): [string, ...string[]] {
  if (existsSync(command)) return [command];
  return command.trim().split(/\s+/u) as [string, ...string[]];
}

/** What a compiler says that it compiles for, such as `x86_64-linux-gnu`. */
function targetOf(machine: string): BuildTarget {
  const arch = /^(?:aarch64|arm64)/u.test(machine) ? 'arm64' : /^(?:x86_64|amd64)/u.test(machine) ? 'x64' : 'other';
  const platform = /windows|mingw|msvc/u.test(machine)
    ? 'win32'
    : /apple|darwin|macos/u.test(machine)
      ? 'darwin'
      : 'linux';
  return { platform, arch };
}

/**
 * The arguments by which a compiler that has several targets is given one. zig always needs one: by itself it compiles
 * for the very processor that it runs on.
 */
export function targetArguments(kind: 'zig' | 'clang', target: BuildTarget): readonly string[] {
  const name = nameOfTarget(target);
  if (!isTargetName(name)) return [];
  return kind === 'zig' ? ['-target', TRIPLES[name].zig] : [`--target=${TRIPLES[name].clang}`];
}

/** The compiler that `$CXX` or a command line names, for `target`; `undefined` where it isn't there or can't. */
export function describeCompiler(spec: string, target: BuildTarget = HOST): Compiler | undefined {
  const [command, ...before] = splitCommand(spec);
  const base = path
    .basename(command)
    .toLowerCase()
    .replace(/\.exe$/u, '');
  const isHost = nameOfTarget(target) === nameOfTarget(HOST);
  if (base === 'cl') {
    // cl prints its banner, fails without a source, and is only usable where INCLUDE is set (a developer prompt).
    const banner = spawnSync(command, [], { encoding: 'utf8', windowsHide: true });
    if (banner.error !== undefined || process.env['INCLUDE'] === undefined) return undefined;
    const identity = banner.stderr.split('\n', 1)[0] ?? '';
    const own: BuildTarget = { platform: 'win32', arch: /\bARM64\b/iu.test(identity) ? 'arm64' : 'x64' };
    if (nameOfTarget(own) !== nameOfTarget(target)) return undefined;
    return { command, before, style: 'msvc', isClang: false, vectorExtensions: false, target: own, identity };
  }
  const version = output(command, [...before, '--version']);
  if (version === undefined) return undefined;
  const identity = `${spec} ${version.split('\n', 1)[0] ?? ''}`;
  if (base === 'clang-cl') {
    const own: BuildTarget = { platform: 'win32', arch: /Target: aarch64/u.test(version) ? 'arm64' : 'x64' };
    if (nameOfTarget(own) !== nameOfTarget(target)) return undefined;
    return { command, before, style: 'msvc', isClang: true, vectorExtensions: true, target: own, identity };
  }
  const isClang = /clang/iu.test(version);
  const isZig = [base, ...before].some((word) => word === 'zig' || word === 'ziglang');
  const given = isZig ? targetArguments('zig', target) : isClang && !isHost ? targetArguments('clang', target) : [];
  // zig compiles for whatever it is told to, and doesn't know its own names of targets when asked for them.
  const machine = isZig ? given.join(' ') : (output(command, [...before, ...given, '-dumpmachine'])?.trim() ?? '');
  const own = isZig ? target : targetOf(machine);
  if (nameOfTarget(own) !== nameOfTarget(target) && !isHost) return undefined;
  return {
    command,
    before: [...before, ...given],
    style: 'gnu',
    isClang,
    vectorExtensions: true,
    target: own,
    identity: `${identity} ${machine}`,
  };
}

/** Compilers looked for where none is named, for this machine and for others. */
export function usualCompilers(target: BuildTarget): readonly string[] {
  const zig = ['zig c++', `${process.platform === 'win32' ? 'python' : 'python3'} -m ziglang c++`];
  if (nameOfTarget(target) !== nameOfTarget(HOST)) {
    const arch = target.arch === 'arm64' ? 'aarch64' : 'x86_64';
    const gnu = target.platform === 'linux' ? [`${arch}-linux-gnu-g++`] : [];
    const mingw = target.platform === 'win32' ? [`${arch}-w64-mingw32-g++`] : [];
    return [...zig, ...gnu, ...mingw];
  }
  return target.platform === 'win32' ? ['clang-cl', 'cl', 'clang++', 'g++'] : ['c++', 'g++', 'clang++'];
}

/** The named compiler, else `$CXX` where that is set and can, else the first usable one of the usual names. */
export function findCompiler(target: BuildTarget = HOST, named?: string): Compiler | undefined {
  const environment = process.env['CXX'];
  const isHost = nameOfTarget(target) === nameOfTarget(HOST);
  const wanted = named ?? (isHost && environment !== '' ? environment : undefined);
  for (const spec of wanted === undefined ? usualCompilers(target) : [wanted]) {
    const compiler = describeCompiler(spec, target);
    if (compiler !== undefined) return compiler;
  }
  return undefined;
}

export interface CompileOptions {
  readonly include: readonly string[];
  readonly defines: readonly string[];
  /** Instruction-set options, GCC's spelling. */
  readonly machine: readonly string[];
}

/** What instruction sets are called by cl. */
function msvcMachine(machine: readonly string[]): string[] {
  if (machine.some((option) => option.startsWith('-mavx512'))) return ['/arch:AVX512'];
  return machine.includes('-mavx2') ? ['/arch:AVX2'] : [];
}

/**
 * The arguments that compile `source` to `object`. Multiply and add may be contracted to one rounding; nothing else of
 * IEEE arithmetic is given up, so that NaN and infinity come through as in any other implementation.
 */
export function compileArguments(compiler: Compiler, source: string, object: string, o: CompileOptions): string[] {
  if (compiler.style === 'msvc') {
    return [
      ...['/nologo', '/std:c++17', '/O2', '/EHsc', '/MT', '/W3', '/utf-8', '/fp:precise'],
      ...(compiler.vectorExtensions ? ['/clang:-ffp-contract=fast', '/clang:-O3'] : []),
      ...msvcMachine(o.machine),
      ...o.defines.map((define) => `/D${define}`),
      ...o.include.map((directory) => `/I${directory}`),
      ...['/c', source, `/Fo${object}`],
    ];
  }
  return [
    ...['-std=c++17', '-O3', '-fvisibility=hidden', '-ffp-contract=fast', '-fno-math-errno'],
    // On Windows all code can be moved, and threads are the system's.
    ...(compiler.target.platform === 'win32' ? [] : ['-fPIC', '-pthread']),
    // GCC would make calls of memset and memcpy, or slow string instructions, of loops over a few floats.
    ...(compiler.isClang ? [] : ['-fno-tree-loop-distribute-patterns']),
    ...['-Wall', '-Wextra', '-Wshadow', '-Wconversion', '-Wno-psabi'],
    ...o.machine,
    ...o.defines.map((define) => `-D${define}`),
    ...o.include.map((directory) => `-I${directory}`),
    ...['-c', source, '-o', object],
  ];
}

export interface LinkOptions {
  /** An addon takes the Node-API from the program that loads it; a library needs nothing of its host. */
  readonly kind: 'addon' | 'library';
  /** The linker script that names what it shows to others. */
  readonly exports: string;
}

/** The arguments that link objects to the shared library `file`. */
export function linkArguments(
  compiler: Compiler,
  objects: readonly string[],
  file: string,
  { kind, exports }: LinkOptions,
): string[] {
  if (compiler.style === 'msvc') return ['/nologo', '/LD', '/MT', ...objects, `/Fe${file}`];
  switch (compiler.target.platform) {
    case 'darwin':
      return [
        '-dynamiclib',
        // Node-API comes from the program that loads the addon.
        ...(kind === 'addon' ? ['-undefined', 'dynamic_lookup'] : []),
        ...['-pthread', ...objects, '-o', file],
      ];
    case 'win32':
      // zig brings its own static libraries; for it "-static" would make an archive.
      return ['-shared', '-s', ...(compiler.isClang ? [] : ['-static']), ...objects, '-o', file];
    default: {
      // Our own copy of the C++ library, hidden: the host program may bring an older or another one.
      const ownLibrary = ['-static-libstdc++', '-static-libgcc', '-Wl,--gc-sections'];
      const exported = `-Wl,--version-script=${exports}`;
      return ['-shared', '-s', ...ownLibrary, exported, '-pthread', ...objects, '-o', file, '-ldl'];
    }
  }
}
