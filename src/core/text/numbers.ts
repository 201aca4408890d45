/** Powers of ten that a double holds exactly. */
const POWERS_OF_TEN = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

/**
 * A float32 in the fewest digits that read back as the same float32, and
 * always recognisable as a float: `1.0`, `0.00001`, `1e-7`, `-inf`, `nan`.
 */
export function formatFloat32(value: number): string {
  if (!Number.isFinite(value)) return formatNonFinite(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return formatInteger(value);
  const magnitude = Math.abs(value);
  const exponent = Math.floor(Math.log10(magnitude));
  if (exponent >= -12 && exponent <= 20) {
    // A decimal of up to 9 digits and a power of ten are exact doubles, so their quotient, or product, is the
    // double nearest to the decimal: what reading its text gives.
    for (let digits = 5; digits <= 10; digits++) {
      const scale = digits - 1 - exponent;
      const decimal =
        scale >= 0
          ? Math.round(magnitude * POWERS_OF_TEN[scale]!) / POWERS_OF_TEN[scale]!
          : Math.round(magnitude / POWERS_OF_TEN[-scale]!) * POWERS_OF_TEN[-scale]!;
      if (Math.fround(decimal) === magnitude) return asFloat(String(value < 0 ? -decimal : decimal));
    }
  }
  for (let digits = 1; digits < 9; digits++) {
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

const TOO_LARGE_FOR_INT64 = 2 ** 63;
const TOO_LARGE_FOR_UINT64 = 2 ** 64;

/**
 * A size or version, which the model holds as a double: beyond 2⁵³ in digits
 * that read back as the same double and stay within 64 bits.
 */
export function formatSize(value: number): string {
  if (Number.isSafeInteger(value)) return String(value);
  return value >= TOO_LARGE_FOR_INT64 ? '9223372036854775807' : BigInt(value).toString();
}

/** An integer element of a tensor, held as a double: see {@link formatSize}. */
export function formatElement(value: number): string {
  if (!Number.isInteger(value) || Number.isSafeInteger(value)) return String(value);
  return value >= TOO_LARGE_FOR_UINT64 ? '18446744073709551615' : BigInt(value).toString();
}

/** A 64-bit integer. */
export function formatInt64(value: bigint): string {
  const number = Number(value);
  // Numbers are turned to text far quicker, and a safe one is no rounded one.
  return Number.isSafeInteger(number) ? String(number) : value.toString();
}
