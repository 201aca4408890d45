import { detached } from './detached';
import { ModelFormatError } from './errors';
import type { ByteRange, ByteSource } from './source';
import { decodeUtf8, latin1Text } from './utf8';
import { WireType } from './varint';

const SMALLEST_WINDOW = 4 << 10;
const LARGEST_WINDOW = 64 << 10;
/** Most integers of a model are sizes and axes: one object each is enough. */
const smallIntegers = Array.from({ length: 1025 }, (_, i) => BigInt(i));
const scratchBytes = new DataView(new ArrayBuffer(4));
const DEEPEST_GROUP = 100;
const NON_ASCII = /[\x80-\xff]/g;

/**
 * Reads protobuf wire data from a file through a window. The window grows
 * while reading goes on in sequence and shrinks after a jump, so that a model
 * of many small fields takes few reads and one of large fields few bytes.
 *
 * Every method that takes `end` throws {@link ModelFormatError} when what it
 * reads doesn't end at or before that offset.
 */
export class WireReader {
  /** Offset in the file of the next byte. */
  pos: number;
  private bytes: Uint8Array = new Uint8Array(0);
  private base: number;
  private window = SMALLEST_WINDOW >> 1;
  /** The varint last read, as two 32-bit halves. */
  private low = 0;
  private high = 0;
  /** The window as characters U+0000–U+00FF, once a string has been read from it. */
  private text: string | undefined;
  /** From the one index of the window to the other, all bytes are ASCII. */
  private asciiFrom = 0;
  private asciiTo = -1;

  constructor(
    readonly source: ByteSource,
    start = 0,
  ) {
    this.pos = start;
    this.base = start;
  }

  /** Make `need` bytes at `pos` (or as many as the file has) available; returns the index of `pos` in the window. */
  private fill(need: number): number {
    const left = this.source.size - this.pos;
    const inSequence = this.pos >= this.base && this.pos <= this.base + this.bytes.length + SMALLEST_WINDOW;
    this.window = inSequence ? Math.min(this.window * 2, LARGEST_WINDOW) : SMALLEST_WINDOW;
    const length = Math.min(left, Math.max(need, this.window));
    const read = this.source.read(this.pos, this.pos + length);
    // A plain array, since making views of a Node Buffer is slow.
    this.bytes = new Uint8Array(read.buffer, read.byteOffset, read.length);
    this.base = this.pos;
    this.text = undefined;
    this.asciiTo = -1;
    return 0;
  }

  /** Index of `pos` in the window, which holds at least `need` bytes from there, or up to the end of the file. */
  private index(need: number): number {
    const at = this.pos - this.base;
    return at >= 0 && at + need <= this.bytes.length ? at : this.fill(need);
  }

