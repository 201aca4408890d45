import assert from 'node:assert/strict';
import fc from 'fast-check';
import { blockSource } from '../../../src/core/wire/blocks';
import { bytesSource } from '../../../src/core/wire/source';
import { chunksSize, joinChunks, readChunks, type Chunk } from '../../../src/core/wire/splice';

const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7) & 255);

describe('blockSource', () => {
  it('reads what its source reads, in fewer reads', () => {
    let reads = 0;
    const inner = bytesSource(bytes);
    const source = blockSource(
      {
        size: inner.size,
        read(start, end) {
          reads++;
          return inner.read(start, end);
        },
      },
      64,
      4,
    );
    for (let at = 0; at < 990; at += 5) source.read(at, at + 10);
    assert.ok(reads <= 17, `${reads} reads`);
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(1000), (a, b) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        assert.deepEqual(source.read(start, end), bytes.subarray(start, end));
      }),
    );
  });

  it('refuses a range outside the file', () => {
    assert.throws(() => blockSource(bytesSource(bytes), 64).read(990, 1001), RangeError);
  });
});

describe('chunks', () => {
  it('are the same bytes joined and in blocks', () => {
    const source = bytesSource(bytes);
    const chunks: Chunk[] = [
      { start: 3, end: 500 },
      Uint8Array.of(1, 2, 3),
      { start: 0, end: 0 },
      { start: 990, end: 1000 },
    ];
    const joined = joinChunks(chunks, source);
    assert.equal(joined.length, chunksSize(chunks));
    assert.deepEqual(Uint8Array.from([...readChunks(chunks, source, 100)].flatMap((block) => [...block])), joined);
    assert.deepEqual([...joined.subarray(497, 500)], [1, 2, 3]);
  });
});
