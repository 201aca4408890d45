import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeUtf8, encodeUtf8, latin1Text } from '../../../src/core/wire/utf8';
import { runs } from '../support/runs';

describe('UTF-8', function () {
  // Many random models: slow where the machine is busy.
  this.timeout(60_000);

  it('decodes what Node decodes, where the bytes are valid', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const bytes = new TextEncoder().encode(text);
        assert.equal(decodeUtf8(bytes), text);
        assert.deepEqual(encodeUtf8(text), bytes);
      }),
    );
  });

  it('gives any bytes back, valid or not', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        assert.deepEqual(encodeUtf8(decodeUtf8(bytes)), bytes);
      }),
      runs(500),
    );
  });

  it('keeps overlong forms, surrogates and cut sequences as bytes', () => {
    for (const bytes of [[0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0xff]]) {
      assert.equal(decodeUtf8(Uint8Array.from(bytes)), String.fromCharCode(...bytes.map((byte) => 0xdc00 + byte)));
    }
  });

  it('decodes long text', () => {
    const text = 'abc\u00e9\u{1f600}'.repeat(5000);
    assert.equal(decodeUtf8(encodeUtf8(text)), text);
  });

  it('makes the characters U+0000 to U+00FF of bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), (bytes) => {
        assert.equal(latin1Text(bytes), Buffer.from(bytes).toString('latin1'));
      }),
    );
  });
});