  private readVarint(end: number): void {
    let at = this.index(10);
    const bytes = this.bytes;
    const first = at;
    let byte = bytes[at++];
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      if (byte === undefined || shift > 63) {
        throw new ModelFormatError(
          byte === undefined
            ? `the file ends inside a number at byte ${this.pos}`
            : `the number at byte ${this.pos} is longer than 10 bytes`,
          this.pos,
        );
      }
      const part = byte & 127;
      if (shift < 28) low |= part << shift;
      else if (shift === 28) {
        low |= part << 28;
        high = part >> 4;
      } else high |= part << (shift - 32);
      if (byte < 128) break;
      byte = bytes[at++];
    }
    const after = this.pos + at - first;
    if (after > end) throw this.overrun(this.pos, 'a number', end);
    this.pos = after;
    this.low = low;
    this.high = high;
  }

  private overrun(at: number, what: string, end: number): ModelFormatError {
    return new ModelFormatError(`${what} at byte ${at} runs past the end of its message at byte ${end}`, at);
  }

  /** A varint as a non-negative number (exact below 2⁵³). */
  uint(end: number): number {
    const at = this.pos - this.base;
    if (at >= 0 && this.pos < end) {
      const byte = this.bytes[at];
      if (byte !== undefined && byte < 128) {
        this.pos++;
        return byte;
      }
    }
    this.readVarint(end);
    return (this.high >>> 0) * 4294967296 + (this.low >>> 0);
  }

  /** A varint as a signed number (exact within ±2⁵³). */
  int(end: number): number {
    this.readVarint(end);
    return this.high * 4294967296 + (this.low >>> 0);
  }

  /** A varint as the 32-bit signed number that protobuf's int32 is. */
  int32(end: number): number {
    this.readVarint(end);
    return this.low;
  }

  /** A varint as an exact signed 64-bit integer. */
  int64(end: number): bigint {
    this.readVarint(end);
    if (this.high === 0) return smallIntegers[this.low] ?? BigInt(this.low >>> 0);
    return BigInt.asIntN(64, (BigInt(this.high) << 32n) | BigInt(this.low >>> 0));
  }

  /** A field's tag: field number × 8 + wire type. */
  tag(end: number): number {
    const at = this.pos;
    const tag = this.uint(end);
    const type = tag & 7;
    if (tag < 8 || tag > 0xffffffff || type > 5) {
      throw new ModelFormatError(`byte ${at} doesn't start a protobuf field`, at);
    }
    return tag;
  }

  /** A length prefix; the payload then ends at the result. */
  lengthEnd(end: number): number {
    const at = this.pos;
    const length = this.uint(end);
    if (length > end - this.pos) {
      throw new ModelFormatError(
        `the field at byte ${at} claims ${length} bytes, but only ${end - this.pos} are left in its message`,
        at,
      );
    }
    return this.pos + length;
  }

  /** The range of a length-delimited payload, which is skipped, not read. */
  range(end: number): ByteRange {
    const payloadEnd = this.lengthEnd(end);
    const range = { start: this.pos, end: payloadEnd };
    this.pos = payloadEnd;
    return range;
  }

  /** A length-delimited payload as text (see {@link decodeUtf8}). */
  string(end: number): string {
    const payloadEnd = this.lengthEnd(end);
    const length = payloadEnd - this.pos;
    if (length === 0) return '';
    const at = this.index(length);
    this.pos = payloadEnd;
    const text = this.windowText();
    if (at + length > this.asciiEnd(at)) return decodeUtf8(this.bytes, at, at + length);
    const slice = text.slice(at, at + length);
    // Among large fields, a window of which few strings are taken isn't worth keeping for them.
    return this.window === SMALLEST_WINDOW ? detached(slice) : slice;
  }

  /** The bytes up to `end` as characters U+0000–U+00FF, without moving on. */
  peekBytes(end: number): string {
    const length = end - this.pos;
    const at = this.index(length);
    return this.windowText().slice(at, at + length);
  }

  private windowText(): string {
    return (this.text ??= this.source.latin1?.(this.bytes) ?? latin1Text(this.bytes));
  }

  /** The index of the first byte at or behind `at` that isn't ASCII, or of the end of the window. */
  private asciiEnd(at: number): number {
    if (at < this.asciiFrom || at > this.asciiTo) {
      NON_ASCII.lastIndex = at;
      this.asciiFrom = at;
      this.asciiTo = NON_ASCII.test(this.windowText()) ? NON_ASCII.lastIndex - 1 : this.bytes.length;
    }
    return this.asciiTo;
  }

  /** A length-delimited payload; valid until the source's bytes change. */
  payload(end: number): Uint8Array {
    const payloadEnd = this.lengthEnd(end);
    return this.take(payloadEnd - this.pos, end);
  }

  /** The next `length` bytes. */
  take(length: number, end: number): Uint8Array {
    if (length > end - this.pos) throw this.overrun(this.pos, `a field of ${length} bytes`, end);
    const at = this.index(length);
    this.pos += length;
    return this.bytes.subarray(at, at + length);
  }

  /** A little-endian IEEE 754 single. */
  float(end: number): number {
    if (this.pos + 4 > end) throw this.overrun(this.pos, 'a number', end);
    const at = this.index(4);
    this.pos += 4;
    for (let i = 0; i < 4; i++) scratchBytes.setUint8(i, this.bytes[at + i]!);
    return scratchBytes.getFloat32(0, true);
  }

  /** Skip the value of a field whose tag has been read. Groups are skipped whole, to a depth of 100. */
  skip(tag: number, end: number): void {
    const at = this.pos;
    let depth = 0;
    let current = tag;
    for (;;) {
      switch (current & 7) {
        case WireType.Varint:
          this.readVarint(end);
          break;
        case WireType.Fixed64:
          this.pos += 8;
          break;
        case WireType.Len:
          this.pos = this.lengthEnd(end);
          break;
        case WireType.Fixed32:
          this.pos += 4;
          break;
        case WireType.StartGroup:
          if (++depth > DEEPEST_GROUP) {
            throw new ModelFormatError(`groups are nested more than ${DEEPEST_GROUP} deep at byte ${at}`, at);
          }
          break;
        default:
          if (--depth < 0) throw new ModelFormatError(`a group ends at byte ${at} that didn't start`, at);
      }
      if (this.pos > end) throw this.overrun(at, 'a field', end);
      if (depth === 0) return;
      current = this.tag(end);
    }
  }
}
