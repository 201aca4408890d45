import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { openModel } from '../../../src/cli/output';
import { readTensor } from '../../../src/core/onnx/tensor';

const root = path.resolve(__dirname, '../../..');
const sample = path.join(root, 'media/samples/style-transfer.onnx');

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(...args: string[]): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', 'src/cli.ts', ...args], {
    cwd: root,
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, stdout, stderr };
}

describe('the command line', function () {
  this.timeout(60_000);
  let folder: string;
  const inFolder = (name: string) => path.join(folder, name);

  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cli-'));
  });
  after(() => fs.rmSync(folder, { recursive: true }));

  it('scans with findings, reasons and a status that can be asked for', () => {
    const { status, stdout } = run('scan', sample, '--json', '--fail-on-findings');
    assert.equal(status, 1);
    const { files } = JSON.parse(stdout) as {
      files: {
        file: string;
        findings: { id: string; fusable: boolean; reason?: { code: string; message: string } }[];
      }[];
    };
    assert.equal(files[0]?.file, sample);
    const findings = files[0].findings;
    assert.ok(findings.some((finding) => finding.fusable));
    const blocked = findings.find((finding) => !finding.fusable);
    assert.ok(blocked?.reason);
    assert.match(blocked.reason.code, /^[a-z-]+$/);
    assert.ok(blocked.reason.message.length > 10);
    assert.equal(run('scan', sample).status, 0);
  });

  it('says that a model is no text, and that a folder is missing', () => {
    const binary = run('build', sample, '--base', sample, '-o', inFolder('x.onnx'));
    assert.equal(binary.status, 2);
    assert.equal(binary.stderr.trim(), `onnx-fusion-lens: ${sample}: is a binary file, not ONNX text`);
    const target = inFolder('missing/x.txt');
    const unwritten = run('text', sample, '-o', target);
    assert.equal(unwritten.status, 2);
    assert.equal(
      unwritten.stderr.trim(),
      `onnx-fusion-lens: ${target}: the folder ${inFolder('missing')} does not exist`,
    );
  });

  it('scans with degenerate normalisations and a verdict', () => {
    const { findings, degenerate } = (
      JSON.parse(run('scan', sample, '--json').stdout) as {
        files: {
          findings: { fusable: boolean; verdict?: string }[];
          degenerate: { code: string; severity: string; message: string; node: string }[];
        }[];
      }
    ).files[0]!;
    assert.ok(findings.every(({ fusable, verdict }) => fusable === (verdict !== undefined)));
    const biases = degenerate.filter(({ code }) => code === 'cancelled-bias');
    assert.ok(biases.length > 0);
    const { node, message } = biases[0]!;
    const { stdout } = run('scan', sample);
    assert.ok(stdout.includes(`  note  ${node}: ${message} (cancelled-bias)`));
    assert.match(stdout, /can fuse into \w+; saves .* of memory traffic\. (Worth fusing|A small gain|Hardly worth it)/);
    const sarif = JSON.parse(run('scan', sample, '--sarif').stdout) as {
      runs: { tool: { driver: { rules: { id: string }[] } }; results: { ruleId: string }[] }[];
    };
    const { tool, results } = sarif.runs[0]!;
    assert.equal(results.filter(({ ruleId }) => ruleId === 'cancelled-bias').length, biases.length);
    for (const { ruleId } of results) assert.ok(tool.driver.rules.some(({ id }) => id === ruleId));
  });

  it('writes SARIF', () => {
    const sarif = JSON.parse(run('scan', sample, '--sarif').stdout) as {
      version: string;
      runs: { results: { ruleId: string }[] }[];
    };
    assert.equal(sarif.version, '2.1.0');
    assert.ok(sarif.runs[0]?.results.some(({ ruleId }) => ruleId === 'fusable'));
  });

  it('goes from model to text and back without changing a byte', () => {
    const text = inFolder('a.onnxtxt');
    const output = inFolder('a.onnx');
    assert.equal(run('text', sample, '-o', text).status, 0);
    assert.equal(run('build', text, '--base', sample, '-o', output).status, 0);
    assert.ok(fs.readFileSync(output).equals(fs.readFileSync(sample)));
    assert.equal(run('check', sample).stdout, `${sample}: byte-identical\n`);
  });

  it('says where edited text is wrong, and writes nothing', () => {
    const text = inFolder('bad.onnxtxt');
    const output = inFolder('never.onnx');
    const lines = run('text', sample).stdout.split('\n');
    const line = lines.findIndex((content) => content.includes(' = Conv '));
    lines[line] = lines[line]!.replace(' = Conv ', ' = = Conv ');
    fs.writeFileSync(text, lines.join('\n'));
    const { status, stderr } = run('build', text, '--base', sample, '-o', output);
    assert.equal(status, 2);
    assert.match(stderr, new RegExp(`bad\\.onnxtxt:${line + 1}:\\d+: `));
    assert.doesNotMatch(stderr, /\n\s+at /);
    assert.ok(!fs.existsSync(output));
  });

  it('fuses what is named, and the result has that pair no more', () => {
    const all = JSON.parse(run('scan', sample, '--json').stdout) as {
      files: { findings: { id: string; fusable: boolean }[] }[];
    };
    const fusable = all.files[0]!.findings.filter((finding) => finding.fusable);
    const output = inFolder('fused.onnx');
    assert.equal(run('fuse', sample, '-o', output, '--only', fusable[0]!.id).status, 0);
    const after = JSON.parse(run('scan', output, '--json').stdout) as typeof all;
    assert.deepEqual(
      after.files[0]!.findings.filter((finding) => finding.fusable).map(({ id }) => id),
      fusable.slice(1).map(({ id }) => id),
    );
    assert.equal(run('fuse', sample, '-o', output, '--only', 'no such pair').status, 2);
  });

  it('draws a well-formed picture', () => {
    const output = inFolder('a.svg');
    assert.equal(run('draw', sample, '-o', output).status, 0);
    assert.match(fs.readFileSync(output, 'utf8'), /^<svg [\s\S]*InstanceNormalization[\s\S]*<\/svg>\s*$/);
  });

  const bad: Readonly<Record<string, () => Uint8Array>> = {
    'truncated.onnx': () => fs.readFileSync(sample).subarray(0, 20_000),
    'text.onnx': () => Buffer.from('This is a letter, not a model.\n'),
    'zero.onnx': () => Buffer.alloc(0),
    'random.onnx': () => randomBytes(10_000_000),
  };
  for (const [name, content] of Object.entries(bad)) {
    it(`refuses ${name} with one clear line, status 2, and writes nothing`, () => {
      const file = inFolder(name);
      const output = inFolder('nothing.out');
      fs.writeFileSync(file, content());
      for (const args of [
        ['check', file],
        ['fuse', file, '-o', output],
      ]) {
        const { status, stdout, stderr } = run(...args);
        assert.equal(status, 2, args.join(' '));
        assert.equal(stdout, '');
        assert.match(stderr, /^.*\.onnx: .{15,}\n$/);
      }
      assert.ok(!fs.existsSync(output));
      assert.deepEqual(
        fs.readdirSync(folder).filter((entry) => entry.endsWith('.tmp')),
        [],
      );
    });
  }

  it('gives text of before a fusion the weights that it meant', () => {
    const before = inFolder('before.onnxtxt');
    const fused = inFolder('m.onnx');
    const restored = inFolder('restored.onnx');
    fs.copyFileSync(sample, fused);
    assert.equal(run('text', fused, '-o', before).status, 0);
    assert.equal(run('fuse', sample, '-o', fused, '--only', '/conv1/conv2d/Conv').status, 0);
    assert.equal(run('build', before, '--base', fused, '-o', restored).status, 0);
    const weights = (file: string) => {
      const { model, source } = openModel(file);
      const floats = model.graph.initializers.map((tensor) => [tensor.name, readTensor(tensor, source)]);
      source.close();
      return floats;
    };
    const byName = (a: unknown[], b: unknown[]) => (String(a[0]) < String(b[0]) ? -1 : 1);
    assert.deepEqual(weights(restored).sort(byName), weights(sample).sort(byName));
  });

  it('explains arguments that make no sense', () => {
    const { status, stderr } = run('bench', sample, '--dim', 'height');
    assert.equal(status, 2);
    assert.match(stderr, /name=size/);
  });
});
