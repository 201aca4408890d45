import * as fs from 'node:fs';
import type { ByteSource } from '../core/wire/source';

/**
 * Random access to a file on disk. `close` releases the descriptor; a later
 * read opens the file again, and fails when it isn't the same file any more:
 * other bytes must never pass for this file's.
 */
export class FileSource implements ByteSource {
  readonly size: number;
  private descriptor: number | undefined;
  private readonly identity: string;

  /** @throws a Node `SystemError` when the file can't be read. */
  constructor(readonly path: string) {
    this.descriptor = fs.openSync(path, 'r');
    const stat = fs.fstatSync(this.descriptor);
    this.size = stat.size;
    this.identity = identityOf(stat);
  }

  read(start: number, end: number): Uint8Array {
    if (start < 0 || end < start || end > this.size) {
      throw new RangeError(`range ${start}–${end} is outside the ${this.size} bytes of ${this.path}`);
    }
    const descriptor = this.open();
    const bytes = Buffer.allocUnsafe(end - start);
    let filled = 0;
    while (filled < bytes.length) {
      const count = fs.readSync(descriptor, bytes, filled, bytes.length - filled, start + filled);
      if (count === 0) throw new RangeError(`${this.path} became shorter while it was being read`);
      filled += count;
    }
    return bytes;
  }

  latin1(bytes: Uint8Array): string {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  }

  close(): void {
    if (this.descriptor !== undefined) fs.closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  private open(): number {
    if (this.descriptor === undefined) {
      this.descriptor = fs.openSync(this.path, 'r');
      if (identityOf(fs.fstatSync(this.descriptor)) !== this.identity) {
        this.close();
        throw new Error(`${this.path} has been written since it was opened; try again`);
      }
    }
    return this.descriptor;
  }
}

function identityOf({ dev, ino, size, mtimeMs }: fs.Stats): string {
  return `${dev}:${ino}:${size}:${mtimeMs}`;
}
