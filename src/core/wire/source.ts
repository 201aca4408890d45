/** Half-open range `[start, end)` of bytes in a model file. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Random access to a model file. Reading is explicit so that a model's
 * structure can be scanned without its weights ever entering memory.
 */
export interface ByteSource {
  /** Size of the file in bytes. */
  readonly size: number;
  /**
   * The bytes of `[start, end)`.
   * @throws RangeError when the range isn't inside the file.
   */
  read(start: number, end: number): Uint8Array;
  /** What {@link latin1Text} gives for `bytes`, where the platform has a quicker way. */
  latin1?(bytes: Uint8Array): string;
}

/** A source over bytes already in memory. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read(start, end) {
      if (start < 0 || end < start || end > bytes.length) {
        throw new RangeError(`range ${start}–${end} is outside the ${bytes.length} bytes of the file`);
      }
      return bytes.subarray(start, end);
    },
  };
}
