/**
 * How far two outputs are apart.
 */

export interface OutputError {
  /** Largest absolute difference. */
  readonly absolute: number;
  /** The same, as a fraction of the expected output's largest magnitude. */
  readonly relative: number;
}

/** NaN and infinity are equal to themselves; against anything else they make the error infinite. */
export function compareOutputs(actual: ArrayLike<number>, expected: ArrayLike<number>): OutputError {
  if (actual.length !== expected.length) return { absolute: Infinity, relative: Infinity };
  let absolute = 0;
  let scale = 0;
  for (let i = 0; i < expected.length; i++) {
    const e = expected[i]!;
    const a = actual[i]!;
    if (Number.isFinite(e)) scale = Math.max(scale, Math.abs(e));
    if (Object.is(a, e) || a === e) continue;
    const difference = Math.abs(a - e);
    absolute = Math.max(absolute, Number.isNaN(difference) ? Infinity : difference);
  }
  return { absolute, relative: absolute === 0 ? 0 : absolute / scale };
}
