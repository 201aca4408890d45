import type { ByteSource } from './source';

/**
 * `source` with small reads served from blocks that stay in memory, so that
 * many small reads near each other cost few reads of the file. Reads longer
 * than a block go straight to `source`.
 */
export function blockSource(source: ByteSource, blockSize = 1 << 14, maxBlocks = 256): ByteSource {
  const blocks = new Map<number, Uint8Array>();
  const block = (index: number): Uint8Array => {
    const found = blocks.get(index);
    if (found !== undefined) return found;
    const start = index * blockSize;
    const bytes = source.read(start, Math.min(start + blockSize, source.size));
    if (blocks.size >= maxBlocks) blocks.delete(blocks.keys().next().value!);
    blocks.set(index, bytes);
    return bytes;
  };
  return {
    size: source.size,
    read(start, end) {
      const length = end - start;
      if (start < 0 || length < 0 || end > source.size || length > blockSize) return source.read(start, end);
      if (length === 0) return new Uint8Array(0);
      const index = Math.floor(start / blockSize);
      const from = start - index * blockSize;
      const bytes = block(index);
      if (from + length <= bytes.length) return bytes.subarray(from, from + length);
      const result = new Uint8Array(length);
      result.set(bytes.subarray(from));
      result.set(block(index + 1).subarray(0, length - (bytes.length - from)), bytes.length - from);
      return result;
    },
  };
}
