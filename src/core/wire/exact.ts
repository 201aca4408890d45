const empty: readonly never[] = Object.freeze([]);

/**
 * A copy of a list that has just been collected, in no more memory than it
 * needs: pushing to an array reserves room for 17 elements, and most lists of a
 * model have one to four.
 */
export function exact<T>(list: readonly T[]): readonly T[] {
  return list.length === 0 ? empty : list.length > 64 ? list : list.slice();
}
