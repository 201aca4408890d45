/**
 * Robust figures from repeated timings.
 */

/** The value at fraction `q` (0 to 1) of the sorted values, interpolated linearly (type 7 of Hyndman and Fan). */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const position = (sorted.length - 1) * q;
  const below = Math.floor(position);
  const lower = sorted[below]!;
  const upper = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return lower + (upper - lower) * (position - below);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Half the interquartile range: for a normal distribution 0.67 standard deviations, and blind to outliers. */
export function spread(values: readonly number[]): number {
  return (quantile(values, 0.75) - quantile(values, 0.25)) / 2;
}

/** A median with half the interquartile range. */
export interface Figure {
  readonly median: number;
  readonly spread: number;
}

export function figure(values: readonly number[]): Figure {
  return { median: median(values), spread: spread(values) };
}

/**
 * How many times larger `numerators` are: the ratio of the medians. Its spread is that of the ratios within each round:
 * runs of one round follow each other at once, so that a slow phase of the machine falls on both sides.
 */
export function ratioOfMedians(numerators: readonly number[], denominators: readonly number[]): Figure {
  const rounds = Math.min(numerators.length, denominators.length);
  const ratios = Array.from({ length: rounds }, (_, i) => numerators[i]! / denominators[i]!);
  return { median: median(numerators) / median(denominators), spread: spread(ratios) };
}
