/** A copy of a slice of a string, which otherwise keeps all of that string in memory. */
export function detached(slice: string): string {
  return ` ${slice}`.slice(1);
}
