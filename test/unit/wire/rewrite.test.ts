import assert from 'node:assert/strict';
import fc from 'fast-check';
import { rewriteFields, type Occurrence } from '../../../src/core/wire/rewrite';
import { scanFields } from '../../../src/core/wire/scan';
import { bytesSource, type ByteSource } from '../../../src/core/wire/source';
import { isRange, joinChunks, type Chunk } from '../../../src/core/wire/splice';
import { decodeUtf8 } from '../../../src/core/wire/utf8';
import { MessageWriter } from '../../../src/core/wire/writer';

/** A message of string fields, and the fields of one as "number:text". */
function message(...fields: readonly string[]): ByteSource {
  const writer = new MessageWriter();
  for (const field of fields) writer.chunk(fieldOf(field)[0]!);
  return bytesSource(joinChunks(writer.finish(), bytesSource(new Uint8Array(0))));
}

function fieldOf(field: string): Chunk[] {
  const [number, text] = field.split(':') as [string, string];
  return new MessageWriter().string(Number(number), text).finish();
}

function rewritten(source: ByteSource, plan: Record<number, readonly Occurrence[]>): string[] {
  const fields = scanFields(source, { start: 0, end: source.size });
  const chunks = rewriteFields(fields, new Map(Object.entries(plan).map(([number, list]) => [Number(number), list])));
  const result = bytesSource(joinChunks(chunks, source));
  return scanFields(result, { start: 0, end: result.size }).map(
    ({ number, payload }) => `${number}:${decodeUtf8(result.read(payload.start, payload.end))}`,
  );
}

describe('rewriteFields', () => {
  it('keeps everything as one range when nothing is planned', () => {
    const source = message('1:a', '9:u', '1:b');
    const chunks = rewriteFields(scanFields(source, { start: 0, end: source.size }), new Map());
    assert.deepEqual(chunks, [{ start: 0, end: source.size }]);
  });

  it('replaces in place, drops, and inserts behind the one before', () => {
    const source = message('1:a', '9:u', '1:b', '9:v', '1:c', '2:z');
    assert.deepEqual(rewritten(source, { 1: [{ base: 0 }, { base: 1, field: fieldOf('1:B') }, { base: 2 }] }), [
      '1:a',
      '9:u',
      '1:B',
      '9:v',
      '1:c',
      '2:z',
    ]);
    assert.deepEqual(rewritten(source, { 1: [{ base: 0 }, { field: fieldOf('1:new') }, { base: 2 }] }), [
      '1:a',
      '1:new',
      '9:u',
      '9:v',
      '1:c',
      '2:z',
    ]);
    assert.deepEqual(
      rewritten(source, { 1: [{ field: fieldOf('1:first') }, { base: 2 }, { field: fieldOf('1:last') }] }),
      ['9:u', '9:v', '1:first', '1:c', '1:last', '2:z'],
    );
    assert.deepEqual(rewritten(source, { 1: [] }), ['9:u', '9:v', '2:z']);
  });

  it('puts a field that the base lacks before the first of a higher number', () => {
    const source = message('1:a', '4:d', '3:c');
    assert.deepEqual(rewritten(source, { 2: [{ field: fieldOf('2:b') }], 9: [{ field: fieldOf('9:i') }] }), [
      '1:a',
      '2:b',
      '4:d',
      '3:c',
      '9:i',
    ]);
  });

  it('loses nothing that is planned in the place of a field that the base lacks', () => {
    const source = message('1:a', '2:z');
    assert.deepEqual(
      rewritten(source, {
        1: [
          { base: 0, field: fieldOf('1:A') },
          { base: 1, field: fieldOf('1:B') },
        ],
      }),
      ['1:A', '1:B', '2:z'],
    );
  });

  it('gives the planned order of any plan, and leaves other fields in theirs', () => {
    const plan = fc.record({
      others: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
      kept: fc.shuffledSubarray([0, 1, 2, 3, 4, 5]),
      added: fc.array(fc.nat(6), { maxLength: 4 }),
    });
    fc.assert(
      fc.property(plan, ({ others, kept, added }) => {
        const fields = others.flatMap((other, i) => (other ? [`1:${i}`, `7:${i}`] : [`1:${i}`]));
        const source = message(...fields);
        const occurrences: Occurrence[] = kept.map((base) => ({ base }));
        const expected = kept.map((base) => `1:${base}`);
        for (const place of added) {
          const at = Math.min(place, occurrences.length);
          occurrences.splice(at, 0, { field: fieldOf('1:new') });
          expected.splice(at, 0, '1:new');
        }
        const result = rewritten(source, { 1: occurrences });
        assert.deepEqual(
          result.filter((field) => field.startsWith('1:')),
          expected,
        );
        assert.deepEqual(
          result.filter((field) => field.startsWith('7:')),
          fields.filter((field) => field.startsWith('7:')),
        );
      }),
    );
  });

  it('copies what it keeps as ranges of the base', () => {
    const source = message('1:a', '1:b', '1:c');
    const fields = scanFields(source, { start: 0, end: source.size });
    const chunks = rewriteFields(
      fields,
      new Map([[1, [{ base: 0 }, { base: 1, field: fieldOf('1:B') }, { base: 2 }]]]),
    );
    assert.deepEqual(chunks.map(isRange), [true, false, true]);
  });
});
