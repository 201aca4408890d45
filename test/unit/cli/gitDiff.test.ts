import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as os from 'node:os';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { applyEdits } from '../../../src/core/text/edit';
import { bytesOf, message } from '../support/message';
import { encode, parsed } from '../support/textRoundTrip';

const root = path.resolve(__dirname, '../../..');
const sample = path.join(root, 'media/samples/style-transfer.onnx');
const loader = pathToFileURL(createRequire(__filename).resolve('tsx')).href;
const cli = ['--import', loader, path.join(root, 'src/cli.ts')];

describe('git diff with the textconv of README.md', function () {
  this.timeout(60_000);
  let folder: string;
  const at = (name: string): string => path.join(folder, name);
  const run = (program: string, ...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, encoding: 'utf8' });
    assert.equal(status, 0, `${program} ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const git = (...args: string[]): string => run('git', ...args);
  /** The lines that `git diff` shows as removed and added. */
  const changedLines = (...args: string[]): string[] =>
    git('diff', ...args)
      .split('\n')
      .filter((line) => /^[-+](?!--|\+\+)/.test(line));

  beforeEach(function () {
    if (spawnSync('git', ['--version']).status !== 0) this.skip();
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'git-diff-'));
    git('init', '-q');
    git('config', 'user.name', 'Test');
    git('config', 'user.email', 'test@example.org');
    const command = [process.execPath, ...cli, 'text', '--diff'].map((part) => `'${part}'`).join(' ');
    git('config', 'diff.onnx.textconv', command);
    fs.writeFileSync(at('.gitattributes'), '*.onnx diff=onnx\n');
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  const commit = (): void => {
    git('add', '.');
    git('commit', '-q', '-m', 'a version');
  };

  it('shows the line of the attribute that changed, and nothing else', () => {
    fs.copyFileSync(sample, at('model.onnx'));
    commit();
    const text = run(process.execPath, ...cli, 'text', 'model.onnx');
    const line = text.split('\n').find((candidate) => candidate.includes('epsilon = '))!;
    const start = text.indexOf('epsilon = ');
    const end = start + /^epsilon = [^,>]*/.exec(text.slice(start))![0].length;
    fs.writeFileSync(
      at('edited.onnxtxt'),
      applyEdits(text, [{ span: { start, end }, newText: 'epsilon = 0.5, new_attribute = "moves bytes"' }]),
    );
    run(process.execPath, ...cli, 'build', 'edited.onnxtxt', '--base', 'model.onnx', '-o', 'model.onnx');
    const edited = line.replace(/epsilon = [^,>]*/, 'epsilon = 0.5, new_attribute = "moves bytes"');
    assert.deepEqual(changedLines('--', 'model.onnx'), [`-${line}`, `+${edited}`]);
    commit();
    assert.deepEqual(changedLines('HEAD~1', 'HEAD', '--', 'model.onnx'), [`-${line}`, `+${edited}`]);
  });

  it('shows other weights by their content, and needs no external data', () => {
    const version = (second: number, offset: number): Uint8Array =>
      encode(
        parsed(`<ir_version: 8, opset_import: ["": 17]>
g (float[64] x) => (float[64] y)
< float[64] a = {${Array.from({ length: 64 }, (_, i) => second + i).join(', ')}},
  float[64] e = ["location": "w.bin", "offset": "${offset}", "length": "256"] >
{ t = Add (x, a)
  y = Mul (t, e) }`),
      );
    fs.mkdirSync(at('models'));
    fs.writeFileSync(at('models/m.onnx'), version(1, 0));
    fs.writeFileSync(at('models/w.bin'), Buffer.alloc(512));
    commit();
    fs.writeFileSync(at('models/m.onnx'), version(2, 0));
    const lines = changedLines();
    assert.equal(lines.length, 2);
    assert.match(lines[0]!, /^-\s+float\[64\] a = \["bytes": "256", "sha256": "[0-9a-f]{16}"\],$/);
    assert.match(lines[1]!, /^\+\s+float\[64\] a = \["bytes": "256", "sha256": "[0-9a-f]{16}"\],$/);
  });

  it('shows what the editable text does not, and is refused as something to build', () => {
    const version = (doc: string): Uint8Array =>
      bytesOf(
        message(
          [1, 8],
          [7, message([1, message([1, 'x'], [2, 'y'], [4, 'Relu'], [6, doc])], [2, 'g'])],
          [8, message([1, ''], [2, 17])],
        ),
      );
    fs.writeFileSync(at('m.onnx'), version('as exported'));
    commit();
    fs.writeFileSync(at('m.onnx'), version('reviewed'));
    assert.deepEqual(changedLines(), ['-  # hidden doc_string: "as exported"', '+  # hidden doc_string: reviewed']);
    run(process.execPath, ...cli, 'text', 'm.onnx', '--diff', '-o', 'm.onnxtxt');
    const { status, stderr } = spawnSync(
      process.execPath,
      [...cli, 'build', 'm.onnxtxt', '--base', 'm.onnx', '-o', 'built.onnx'],
      { cwd: folder, encoding: 'utf8' },
    );
    assert.equal(status, 2);
    assert.match(stderr, /m\.onnxtxt: was made by "text --diff" for comparing/);
    assert.ok(!fs.existsSync(at('built.onnx')));
  });

  it('describes what is no model', () => {
    fs.writeFileSync(at('m.onnx'), 'version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12\n');
    commit();
    fs.writeFileSync(at('m.onnx'), Buffer.alloc(0));
    const lines = changedLines();
    assert.match(lines[0]!, /^-# No ONNX text: .*Git LFS pointer/);
    assert.ok(
      lines.some((line) => /^\+# No ONNX text: .*empty/.test(line)),
      lines.join('\n'),
    );
  });
});
