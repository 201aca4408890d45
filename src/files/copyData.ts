import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { DataCopy } from './externalPlan';

export interface CopyOptions {
  /** Told how many bytes have been copied since it was told last. */
  readonly onCopied?: ((bytes: number) => void) | undefined;
  /** Ends the copying; what was copied is removed. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Copy files to places where nothing is: each appears under its name only when
 * it is complete. Where the file system can share blocks, nothing is copied.
 * @returns removes the copies again.
 * @throws a Node `SystemError`, or an `AbortError`; no copy is left then.
 */
export async function copyData(copies: readonly DataCopy[], options: CopyOptions = {}): Promise<() => Promise<void>> {
  const made: string[] = [];
  const remove = async (): Promise<void> => {
    for (const file of made) await fs.promises.rm(file, { force: true });
  };
  try {
    for (const copy of copies) {
      await fs.promises.mkdir(path.dirname(copy.to), { recursive: true });
      await copyFile(copy, options);
      made.push(copy.to);
    }
    return remove;
  } catch (error) {
    await remove();
    throw error;
  }
}

async function copyFile({ from, to, size }: DataCopy, { onCopied, signal }: CopyOptions): Promise<void> {
  const temporary = path.join(path.dirname(to), `.${randomBytes(8).toString('hex')}.tmp`);
  try {
    signal?.throwIfAborted();
    if (await sharesBlocks(from, temporary)) onCopied?.(size);
    else {
      const counting = new Transform({
        transform(block: Buffer, _encoding, done) {
          onCopied?.(block.length);
          done(undefined, block);
        },
      });
      const target = fs.createWriteStream(temporary, { flags: 'wx', flush: true });
      await pipeline(fs.createReadStream(from, { highWaterMark: 1 << 20 }), counting, target, signal ? { signal } : {});
    }
    // A link fails where meanwhile something has come to be; a rename would replace it.
    await fs.promises.link(temporary, to).catch(async (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw error;
      await fs.promises.rename(temporary, to);
    });
  } finally {
    await fs.promises.rm(temporary, { force: true });
  }
}

async function sharesBlocks(from: string, to: string): Promise<boolean> {
  try {
    await fs.promises.copyFile(from, to, fs.constants.COPYFILE_FICLONE_FORCE | fs.constants.COPYFILE_EXCL);
    return true;
  } catch {
    await fs.promises.rm(to, { force: true });
    return false;
  }
}
