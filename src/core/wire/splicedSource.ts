import type { ByteSource } from './source';
import { chunkSize, isRange, type Chunk } from './splice';

/** The file that `chunks` (ranges refer to `base`) would make, readable without making it. */
export function splicedSource(chunks: readonly Chunk[], base: ByteSource): ByteSource {
  const pieces = chunks.filter((chunk) => chunkSize(chunk) > 0);
  const starts: number[] = [];
  let size = 0;
  for (const piece of pieces) {
    starts.push(size);
    size += chunkSize(piece);
  }

  const pieceAt = (offset: number): number => {
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return low;
  };

  return {
    size,
    read(start, end) {
      if (start < 0 || end < start || end > size) {
        throw new RangeError(`range ${start}–${end} is outside the ${size} bytes of the file`);
      }
      const bytes = new Uint8Array(end - start);
      for (let at = start, index = pieceAt(start); at < end; index++) {
        const piece = pieces[index]!;
        const from = at - starts[index]!;
        const to = Math.min(chunkSize(piece), from + end - at);
        const part = isRange(piece) ? base.read(piece.start + from, piece.start + to) : piece.subarray(from, to);
        bytes.set(part, at - start);
        at += to - from;
      }
      return bytes;
    },
    ...(base.latin1 && { latin1: (bytes: Uint8Array) => base.latin1!(bytes) }),
  };
}
