/** Damaged copies of a file: what broken downloads, disks and fuzzers make. */

/** Numbers in `[0, 1)` that follow from a seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * The bytes with flipped bits, other bytes, a part missing or doubled, or the
 * end cut off; more often than not so little that most messages stay readable.
 */
export function damaged(original: Uint8Array, random: () => number): Uint8Array {
  const pick = (count: number): number => Math.floor(random() * count);
  // `slice` of a Buffer would share its memory.
  let bytes = Uint8Array.from(original);
  if (random() < 0.6) {
    for (let changes = 1 + pick(2); changes > 0 && bytes.length > 0; changes--) {
      if (random() < 0.5) bytes[pick(bytes.length)]! ^= 1 << pick(8);
      else bytes[pick(bytes.length)] = pick(256);
    }
    return bytes;
  }
  const kinds = 1 + pick(2);
  for (let i = 0; i < kinds && bytes.length > 0; i++) {
    const at = pick(bytes.length);
    const length = Math.min(1 + pick(40), bytes.length - at);
    switch (pick(6)) {
      case 0:
        for (let flips = 1 + pick(8); flips > 0; flips--) bytes[pick(bytes.length)]! ^= 1 << pick(8);
        break;
      case 1:
        // Large numbers: lengths, sizes, types.
        for (let j = 0; j < length && j < 9; j++) bytes[at + j] = random() < 0.5 ? 0xff : 0x7f;
        break;
      case 2:
        bytes = bytes.slice(0, at);
        break;
      case 3:
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + length)]);
        break;
      case 4:
        bytes = Uint8Array.from([...bytes.subarray(0, at + length), ...bytes.subarray(at)]);
        break;
      default:
        bytes[at] = pick(256);
    }
  }
  return bytes;
}
