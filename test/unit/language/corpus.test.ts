import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { checkText } from '../../../src/core/language/check';
import { formatText } from '../../../src/core/language/format';
import { fileOf, textOf } from '../support/textRoundTrip';
import { sharedModel } from '../support/models';
import { indexOf } from './support';

const LARGEST = 4e6;

describe('language features on real models', () => {
  it('say of no valid model that it is wrong, and leave printed text as it is', function () {
    this.timeout(120_000);
    const manifest = sharedModel(this, 'MANIFEST.tsv');
    const rows = readFileSync(manifest, 'utf8').trim().split(/\r?\n/).slice(1);
    let checked = 0;
    for (const row of rows) {
      const cells = row.split('\t');
      const [file, verdict] = [cells[0]!, cells.at(-1)!];
      const full = path.join(path.dirname(manifest), file);
      if (!verdict.startsWith('valid') || !existsSync(full)) continue;
      const bytes = readFileSync(full);
      if (bytes.length > LARGEST) continue;
      const text = textOf(fileOf(bytes));
      const errors = checkText(indexOf(text)).filter(({ severity }) => severity === 'error');
      assert.deepEqual(errors, [], file);
      assert.deepEqual(formatText(text), [], file);
      checked++;
    }
    assert.ok(checked > 900, `${checked} models checked`);
  });
});
