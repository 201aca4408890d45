import assert from 'node:assert/strict';
import fc from 'fast-check';
import { bytesSource } from '../../../src/core/wire/source';
import { joinChunks, type Chunk } from '../../../src/core/wire/splice';
import { splicedSource } from '../../../src/core/wire/splicedSource';

const BASE = Uint8Array.from({ length: 64 }, (_, index) => index);

const chunk = fc.oneof(
  fc.uint8Array({ maxLength: 9 }),
  fc.tuple(fc.nat(64), fc.nat(64)).map(([a, b]): Chunk => ({ start: Math.min(a, b), end: Math.max(a, b) })),
);

describe('splicedSource', () => {
  it('reads every range as the joined file has it', () => {
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 8 }), fc.nat(), fc.nat(), (chunks, a, b) => {
        const base = bytesSource(BASE);
        const whole = joinChunks(chunks, base);
        const spliced = splicedSource(chunks, base);
        assert.equal(spliced.size, whole.length);
        const [start, end] = [a % (whole.length + 1), b % (whole.length + 1)].sort((x, y) => x - y) as [number, number];
        assert.deepEqual([...spliced.read(start, end)], [...whole.subarray(start, end)]);
      }),
    );
  });

  it('refuses a range outside the file', () => {
    const spliced = splicedSource([{ start: 0, end: 4 }], bytesSource(BASE));
    assert.throws(() => spliced.read(2, 5), RangeError);
  });
});
