import type { ByteRange } from './source';
import { chunkSize, isRange, type Chunk } from './splice';

/**
 * Where ranges of the base file lie in the file that `chunks` make.
 * @returns a function that gives a range's new place, or `undefined` when it
 * wasn't copied in one piece.
 */
export function relocate(chunks: readonly Chunk[]): (range: ByteRange) => ByteRange | undefined {
  const copies: { from: ByteRange; to: number }[] = [];
  let at = 0;
  for (const chunk of chunks) {
    if (isRange(chunk)) copies.push({ from: chunk, to: at });
    at += chunkSize(chunk);
  }
  copies.sort((a, b) => a.from.start - b.from.start);
  return ({ start, end }) => {
    let low = 0;
    let high = copies.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (copies[middle]!.from.start <= start) low = middle + 1;
      else high = middle;
    }
    const copy = copies[low - 1];
    if (!copy || end > copy.from.end) return undefined;
    const moved = copy.to - copy.from.start;
    return { start: start + moved, end: end + moved };
  };
}
