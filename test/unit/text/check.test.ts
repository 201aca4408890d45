import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { ModelFormatError } from '../../../src/core/onnx/decode';
import { checkModel } from '../../../src/core/text/check';
import { bytesSource } from '../../../src/core/wire/source';

const SHARED = path.resolve('../shared/models');

describe('checkModel', () => {
  it('finds every shared model byte-identical, or no model', function () {
    this.timeout(60_000);
    if (!fs.existsSync(SHARED)) {
      this.test!.title += ` (skipped: ${SHARED} is not there)`;
      this.skip();
    }
    const counts = { identical: 0, 'no model': 0 };
    const different: string[] = [];
    for (const file of fs.readdirSync(SHARED, { recursive: true, encoding: 'utf8' })) {
      if (!/\.(onnx|ort)$/.test(file)) continue;
      const source = bytesSource(fs.readFileSync(path.join(SHARED, file)));
      try {
        const result = checkModel(source, path.basename(file));
        if (result.identical) counts.identical++;
        else different.push(`${file}: ${result.message}`);
      } catch (error) {
        if (!(error instanceof ModelFormatError)) throw error;
        assert.match(error.message, /^This isn't (a complete|an) ONNX model: [^\n]+\.$/);
        counts['no model']++;
      }
    }
    assert.deepEqual(different, []);
    assert.ok(counts.identical > 1200, JSON.stringify(counts));
    assert.ok(counts['no model'] < 50, JSON.stringify(counts));
  });
});
