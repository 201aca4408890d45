import * as fs from 'node:fs';
import type { ByteSource } from '../core/wire/source';

/**
 * Random access to a file on disk. The descriptor is opened at the first read
 * and held until `close`, so that on POSIX systems a file that is replaced
 * under our feet can still be read as it was.
 */
export class FileSource implements ByteSource {
  readonly size: number;
  private descriptor: number | undefined;

  /** @throws a Node `SystemError` when the file can't be read. */
  constructor(readonly path: string) {
    this.descriptor = fs.openSync(path, 'r');
    this.size = fs.fstatSync(this.descriptor).size;
  }

  read(start: number, end: number): Uint8Array {
    if (start < 0 || end < start || end > this.size) {
      throw new RangeError(`range ${start}–${end} is outside the ${this.size} bytes of ${this.path}`);
    }
    this.descriptor ??= fs.openSync(this.path, 'r');
    const bytes = Buffer.allocUnsafe(end - start);
    let filled = 0;
    while (filled < bytes.length) {
      const count = fs.readSync(this.descriptor, bytes, filled, bytes.length - filled, start + filled);
      if (count === 0) throw new RangeError(`${this.path} became shorter while it was being read`);
      filled += count;
    }
    return bytes;
  }

  close(): void {
    if (this.descriptor !== undefined) fs.closeSync(this.descriptor);
    this.descriptor = undefined;
  }
}
