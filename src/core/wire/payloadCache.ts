const SLOTS = 1 << 12;
/** Longer messages aren't kept: they are seldom equal. */
export const LONGEST_PAYLOAD = 96;

interface Entry<T> {
  readonly payload: Uint8Array;
  readonly value: T;
}

/**
 * Gives messages of equal bytes the same decoded value, which has to be
 * immutable and say nothing of its place. A model states the same few types
 * and attributes over and over.
 */
export class PayloadCache<T> {
  private readonly entries = new Array<Entry<T> | undefined>(SLOTS).fill(undefined);

  /** The value stored for these bytes, if there is one. */
  get(bytes: Uint8Array): T | undefined {
    if (bytes.length > LONGEST_PAYLOAD) return undefined;
    const entry = this.entries[slotOf(bytes)];
    if (entry?.payload.length !== bytes.length) return undefined;
    for (let i = 0; i < bytes.length; i++) if (entry.payload[i] !== bytes[i]) return undefined;
    return entry.value;
  }

  set(bytes: Uint8Array, value: T): void {
    if (bytes.length <= LONGEST_PAYLOAD) this.entries[slotOf(bytes)] = { payload: bytes.slice(), value };
  }
}

function slotOf(bytes: Uint8Array): number {
  let hash = bytes.length;
  for (let i = 0; i < bytes.length; i++) hash = (Math.imul(hash, 31) + bytes[i]!) | 0;
  return (hash ^ (hash >>> 15)) & (SLOTS - 1);
}
