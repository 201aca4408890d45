/**
 * The C++ compiler of this machine and how it is called.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';

/** `gnu` takes GCC's options (clang++ too), `msvc` takes cl's (clang-cl too, which then has vector extensions). */
export interface Compiler {
  readonly command: string;
  readonly style: 'gnu' | 'msvc';
  readonly isClang: boolean;
  /** GCC's vector extensions: without them only the baseline is built. */
  readonly vectorExtensions: boolean;
  /** `x64`, `arm64` … of what it compiles for. */
  readonly arch: string;
  /** Names this very compiler, so that objects of another one are not reused. */
  readonly identity: string;
}

function output(command: string, args: readonly string[]): string | undefined {
  const result = spawnSync(command, args, { encoding: 'utf8', windowsHide: true });
  return result.error !== undefined || result.status !== 0 ? undefined : result.stdout + result.stderr;
}

function describe(command: string): Compiler | undefined {
  const base = path
    .basename(command)
    .toLowerCase()
    .replace(/\.exe$/u, '');
  if (base === 'cl') {
    // cl prints its banner, fails without a source, and is only usable where INCLUDE is set (a developer prompt).
    const banner = spawnSync(command, [], { encoding: 'utf8', windowsHide: true });
    if (banner.error !== undefined || process.env['INCLUDE'] === undefined) return undefined;
    const identity = banner.stderr.split('\n', 1)[0] ?? '';
    const arch = /\bARM64\b/iu.test(identity) ? 'arm64' : 'x64';
    return { command, style: 'msvc', isClang: false, vectorExtensions: false, arch, identity };
  }
  const version = output(command, ['--version']);
  if (version === undefined) return undefined;
  const identity = `${command} ${version.split('\n', 1)[0] ?? ''}`;
  if (base === 'clang-cl') {
    const arch = /Target: aarch64/u.test(version) ? 'arm64' : 'x64';
    return { command, style: 'msvc', isClang: true, vectorExtensions: true, arch, identity };
  }
  const machine = output(command, ['-dumpmachine']) ?? '';
  const arch = /^(?:aarch64|arm64)/u.test(machine) ? 'arm64' : /^(?:x86_64|amd64)/u.test(machine) ? 'x64' : 'other';
  const isClang = /clang/iu.test(version);
  return { command, style: 'gnu', isClang, vectorExtensions: true, arch, identity: `${identity} ${machine.trim()}` };
}

/** `$CXX` when it is set, else the first usable one of the usual names. */
export function findCompiler(): Compiler | undefined {
  const named = process.env['CXX'];
  const usual = process.platform === 'win32' ? ['clang-cl', 'cl', 'clang++', 'g++'] : ['c++', 'g++', 'clang++'];
  for (const command of named === undefined || named === '' ? usual : [named]) {
    const compiler = describe(command);
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
    ...['-std=c++17', '-O3', '-fPIC', '-fvisibility=hidden', '-ffp-contract=fast', '-fno-math-errno', '-pthread'],
    // GCC would make calls of memset and memcpy, or slow string instructions, of loops over a few floats.
    ...(compiler.isClang ? [] : ['-fno-tree-loop-distribute-patterns']),
    ...['-Wall', '-Wextra', '-Wshadow', '-Wconversion', '-Wno-psabi'],
    ...o.machine,
    ...o.defines.map((define) => `-D${define}`),
    ...o.include.map((directory) => `-I${directory}`),
    ...['-c', source, '-o', object],
  ];
}

/** The arguments that make `library`, an import library for what the module definition `definition` lists. */
export function importLibraryCall(compiler: Compiler, definition: string, library: string): readonly string[] {
  const machine = compiler.arch === 'arm64' ? 'ARM64' : 'X64';
  const tool = compiler.vectorExtensions ? 'llvm-lib' : 'lib';
  return [tool, '/nologo', `/def:${definition}`, `/out:${library}`, `/machine:${machine}`];
}

export interface LinkOptions {
  /** An addon takes the Node-API from the program that loads it; a library needs nothing of its host. */
  readonly kind: 'addon' | 'library';
  /** The linker script that names what it shows to others. */
  readonly exports: string;
}

/** The arguments that link objects (and, for an addon on Windows, the host program's import library) to `target`. */
export function linkArguments(
  compiler: Compiler,
  objects: readonly string[],
  target: string,
  { kind, exports }: LinkOptions,
): string[] {
  if (compiler.style === 'msvc') {
    // The host program is node.exe for the command line and Code.exe in VS Code: bound when first called.
    const host = kind === 'addon' ? ['/link', 'delayimp.lib', '/DELAYLOAD:NODE.EXE'] : [];
    return ['/nologo', '/LD', '/MT', ...objects, `/Fe${target}`, ...host];
  }
  switch (process.platform) {
    case 'darwin':
      return kind === 'addon'
        ? ['-bundle', '-undefined', 'dynamic_lookup', '-pthread', ...objects, '-o', target]
        : ['-dynamiclib', '-pthread', ...objects, '-o', target];
    case 'win32':
      return ['-shared', '-static', '-pthread', ...objects, '-o', target];
    default: {
      // Our own copy of the C++ library, hidden: the host program may bring an older or another one.
      const ownLibrary = ['-static-libstdc++', '-static-libgcc', '-Wl,--gc-sections'];
      return [
        '-shared',
        ...ownLibrary,
        `-Wl,--version-script=${exports}`,
        '-pthread',
        ...objects,
        '-o',
        target,
        '-ldl',
      ];
    }
  }
}
