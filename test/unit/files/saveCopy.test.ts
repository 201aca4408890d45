import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { decodeModel } from '../../../src/core/onnx/decode';
import { externalLocations } from '../../../src/core/text/repoint';
import { FileSource } from '../../../src/files/fileSource';
import type { CopyOptions } from '../../../src/files/copyData';
import { describePlan, saveCopy } from '../../../src/files/saveCopy';
import { encode, parsed } from '../support/textRoundTrip';
import { floatTensor, runModel } from '../support/runtime';

const data = Buffer.from(new Float32Array([10, 20, 30, 40]).buffer);

const modelAt = (location: string): Uint8Array =>
  encode(
    parsed(`<ir_version: 8, opset_import: ["": 17]>
g (float[4] x) => (float[4] y)
< float[4] w = ["location": "${location}", "offset": "0", "length": "16"] >
{ y = Add (x, w) }`),
  );

describe('saving a model with external data elsewhere', () => {
  let folder: string;
  const at = (name: string): string => path.join(folder, name);
  const put = (name: string, content: Uint8Array | string): void => {
    fs.mkdirSync(path.dirname(at(name)), { recursive: true });
    fs.writeFileSync(at(name), content);
  };
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'save-copy-'));
    put('from/model.onnx', modelAt('w.bin'));
    put('from/w.bin', data);
    fs.mkdirSync(at('to'));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true }));

  const save = async (to: string, options?: CopyOptions, from = 'from/model.onnx'): Promise<readonly string[]> => {
    const source = new FileSource(at(from));
    try {
      const copy = { chunks: [{ start: 0, end: source.size }], source, file: at(from), target: at(to) };
      return describePlan(await saveCopy(copy, options), at(to));
    } finally {
      source.close();
    }
  };
  const locations = (name: string): readonly string[] => {
    const source = new FileSource(at(name));
    const found = externalLocations(decodeModel(source));
    source.close();
    return found;
  };
  /** Stock ONNX Runtime loads it, and its weights are the original's. */
  const assertRuns = async (name: string): Promise<void> => {
    const x = floatTensor([4], 1);
    const y = (await runModel(at(name), { x })).get('y')!.data;
    (x.data as Float32Array).forEach((value, i) => assert.equal(y[i], Math.fround(value + (i + 1) * 10)));
  };

  it('keeps what is in the same folder', async () => {
    assert.deepEqual(await save('from/other.onnx'), []);
    assert.deepEqual(fs.readFileSync(at('from/other.onnx')), fs.readFileSync(at('from/model.onnx')));
    await assertRuns('from/other.onnx');
  });

  it('copies the data beside a model in another folder, and says so', async () => {
    let copied = 0;
    const said = await save('to/model.onnx', { onCopied: (bytes) => (copied += bytes) });
    assert.deepEqual(said, ['Its external data was copied beside it: w.bin (16 bytes).']);
    assert.equal(copied, 16);
    assert.deepEqual(fs.readdirSync(at('to')).sort(), ['model.onnx', 'w.bin']);
    await assertRuns('to/model.onnx');
    await assertRuns('from/model.onnx');
  });

  it('points at data that lies below the new folder', async () => {
    assert.deepEqual(await save('up.onnx'), ['It uses the external data that is there: from/w.bin.']);
    assert.deepEqual(locations('up.onnx'), ['from/w.bin']);
    await assertRuns('up.onnx');
    assert.deepEqual(fs.readdirSync(folder).sort(), ['from', 'to', 'up.onnx']);
  });

  it('never overwrites the data of another model', async () => {
    put('to/w.bin', 'other weights, sixteen and more');
    assert.deepEqual(await save('to/mine.onnx'), ['Its external data was copied beside it: mine-w.bin (16 bytes).']);
    assert.equal(fs.readFileSync(at('to/w.bin'), 'utf8'), 'other weights, sixteen and more');
    assert.deepEqual(locations('to/mine.onnx'), ['mine-w.bin']);
    await assertRuns('to/mine.onnx');
    assert.deepEqual(await save('to/mine.onnx'), ['It uses the external data that is there: mine-w.bin.']);
  });

  it("never overwrites the model's own external data", async () => {
    const before = fs.readFileSync(at('from/w.bin'));
    await assert.rejects(save('from/w.bin'), /holds the model's external data/u);
    assert.deepEqual(fs.readFileSync(at('from/w.bin')), before);
  });

  it('copies to a safe place what a model has outside its folder', async () => {
    put('from/unsafe.onnx', modelAt('../shared.bin'));
    put('shared.bin', data);
    await save('to/safe.onnx', {}, 'from/unsafe.onnx');
    assert.deepEqual(locations('to/safe.onnx'), ['shared.bin']);
    await assertRuns('to/safe.onnx');
  });

  it('keeps folders within the location', async () => {
    put('from/deep.onnx', modelAt('a/b/w.bin'));
    put('from/a/b/w.bin', data);
    await save('to/deep.onnx', {}, 'from/deep.onnx');
    assert.deepEqual(locations('to/deep.onnx'), ['a/b/w.bin']);
    await assertRuns('to/deep.onnx');
  });

  it('says what is missing, and saves all the same', async () => {
    fs.rmSync(at('from/w.bin'));
    const [said = ''] = await save('to/model.onnx');
    assert.match(said, /^Its external data is missing: w\.bin\./);
    assert.ok(fs.existsSync(at('to/model.onnx')));
  });

  it('leaves nothing behind when it is cancelled', async () => {
    const abort = new AbortController();
    fs.writeFileSync(at('from/w.bin'), Buffer.alloc(8 << 20));
    await assert.rejects(save('to/model.onnx', { onCopied: () => abort.abort(), signal: abort.signal }), {
      name: 'AbortError',
    });
    assert.deepEqual(fs.readdirSync(at('to')), []);
  });

  it('removes the copies when the model cannot be written', async () => {
    put('to/model.onnx', 'old');
    fs.chmodSync(at('to/model.onnx'), 0o444);
    await assert.rejects(save('to/model.onnx'), { code: 'EACCES' });
    assert.deepEqual(fs.readdirSync(at('to')), ['model.onnx']);
  });
});
