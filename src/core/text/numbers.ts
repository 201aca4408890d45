/**
 * A float32 in the fewest digits that read back as the same float32, and
 * always recognisable as a float: `1.0`, `1e-05` is `0.00001`, `inf`, `-nan` is `nan`.
 */
export function formatFloat32(value: number): string {
  if (!Number.isFinite(value)) return formatNonFinite(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return formatInteger(value);
  const normal = Math.abs(value) >= 1.1754943508222875e-38;
  // Any decimal of up to 6 digits survives float32 (FLT_DIG), so shorter ones show as trailing zeros here.
  for (let digits = normal ? 6 : 1; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return asFloat(String(Number(text)));
  }
  return asFloat(String(Number(value.toPrecision(9))));
}

/** A double in the fewest digits that read back as the same double, recognisable as a float. */
export function formatFloat64(value: number): string {
  if (!Number.isFinite(value)) return formatNonFinite(value);
  return Number.isInteger(value) && Math.abs(value) < 1e7 ? formatInteger(value) : asFloat(String(value));
}

function formatNonFinite(value: number): string {
  return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
}

function formatInteger(value: number): string {
  return Object.is(value, -0) ? '-0.0' : `${value}.0`;
}

function asFloat(text: string): string {
  return text.includes('.') || text.includes('e') ? text : `${text}.0`;
}
