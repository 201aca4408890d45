const empty: readonly never[] = Object.freeze([]);

/**
 * Lists that are being collected, one on top of the other, so that each is made
 * once, in no more memory than it needs: pushing to an array of its own
 * reserves room for 17 elements, and most lists of a model have one to four.
 */
export class ListStack<T> {
  private readonly items: T[] = [];
  private count = 0;

  /** How many there are: where a list starts whose elements are pushed next. */
  get length(): number {
    return this.count;
  }

  push(item: T): void {
    this.items[this.count++] = item;
  }

  /** Take the list that starts at `base` off the stack. */
  take(base: number): readonly T[] {
    const { count } = this;
    if (count === base) return empty;
    this.count = base;
    return this.items.slice(base, count);
  }
}
