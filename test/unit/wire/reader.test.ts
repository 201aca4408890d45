import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ModelFormatError } from '../../../src/core/wire/errors';
import { WireReader } from '../../../src/core/wire/reader';
import { scanFields } from '../../../src/core/wire/scan';
import { bytesSource, type ByteSource } from '../../../src/core/wire/source';
import { joinChunks } from '../../../src/core/wire/splice';
import { MessageWriter } from '../../../src/core/wire/writer';
import { runs } from '../support/runs';

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

function readerOf(bytes: Uint8Array): WireReader {
  return new WireReader(bytesSource(bytes));
}

describe('WireReader', () => {
  it('reads the integers that the writer writes', () => {
    fc.assert(
      fc.property(int64, (value) => {
        const bytes = joinChunks(new MessageWriter().packedInt(value).finish(), bytesSource(new Uint8Array(0)));
        assert.equal(readerOf(bytes).int64(bytes.length), value);
        assert.equal(readerOf(bytes).int(bytes.length), Number(value));
        assert.equal(readerOf(bytes).uint(bytes.length), Number(BigInt.asUintN(64, value)));
        assert.equal(readerOf(bytes).int32(bytes.length), Number(BigInt.asIntN(32, value)));
      }),
    );
  });

  it('reads floats', () => {
    fc.assert(
      fc.property(fc.float(), (value) => {
        const bytes = joinChunks(new MessageWriter().packedFloat(value).finish(), bytesSource(new Uint8Array(0)));
        assert.ok(Object.is(readerOf(bytes).float(4), value));
      }),
    );
  });

  it('refuses a number of more than ten bytes and one that the end cuts', () => {
    assert.throws(() => readerOf(new Uint8Array(11).fill(0xff)).uint(11), ModelFormatError);
    assert.throws(() => readerOf(Uint8Array.of(0x80)).uint(1), ModelFormatError);
    assert.throws(() => readerOf(Uint8Array.of(0x80, 0x01)).uint(1), ModelFormatError);
  });

  it('refuses a length beyond the enclosing message without reading it', () => {
    const bytes = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2);
    assert.throws(() => readerOf(bytes).payload(bytes.length), /claims 4294967295 bytes, but only 2 are left/);
  });

  it('refuses tags of field 0 and of wire types that there are not', () => {
    assert.throws(() => readerOf(Uint8Array.of(0x02)).tag(1), ModelFormatError);
    assert.throws(() => readerOf(Uint8Array.of(0x0f)).tag(1), ModelFormatError);
  });

  it('skips groups, but not deep ones', () => {
    const reader = readerOf(Uint8Array.of(0x0b, 0x13, 0x08, 0x01, 0x14, 0x0c, 0x08));
    reader.skip(reader.tag(7), 7);
    assert.equal(reader.pos, 6);
    const deep = readerOf(new Uint8Array(100_000).fill(0x0b));
    assert.throws(() => deep.skip(deep.tag(100_000), 100_000), /nested more than 100 deep/);
  });

  it('reads fields over any window boundary, and skips payloads without reading them', () => {
    const writer = new MessageWriter();
    for (let i = 0; i < 300; i++) writer.string(1, 'n'.repeat(i)).bytes(9, new Uint8Array(i % 7 === 0 ? 20_000 : i));
    const bytes = joinChunks(writer.finish(), bytesSource(new Uint8Array(0)));
    let read = 0;
    const counting: ByteSource = {
      size: bytes.length,
      read(start, end) {
        read += end - start;
        return bytes.subarray(start, end);
      },
    };
    const reader = new WireReader(counting);
    for (let i = 0; i < 300; i++) {
      reader.tag(bytes.length);
      assert.equal(reader.string(bytes.length), 'n'.repeat(i));
      reader.tag(bytes.length);
      reader.range(bytes.length);
    }
    assert.equal(reader.pos, bytes.length);
    assert.ok(read < bytes.length / 2, `read ${read} of ${bytes.length} bytes`);
  });

  it('reads strings among any other bytes, with a quick way of the platform and without', () => {
    const anyField = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.uint8Array({ maxLength: 9000 }));
    fc.assert(
      fc.property(fc.array(anyField, { maxLength: 40 }), fc.boolean(), (fields, isQuick) => {
        const writer = new MessageWriter();
        for (const field of fields) {
          if (typeof field === 'string') writer.string(1, field);
          else writer.bytes(2, field);
        }
        const bytes = joinChunks(writer.finish(), bytesSource(new Uint8Array(0)));
        const source: ByteSource = {
          ...bytesSource(bytes),
          ...(isQuick && { latin1: (read) => Buffer.from(read).toString('latin1') }),
        };
        const reader = new WireReader(source);
        for (const field of fields) {
          reader.tag(bytes.length);
          if (typeof field === 'string') assert.equal(reader.string(bytes.length), field);
          else reader.range(bytes.length);
        }
      }),
      runs(300),
    );
  });

  it('scans fields that make up the whole message', () => {
    const bytes = joinChunks(
      new MessageWriter().int(1, 7).string(2, 'abc').float(3, 1).double(4, 2).finish(),
      bytesSource(new Uint8Array(0)),
    );
    const fields = scanFields(bytesSource(bytes), { start: 0, end: bytes.length });
    assert.deepEqual(
      fields.map(({ number, wireType }) => [number, wireType]),
      [
        [1, 0],
        [2, 2],
        [3, 5],
        [4, 1],
      ],
    );
    assert.equal(fields[0]!.start, 0);
    fields.forEach((field, i) => assert.equal(field.end, fields[i + 1]?.start ?? bytes.length));
  });
});
