import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { SAMPLE_PATH, makeSample } from '../../../scripts/make-sample';

describe('the sample model', () => {
  it('is what its script makes', () => {
    const committed = readFileSync(SAMPLE_PATH);
    assert.ok(Buffer.from(makeSample()).equals(committed), 'run `npx tsx scripts/make-sample.ts`');
    assert.ok(committed.length < 300_000);
  });
});
