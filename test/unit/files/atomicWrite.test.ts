import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { bytesSource } from '../../../src/core/wire/source';
import { writeAtomically } from '../../../src/files/atomicWrite';
import { FileSource } from '../../../src/files/fileSource';

const none = bytesSource(new Uint8Array(0));

describe('writeAtomically', () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'atomic-write-'));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true }));

  it('writes over the very file that its ranges are read from', async () => {
    const file = path.join(folder, 'a.bin');
    fs.writeFileSync(file, 'abcdef', { mode: 0o640 });
    const source = new FileSource(file);
    await writeAtomically(file, [{ start: 3, end: 6 }, Buffer.from('-'), { start: 0, end: 3 }], source, () =>
      source.close(),
    );
    assert.equal(fs.readFileSync(file, 'utf8'), 'def-abc');
    assert.equal(fs.statSync(file).mode & 0o777, 0o640);
    assert.deepEqual(fs.readdirSync(folder), ['a.bin']);
  });

  it('leaves the file as it was when the source fails half-way', async () => {
    const file = path.join(folder, 'a.bin');
    fs.writeFileSync(file, 'abcdef');
    const failing = {
      size: 6,
      read: (): never => {
        throw new Error('the disk is gone');
      },
    };
    await assert.rejects(writeAtomically(file, [Buffer.from('new'), { start: 0, end: 3 }], failing), /disk is gone/);
    assert.equal(fs.readFileSync(file, 'utf8'), 'abcdef');
    assert.deepEqual(fs.readdirSync(folder), ['a.bin']);
  });

  it('replaces what a symbolic link points at, not the link', async () => {
    const file = path.join(folder, 'a.bin');
    const link = path.join(folder, 'link.bin');
    fs.writeFileSync(file, 'old');
    fs.symlinkSync(file, link);
    await writeAtomically(link, [Buffer.from('new')], none);
    assert.equal(fs.readFileSync(file, 'utf8'), 'new');
    assert.ok(fs.lstatSync(link).isSymbolicLink());
  });

  it('says why a folder that does not exist cannot be written', async () => {
    await assert.rejects(writeAtomically(path.join(folder, 'no', 'a.bin'), [], none), { code: 'ENOENT' });
  });

  it('refuses a write-protected file, also as root', async () => {
    const file = path.join(folder, 'a.bin');
    fs.writeFileSync(file, 'old', { mode: 0o444 });
    await assert.rejects(writeAtomically(file, [Buffer.from('new')], none), { code: 'EACCES' });
    assert.equal(fs.readFileSync(file, 'utf8'), 'old');
  });

  it('keeps permissions that the process would not give a new file', async () => {
    const file = path.join(folder, 'a.bin');
    fs.writeFileSync(file, 'old');
    fs.chmodSync(file, 0o664);
    await writeAtomically(file, [Buffer.from('new')], none);
    assert.equal(fs.statSync(file).mode & 0o777, 0o664);
  });

  it('writes to a device, and does not replace it', async function () {
    if (process.platform === 'win32') this.skip();
    await writeAtomically('/dev/null', [Buffer.from('new')], none);
    assert.ok(fs.statSync('/dev/null').isCharacterDevice());
  });
});
