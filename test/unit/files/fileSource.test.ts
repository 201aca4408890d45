import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { FileSource } from '../../../src/files/fileSource';

describe('FileSource', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'file-source-'));
    file = path.join(folder, 'a.bin');
    fs.writeFileSync(file, 'abcdef');
  });
  afterEach(() => fs.rmSync(folder, { recursive: true }));

  it('reads again after it was closed', () => {
    const source = new FileSource(file);
    source.close();
    assert.equal(Buffer.from(source.read(1, 3)).toString(), 'bc');
    source.close();
  });

  it('gives bytes as the characters with their codes', () => {
    const source = new FileSource(file);
    assert.equal(source.latin1(Uint8Array.of(0, 65, 128, 255).subarray(1)), 'A\u0080\u00ff');
    source.close();
  });

  it('never passes another file for the one that was opened', () => {
    const source = new FileSource(file);
    source.close();
    fs.writeFileSync(path.join(folder, 'b.bin'), 'ABCDEF');
    fs.renameSync(path.join(folder, 'b.bin'), file);
    assert.throws(() => source.read(1, 3), /has been written since it was opened/);
  });

  it('reads a file that is held when its name is gone or another one’s, but not when its bytes are others', function () {
    if (process.platform === 'win32') this.skip();
    const source = new FileSource(file);
    source.close();
    source.hold();
    fs.rmSync(file);
    assert.equal(Buffer.from(source.read(1, 3)).toString(), 'bc');
    fs.writeFileSync(file, 'ABCDEF');
    source.close();
    assert.equal(Buffer.from(source.read(1, 3)).toString(), 'bc');
    source.release();
    assert.throws(() => source.read(1, 3), /has been written since it was opened/);

    const other = new FileSource(file);
    other.close();
    other.hold();
    fs.writeFileSync(file, 'abc');
    assert.throws(() => other.read(1, 3), /has been written since it was opened/);
    other.release();
  });

  it('refuses ranges outside the file', () => {
    const source = new FileSource(file);
    assert.throws(() => source.read(4, 7), RangeError);
    source.close();
  });
});
