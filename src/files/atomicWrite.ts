import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { ByteSource } from '../core/wire/source';
import { readChunks, type Chunk } from '../core/wire/splice';

/**
 * Write `chunks` (ranges refer to `source`) to `file`: first to a new file
 * beside it, flushed to disk, then renamed over it. Whatever goes wrong, `file`
 * is either what it was or complete.
 * @param source may read from `file` itself; `beforeRename` is the moment to close it.
 */
export async function writeAtomically(
  file: string,
  chunks: readonly Chunk[],
  source: ByteSource,
  beforeRename?: () => void,
): Promise<void> {
  const target = await realPath(file);
  const temporary = path.join(path.dirname(target), `.${path.basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
  const mode = await fs.promises.stat(target).then(
    (stat) => stat.mode & 0o777,
    () => 0o666,
  );
  try {
    const handle = await fs.promises.open(temporary, 'wx', mode);
    try {
      for (const bytes of readChunks(chunks, source)) {
        for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at)).bytesWritten;
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    beforeRename?.();
    await fs.promises.rename(temporary, target);
  } catch (error) {
    await fs.promises.rm(temporary, { force: true });
    throw error;
  }
}

/** Through a symbolic link the linked file is replaced, not the link. */
async function realPath(file: string): Promise<string> {
  try {
    return await fs.promises.realpath(file);
  } catch {
    return path.resolve(file);
  }
}
