import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { ByteSource } from '../core/wire/source';
import { readChunks, type Chunk } from '../core/wire/splice';

/**
 * Write `chunks` (ranges refer to `source`) to `file`: first to a new file
 * beside it, flushed to disk, then renamed over it. Whatever goes wrong, `file`
 * is either what it was or complete. What isn't a regular file (a pipe, a
 * device) is written to directly.
 * @param source may read from `file` itself; `beforeRename` is the moment to close it.
 * @throws a Node `SystemError`; `EACCES` also where the file is write-protected.
 */
export async function writeAtomically(
  file: string,
  chunks: readonly Chunk[],
  source: ByteSource,
  beforeRename?: () => void,
): Promise<void> {
  const target = await realPath(file);
  const present = await fs.promises.stat(target).catch(() => undefined);
  if (present && !present.isFile()) {
    await writeTo(await fs.promises.open(target, 'w'), chunks, source);
    return;
  }
  if (present) await requireWritable(target, present);
  const temporary = path.join(path.dirname(target), `.${randomBytes(8).toString('hex')}.tmp`);
  try {
    const handle = await fs.promises.open(temporary, 'wx');
    if (present) await handle.chmod(present.mode & 0o7777);
    await writeTo(handle, chunks, source, true);
    beforeRename?.();
    await fs.promises.rename(temporary, target);
  } catch (error) {
    await fs.promises.rm(temporary, { force: true });
    throw error;
  }
}

async function writeTo(
  handle: fs.promises.FileHandle,
  chunks: readonly Chunk[],
  source: ByteSource,
  flush = false,
): Promise<void> {
  try {
    for (const bytes of readChunks(chunks, source)) {
      for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at)).bytesWritten;
    }
    if (flush) await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A rename would replace a write-protected file all the same, and root may write to any. */
async function requireWritable(file: string, { mode }: fs.Stats): Promise<void> {
  await fs.promises.access(file, fs.constants.W_OK);
  if ((mode & 0o222) === 0) throw Object.assign(new Error(`${file} is write-protected`), { code: 'EACCES' });
}

/** Through a symbolic link the linked file is replaced, not the link. */
async function realPath(file: string): Promise<string> {
  try {
    return await fs.promises.realpath(file);
  } catch {
    return path.resolve(file);
  }
}
