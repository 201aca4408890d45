/** Counts that depend on sizes which aren't known, written as `36864·H·W`. */

/** A number times the sizes that stand for something. */
export interface Product {
  readonly factor: number;
  /** In order; one comes again for each power of it. */
  readonly symbols: readonly string[];
}

/** The product of sizes, known and not. */
export function product(...sizes: readonly (number | string)[]): Product {
  let factor = 1;
  const symbols: string[] = [];
  for (const size of sizes) {
    if (typeof size === 'number') factor *= size;
    else symbols.push(size);
  }
  return { factor, symbols };
}

/** The sum as a number, or `undefined` while it depends on a size that isn't known. */
export function valueOf(sum: readonly Product[]): number | undefined {
  let total = 0;
  for (const { factor, symbols } of sum) {
    if (symbols.length > 0) return undefined;
    total += factor;
  }
  return total;
}

/** The sum as text, like terms gathered: `36864·H·W`, `8·N + 128·N·H·W`. */
export function formulaOf(sum: readonly Product[]): string {
  const terms = new Map<string, number>();
  for (const { factor, symbols } of sum) {
    const key = powers(symbols);
    terms.set(key, (terms.get(key) ?? 0) + factor);
  }
  return [...terms]
    .map(([symbols, factor]) => {
      if (symbols === '') return String(factor);
      return factor === 1 ? symbols : `${factor}·${symbols}`;
    })
    .join(' + ');
}

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';

function powers(symbols: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const symbol of symbols) counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
  return [...counts]
    .map(([symbol, count]) => {
      const whole = /^(\w+|⌊.*⌋|⌈.*⌉)$/.test(symbol) ? symbol : `(${symbol})`;
      return count === 1 ? whole : whole + (SUPERSCRIPTS[count] ?? `^${count}`);
    })
    .join('·');
}
