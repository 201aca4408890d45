import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { instructionSetsFor, productsIn } from '../../src/kernel/build';
import {
  type Compiler,
  compileArguments,
  describeCompiler,
  HOST,
  linkArguments,
  nameOfTarget,
  parseTarget,
  targetArguments,
  TARGET_NAMES,
} from '../../src/kernel/toolchain';

function compilerFor(name: string, style: Compiler['style'] = 'gnu'): Compiler {
  const target = parseTarget(name);
  const before = style === 'gnu' ? ['c++', ...targetArguments('zig', target)] : [];
  return { command: 'zig', before, style, isClang: true, vectorExtensions: true, target, identity: 'a compiler' };
}

const compiled = (name: string, style?: Compiler['style'], machine: readonly string[] = []): string[] =>
  compileArguments(compilerFor(name, style), 'a.cpp', 'a.o', { include: ['headers'], defines: ['ONE=1'], machine });

const linked = (name: string, kind: 'addon' | 'library', style?: Compiler['style']): string[] =>
  linkArguments(compilerFor(name, style), ['a.o', 'b.o'], 'out', { kind, exports: 'exports.map' });

const includesAll = (args: readonly string[], wanted: readonly string[]): void =>
  assert.deepEqual(
    wanted.filter((argument) => !args.includes(argument)),
    [],
    args.join(' '),
  );

describe('toolchain', () => {
  it('knows the targets by the names of Node.js', () => {
    assert.deepEqual(parseTarget('linux-arm64'), { platform: 'linux', arch: 'arm64' });
    for (const name of TARGET_NAMES) assert.equal(nameOfTarget(parseTarget(name)), name);
    assert.throws(() => parseTarget('linux-mips'), /no target "linux-mips"; there are linux-x64, linux-arm64/u);
  });

  it('names the target to compilers that have several', () => {
    const zig = TARGET_NAMES.map((name) => targetArguments('zig', parseTarget(name)).join(' '));
    assert.deepEqual(zig, [
      '-target x86_64-linux-gnu.2.17',
      '-target aarch64-linux-gnu.2.17',
      '-target x86_64-windows-gnu',
      '-target aarch64-macos.11.0',
      '-target x86_64-macos.10.15',
    ]);
    assert.deepEqual(targetArguments('clang', parseTarget('linux-arm64')), ['--target=aarch64-linux-gnu']);
    assert.deepEqual(targetArguments('zig', { platform: 'freebsd', arch: 'x64' }), []);
  });

  it('compiles the same way for each target', () => {
    for (const name of TARGET_NAMES) {
      const args = compiled(name, 'gnu', ['-mavx2']);
      includesAll(args, ['-std=c++17', '-O3', '-ffp-contract=fast', '-fvisibility=hidden', '-mavx2', '-DONE=1']);
      assert.deepEqual(args.slice(-4), ['-c', 'a.cpp', '-o', 'a.o']);
      assert.equal(args.includes('-fPIC'), !name.startsWith('win32'));
      // Nothing of the machine that compiles.
      assert.ok(!args.some((argument) => argument.includes('native')));
    }
    const msvc = compiled('win32-x64', 'msvc', ['-mavx2', '-mfma']);
    includesAll(msvc, ['/std:c++17', '/O2', '/arch:AVX2', '/DONE=1', '/Iheaders', '/c', 'a.cpp', '/Foa.o']);
  });

  it('compiles the vector code for each instruction set of the processor', () => {
    const sets = (name: string): string[] => instructionSetsFor(compilerFor(name), 'release').map((set) => set.name);
    for (const name of TARGET_NAMES) {
      const wanted = name.endsWith('x64') ? ['baseline', 'avx2', 'avx512'] : ['baseline', 'neon'];
      assert.deepEqual(sets(name), wanted, name);
    }
  });

  it('links a shared library for each platform', () => {
    const linux = linked('linux-arm64', 'addon');
    includesAll(linux, ['-shared', '-static-libstdc++', '-Wl,--version-script=exports.map', 'a.o', 'b.o', '-ldl']);
    assert.deepEqual(linked('win32-x64', 'library'), ['-shared', '-s', 'a.o', 'b.o', '-o', 'out']);
    assert.deepEqual(linked('win32-x64', 'addon'), linked('win32-x64', 'library'));
    const mingw = { ...compilerFor('win32-x64'), isClang: false };
    assert.ok(linkArguments(mingw, [], 'out', { kind: 'addon', exports: '' }).includes('-static'));
    assert.deepEqual(linked('win32-x64', 'addon', 'msvc'), ['/nologo', '/LD', '/MT', 'a.o', 'b.o', '/Feout']);
    const darwin = ['-dynamiclib', '-undefined', 'dynamic_lookup', '-pthread', 'a.o', 'b.o', '-o', 'out'];
    assert.deepEqual(linked('darwin-x64', 'addon'), darwin);
    assert.ok(!linked('darwin-x64', 'library').includes('dynamic_lookup'));
  });

  it('names the products as the platform does', () => {
    const names = (name: string): string[] =>
      productsIn('dir', parseTarget(name)).map(({ file }) => path.basename(file));
    assert.deepEqual(names('linux-x64'), ['fusion-kernel.node', 'libfusionlens_ops.so']);
    assert.deepEqual(names('win32-x64'), ['fusion-kernel.node', 'fusionlens_ops.dll']);
    assert.deepEqual(names('darwin-arm64'), ['fusion-kernel.node', 'libfusionlens_ops.dylib']);
  });

  it('finds no compiler where the command is none', () => {
    assert.equal(describeCompiler('/nowhere/c++'), undefined);
    assert.equal(describeCompiler('/nowhere/python3 -m ziglang c++', parseTarget('win32-x64')), undefined);
  });

  describe('on the command line', function () {
    this.timeout(60_000);
    const build = (args: readonly string[], environment: NodeJS.ProcessEnv): ReturnType<typeof spawnSync> =>
      spawnSync(process.execPath, ['--import', 'tsx', 'src/kernel/build.ts', ...args], {
        encoding: 'utf8',
        env: { ...process.env, ...environment },
      });
    let empty: string;
    before(() => (empty = mkdtempSync(path.join(os.tmpdir(), 'fusion-lens-no-compiler-'))));
    after(() => rmSync(empty, { recursive: true }));

    it('says what a machine without a compiler lacks, and succeeds', () => {
      const { status, stdout } = build([], { PATH: empty, CXX: '' });
      assert.equal(status, 0);
      assert.match(
        String(stdout),
        /^No C\+\+ compiler was found .* Everything but the measuring of fused pairs works/u,
      );
    });

    it('fails where a target is named and nothing compiles for it', () => {
      const other = TARGET_NAMES.find((name) => name !== nameOfTarget(HOST))!;
      const { status, stdout } = build(['--target', other], { PATH: empty });
      assert.equal(status, 1);
      assert.match(String(stdout), /^No compiler for .* was found .*pip install ziglang/u);
      const named = build(['--target', other, '--compiler', 'no-such-c++'], {});
      assert.equal(named.status, 1);
      assert.match(String(named.stdout), /^"no-such-c\+\+" can't be run, or doesn't compile for/u);
      assert.match(String(build(['--target', 'mars-x64'], {}).stderr), /There is no target "mars-x64"/u);
    });
  });
});
