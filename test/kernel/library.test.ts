import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { buildKernel } from '../../src/kernel/build';
import { findCompiler } from '../../src/kernel/toolchain';
import { onnxRuntimeLibrary } from '../../src/measure/kernel';

/** Loads the library as ONNX Runtime does: with a real runtime, or with one of another version that has little in it. */
const HOST = String.raw`
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
struct Api { void* entries[400]; };
struct Base { const struct Api* (*api)(unsigned); const char* (*version)(void); };
static const char* wanted;
static struct Api least;
static void* createStatus(int code, const char* message) { printf("status %d: %s\n", code, message); return &least; }
static const struct Api* api(unsigned version) { return version == 1 ? &least : 0; }
static const char* version(void) { return wanted; }
static const struct Base fake = { api, version };
int main(int argc, char** argv) {
  void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (!library) { printf("%s\n", dlerror()); return 2; }
  void* (*registerOps)(void*, const struct Base*) = (void* (*)(void*, const struct Base*))dlsym(library, "RegisterCustomOps");
  if (!registerOps) return 3;
  if (strcmp(argv[2], "version") == 0) {
    wanted = argv[3];
    least.entries[0] = (void*)createStatus;
    int options = 0;
    return registerOps(&options, &fake) ? 0 : 4;
  }
  void* runtime = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
  if (!runtime) { printf("%s\n", dlerror()); return 5; }
  const struct Base* base = ((const struct Base* (*)(void))dlsym(runtime, "OrtGetApiBase"))();
  const struct Api* real = base->api(17);
  void* options = 0;
  if (((void* (*)(void**))real->entries[10])(&options)) return 6;
  for (int i = 3; i + 1 < argc; i += 2) ((void* (*)(void*, const char*, const char*))real->entries[130])(options, argv[i], argv[i + 1]);
  void* status = registerOps(options, base);
  if (status) printf("%s\n", ((const char* (*)(void*))real->entries[2])(status));
  else printf("registered\n");
  return 0;
}
`;

describe('custom-op library', function () {
  this.timeout(120_000);
  let folder: string | undefined;
  let library: string;

  before(async function () {
    const compiler = findCompiler();
    const built = await buildKernel({}, () => undefined);
    if (compiler?.style !== 'gnu' || built.library === undefined || process.platform === 'win32') this.skip();
    library = built.library;
    folder = mkdtempSync(path.join(os.tmpdir(), 'fusion-lens-library-'));
    writeFileSync(path.join(folder, 'host.c'), HOST);
    const args = ['-x', 'c', path.join(folder, 'host.c'), '-o', path.join(folder, 'host')];
    const { status, stderr } = spawnSync(compiler.command, [...args, '-ldl'], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  });

  after(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  const host = (args: readonly string[], environment: Record<string, string> = {}): string => {
    const env = { ...process.env, ...environment };
    const { status, stdout } = spawnSync(path.join(folder!, 'host'), [library, ...args], { encoding: 'utf8', env });
    assert.equal(status, 0, stdout);
    return stdout.trim();
  };

  for (const version of ['1.16.3', '2.0.0', 'nightly', '']) {
    it(`refuses ONNX Runtime "${version}" with a status`, () => {
      assert.equal(
        host(['version', version]),
        `status 1: The fusionlens custom operators need ONNX Runtime 1.17 or a later 1.x; this is ${version}.`,
      );
    });
  }

  it('registers its operators, with settings from the session or the environment', function () {
    const runtime = onnxRuntimeLibrary();
    if (typeof runtime !== 'string') this.skip();
    assert.equal(host([runtime]), 'registered');
    assert.equal(host([runtime, 'fusionlens.threads', '2', 'fusionlens.exact', '1']), 'registered');
    assert.match(host([runtime, 'fusionlens.threads', 'many']), /must be a number from 1 to 256, not "many"/u);
    assert.match(host([runtime, 'fusionlens.exact', 'yes']), /must be 0 or 1, not "yes"/u);
    assert.match(host([runtime], { FUSION_LENS_THREADS: '0' }), /FUSION_LENS_THREADS\) must be/u);
    assert.equal(host([runtime, 'fusionlens.threads', '2'], { FUSION_LENS_THREADS: '0' }), 'registered');
  });
});
