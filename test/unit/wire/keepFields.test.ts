import assert from 'node:assert/strict';
import { keepFields } from '../../../src/core/wire/keepFields';
import { bytesSource } from '../../../src/core/wire/source';
import { joinChunks } from '../../../src/core/wire/splice';
import { MessageWriter } from '../../../src/core/wire/writer';

const bytes = (writer: MessageWriter) => joinChunks(writer.finish(), bytesSource(new Uint8Array(0)));

describe('keepFields', () => {
  const known = { 8: true, 18: { 10: true } } as const;

  it('gives the message itself where it has nothing else', () => {
    const inner = new MessageWriter().string(1, 'name').string(1, '').finish();
    const message = bytes(new MessageWriter().int(1, 300).message(2, inner));
    assert.equal(keepFields(message, known), message);
  });

  it('drops unknown fields, and those of another wire type, inside too', () => {
    const long = 'x'.repeat(300_000);
    const inner = new MessageWriter().int(1, 7).string(1, long).string(900, 'unknown').finish();
    const message = new MessageWriter().float(1, 2).int(1, 300).int(2, 5).message(2, inner).double(3, 1);
    const kept = new MessageWriter().int(1, 300).message(2, new MessageWriter().string(1, long).finish());
    assert.deepEqual(keepFields(bytes(message), known), bytes(kept));
  });
});
