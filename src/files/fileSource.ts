import * as fs from 'node:fs';
import type { ByteSource } from '../core/wire/source';

/**
 * Random access to a file on disk. `close` releases the descriptor; a later
 * read opens the file again, and fails when it isn't the same file any more:
 * other bytes must never pass for this file's. A file that is held can be read
 * also when its name is deleted or another file's.
 */
export class FileSource implements ByteSource {
  readonly size: number;
  private descriptor: number | undefined;
  /** Never closed by `close`. */
  private held: number | undefined;
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

  /**
   * Keep the bytes readable until `release`, whatever becomes of the file's
   * name. On Windows nothing is held: no other program could replace the file.
   */
  hold(): void {
    if (process.platform === 'win32' || this.held !== undefined) return;
    try {
      this.held = this.opened();
    } catch {
      // The file is another one already.
    }
  }

  /** End `hold`. */
  release(): void {
    if (this.held !== undefined) fs.closeSync(this.held);
    this.held = undefined;
  }

  private open(): number {
    if (this.descriptor !== undefined) return this.descriptor;
    try {
      this.descriptor = this.opened();
      return this.descriptor;
    } catch (error) {
      if (this.held === undefined || identityOf(fs.fstatSync(this.held)) !== this.identity) throw error;
      return this.held;
    }
  }

  /** A new descriptor of the same file. */
  private opened(): number {
    const descriptor = fs.openSync(this.path, 'r');
    if (identityOf(fs.fstatSync(descriptor)) === this.identity) return descriptor;
    fs.closeSync(descriptor);
    throw new Error(`${this.path} has been written since it was opened; try again`);
  }
}

function identityOf({ dev, ino, size, mtimeMs }: fs.Stats): string {
  return `${dev}:${ino}:${size}:${mtimeMs}`;
}
