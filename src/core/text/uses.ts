import { forEachMatch, nameOf, type MatchedBody } from './matchedBody';

/** By which names values are read in a graph or function, before and after. */
export class Uses {
  /** By the name in the base: the names that the same readers have at the same places. */
  private readonly counts = new Map<string, Map<string, number>>();

  constructor({ nodes, outputs }: Pick<MatchedBody, 'nodes' | 'outputs'>) {
    forEachMatch(nodes, (edited, base) => {
      const count = Math.min(edited.inputs.length, base.inputs.length);
      for (let i = 0; i < count; i++) this.add(base.inputs[i]!, edited.inputs[i]!);
    });
    forEachMatch(outputs, (edited, base) => {
      this.add(nameOf(base), nameOf(edited));
    });
  }

  /** Whether most of what read a value by one name, if anything did, reads it by another. */
  follow(before: string, after: string): boolean {
    const [moved, stayed] = [this.count(before, after), this.count(before, before)];
    return moved > stayed || (moved === 0 && stayed === 0);
  }

  /** How many read a value by one name, and by another after. */
  count(before: string, after: string): number {
    return this.counts.get(before)?.get(after) ?? 0;
  }

  private add(before: string, after: string): void {
    let names = this.counts.get(before);
    if (names === undefined) this.counts.set(before, (names = new Map<string, number>()));
    names.set(after, (names.get(after) ?? 0) + 1);
  }
}
