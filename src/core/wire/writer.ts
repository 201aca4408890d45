import { appendChunk, chunksSize, type Chunk } from './splice';
import { encodeUtf8 } from './utf8';
import { putInt64, putVarint, WireType } from './varint';

/**
 * Writes one protobuf message as chunks. Large payloads and ranges of the base
 * file are taken over by reference; only tags, lengths and small values are
 * written here. Methods take the field's number first.
 */
export class MessageWriter {
  private readonly chunks: Chunk[] = [];
  private buffer = new Uint8Array(64);
  private used = 0;

  private reserve(size: number): void {
    if (this.used + size <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(this.buffer.length * 2, this.used + size));
    larger.set(this.buffer.subarray(0, this.used));
    this.buffer = larger;
  }

  private flush(): void {
    if (this.used === 0) return;
    this.chunks.push(this.buffer.subarray(0, this.used));
    this.buffer = this.buffer.subarray(this.used);
    this.used = 0;
  }

  /** A tag alone. */
  private tag(field: number, wireType: number): void {
    this.reserve(10);
    this.used = putVarint(this.buffer, this.used, field * 8 + wireType);
  }

  private tagAndLength(field: number, length: number): void {
    this.reserve(20);
    this.used = putVarint(this.buffer, this.used, field * 8 + WireType.Len);
    this.used = putVarint(this.buffer, this.used, length);
  }

  /** An int32, int64, uint64, bool or enum; negative numbers take ten bytes, as protobuf has it. */
  int(field: number, value: number | bigint): this {
    this.tag(field, WireType.Varint);
    this.packedInt(value);
    return this;
  }

  float(field: number, value: number): this {
    this.tag(field, WireType.Fixed32);
    this.packedFloat(value);
    return this;
  }

  double(field: number, value: number): this {
    this.tag(field, WireType.Fixed64);
    this.packedDouble(value);
    return this;
  }

  string(field: number, value: string): this {
    return this.bytes(field, encodeUtf8(value));
  }

  bytes(field: number, value: Uint8Array): this {
    this.tagAndLength(field, value.length);
    if (value.length <= 256) {
      this.reserve(value.length);
      this.buffer.set(value, this.used);
      this.used += value.length;
    } else {
      this.chunk(value);
    }
    return this;
  }

  /** A length-delimited field whose payload is `payload`, taken over by reference. */
  message(field: number, payload: readonly Chunk[]): this {
    this.tagAndLength(field, chunksSize(payload));
    for (const chunk of payload) this.chunk(chunk);
    return this;
  }

  /** Bytes that are whole fields, or a payload, already. */
  chunk(chunk: Chunk): this {
    this.flush();
    appendChunk(this.chunks, chunk);
    return this;
  }

  /** A varint without a tag, for packed fields. */
  packedInt(value: number | bigint): this {
    this.reserve(10);
    if (typeof value === 'number' && value >= 0 && Number.isSafeInteger(value)) {
      this.used = putVarint(this.buffer, this.used, value);
    } else {
      this.used = putInt64(this.buffer, this.used, BigInt(value));
    }
    return this;
  }

  /** A little-endian single without a tag, for packed fields. */
  packedFloat(value: number): this {
    this.reserve(4);
    new DataView(this.buffer.buffer, this.buffer.byteOffset + this.used, 4).setFloat32(0, value, true);
    this.used += 4;
    return this;
  }

  /** A little-endian double without a tag, for packed fields. */
  packedDouble(value: number): this {
    this.reserve(8);
    new DataView(this.buffer.buffer, this.buffer.byteOffset + this.used, 8).setFloat64(0, value, true);
    this.used += 8;
    return this;
  }

  /** The message's payload. The writer must not be used afterwards. */
  finish(): Chunk[] {
    this.flush();
    return this.chunks;
  }
}
