import type { ByteRange, ByteSource } from './source';

/** Part of an output file: new bytes, or a range copied from the base source. */
export type Chunk = Uint8Array | ByteRange;

export function isRange(chunk: Chunk): chunk is ByteRange {
  return !(chunk instanceof Uint8Array);
}

export function chunkSize(chunk: Chunk): number {
  return isRange(chunk) ? chunk.end - chunk.start : chunk.length;
}

/** Bytes that the chunks make. */
export function chunksSize(chunks: readonly Chunk[]): number {
  let size = 0;
  for (const chunk of chunks) size += chunkSize(chunk);
  return size;
}

/** Append `chunk`, merging ranges that lie next to each other. Empty chunks are dropped. */
export function appendChunk(chunks: Chunk[], chunk: Chunk): void {
  if (chunkSize(chunk) === 0) return;
  const last = chunks[chunks.length - 1];
  if (last !== undefined && isRange(chunk) && isRange(last) && last.end === chunk.start) {
    chunks[chunks.length - 1] = { start: last.start, end: chunk.end };
  } else {
    chunks.push(chunk);
  }
}

/**
 * All chunks as one array, ranges read from `source`.
 * @throws RangeError when the result is larger than one array can be, or a range isn't in the source.
 */
export function joinChunks(chunks: readonly Chunk[], source: ByteSource): Uint8Array {
  const result = new Uint8Array(chunksSize(chunks));
  let at = 0;
  for (const chunk of chunks) {
    result.set(isRange(chunk) ? source.read(chunk.start, chunk.end) : chunk, at);
    at += chunkSize(chunk);
  }
  return result;
}

/**
 * The chunks' bytes in blocks of at most `blockSize`, for writing a file that
 * needn't fit in memory.
 */
export function* readChunks(
  chunks: readonly Chunk[],
  source: ByteSource,
  blockSize = 1 << 22,
): Generator<Uint8Array, void, undefined> {
  for (const chunk of chunks) {
    if (!isRange(chunk)) {
      if (chunk.length > 0) yield chunk;
      continue;
    }
    for (let at = chunk.start; at < chunk.end; at += blockSize) {
      yield source.read(at, Math.min(at + blockSize, chunk.end));
    }
  }
}
