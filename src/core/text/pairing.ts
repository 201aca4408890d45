/** For each element of the edited list, the index of the base's element that it is, or -1 where it is new. */
export type Matching = Int32Array;

/**
 * Pair elements by the first key in which they agree, in the order of
 * `keys`. Elements with equal keys pair in list order. A key of `undefined`
 * pairs with nothing.
 */
export function matchByKeys<E, B>(
  edited: readonly E[],
  base: readonly B[],
  keys: readonly (readonly [(element: E) => string | undefined, (element: B) => string | undefined])[],
): Matching {
  const matching = new Int32Array(edited.length).fill(-1);
  const taken = new Uint8Array(base.length);
  let left = edited.length;
  for (const [editedKey, baseKey] of keys) {
    if (left === 0) break;
    const waiting = new Map<string, number[]>();
    // Backwards, so that the first of equal keys is popped first.
    for (let i = base.length - 1; i >= 0; i--) {
      const key = taken[i] === 1 ? undefined : baseKey(base[i]!);
      if (key === undefined) continue;
      const list = waiting.get(key);
      if (list === undefined) waiting.set(key, [i]);
      else list.push(i);
    }
    if (waiting.size === 0) continue;
    for (let i = 0; i < edited.length; i++) {
      const key = matching[i]! >= 0 ? undefined : editedKey(edited[i]!);
      const index = key === undefined ? undefined : waiting.get(key)?.pop();
      if (index === undefined) continue;
      matching[i] = index;
      taken[index] = 1;
      left--;
    }
  }
  return matching;
}

/** Pair elements that no key has paired with the one at the same distance from a paired neighbour, where `agree` allows it. */
export function matchNeighbours<E, B>(
  matching: Matching,
  edited: readonly E[],
  base: readonly B[],
  agree: (edited: E, base: B) => boolean,
): void {
  const taken = new Uint8Array(base.length);
  for (const index of matching) if (index >= 0) taken[index] = 1;
  const tryPair = (i: number, index: number): void => {
    if (matching[i]! >= 0 || index < 0 || index >= base.length || taken[index] === 1) return;
    if (!agree(edited[i]!, base[index]!)) return;
    matching[i] = index;
    taken[index] = 1;
  };
  for (let i = 0; i < edited.length; i++) {
    const before = i === 0 ? -1 : matching[i - 1]!;
    if (i === 0 || before >= 0) tryPair(i, before + 1);
  }
  for (let i = edited.length - 1; i >= 0; i--) {
    if (i === edited.length - 1) tryPair(i, base.length - 1);
    else if (matching[i + 1]! > 0) tryPair(i, matching[i + 1]! - 1);
  }
}
