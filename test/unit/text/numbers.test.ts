import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatElement, formatFloat32, formatFloat64, formatSize } from '../../../src/core/text/numbers';
import { runs } from '../support/runs';

const LITERAL = /^(-?[0-9]+(\.[0-9]+(e[+-]?[0-9]+)?|e[+-]?[0-9]+)|-?inf|nan)$/;

/** Fewest digits, by trying all. */
function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    if (Math.fround(Number(value.toPrecision(digits))) === value) return digits;
  }
  return 9;
}

describe('numbers', function () {
  // Many random models: slow where the machine is busy.
  this.timeout(60_000 * runs(1).numRuns);

  it('print float32 so that it reads back, as a float literal, in the fewest digits', () => {
    const any = fc.oneof(
      fc.float(),
      fc.integer().map(Math.fround),
      fc.nat(0xffffffff).map((bits) => new Float32Array(Uint32Array.of(bits).buffer)[0]!),
    );
    fc.assert(
      fc.property(any, (value) => {
        const text = formatFloat32(value);
        assert.match(text, LITERAL);
        if (!Number.isFinite(value)) return;
        assert.ok(Object.is(Math.fround(Number(text)), value), `${value} → ${text}`);
        const digits = text.replace(/e.*|[-.]/g, '').replace(/^0+|0+$/g, '').length;
        if (Math.abs(value) < 1e7 && Number.isInteger(value)) return;
        assert.ok(digits <= shortest(value), `${value} → ${text}`);
      }),
      runs(3000),
    );
  });

  it('print doubles so that they read back, as float literals', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        const text = formatFloat64(value);
        assert.match(text, LITERAL);
        if (Number.isFinite(value)) assert.ok(Object.is(Number(text), value));
      }),
    );
  });

  it('print what people expect', () => {
    const cases: readonly [number, string][] = [
      [1, '1.0'],
      [-0, '-0.0'],
      [0.1, '0.1'],
      [1e-5, '0.00001'],
      [1e-7, '1e-7'],
      [3.4028234663852886e38, '3.4028235e+38'],
      [1.401298464324817e-45, '1e-45'],
      [16777216, '16777216.0'],
      [Infinity, 'inf'],
      [-Infinity, '-inf'],
      [NaN, 'nan'],
    ];
    for (const [value, text] of cases) assert.equal(formatFloat32(Math.fround(value)), text);
  });

  it('print integers beyond 2⁵³ so that they read back within 64 bits', () => {
    for (const value of [0, -1, 2 ** 53, -(2 ** 63), 2 ** 63, 2 ** 62 + 2 ** 20]) {
      const text = formatSize(value);
      assert.equal(Number(text), value);
      assert.equal(BigInt.asIntN(64, BigInt(text)), BigInt(text));
    }
    assert.equal(formatElement(2 ** 64), '18446744073709551615');
    assert.equal(Number(formatElement(2 ** 63)), 2 ** 63);
  });
});
