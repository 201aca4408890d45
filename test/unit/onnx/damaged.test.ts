import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { findFusions } from '../../../src/core/fusion/find';
import { checkText } from '../../../src/core/language/check';
import { TextIndex } from '../../../src/core/language/textIndex';
import { drawModel } from '../../../src/core/layout/draw';
import { decodeModel, ModelFormatError } from '../../../src/core/onnx/decode';
import { checkModel } from '../../../src/core/text/check';
import { parseModel } from '../../../src/core/text/parse';
import { printModel } from '../../../src/core/text/print';
import { bytesSource } from '../../../src/core/wire/source';
import { damaged, randomNumbers } from '../support/damage';
import { everyMessage } from '../support/everyMessage';
import { SHARED_MODELS } from '../support/models';
import { runs } from '../support/runs';

/** Milliseconds for everything that is done with one small model, on a busy machine. */
const LONGEST = 10_000;

/** What the extension does with a file that is opened. @returns whether it is a model. */
function open(bytes: Uint8Array): boolean {
  const source = bytesSource(bytes);
  let model;
  try {
    model = decodeModel(source);
  } catch (error) {
    assert.ok(error instanceof ModelFormatError, error instanceof Error ? error.stack : String(error));
    assert.match(error.message, /^This isn't (a complete|an) ONNX model: [^\n]+\.$/);
    return false;
  }
  const text = printModel(model, source, { fileName: 'model.onnx' });
  assert.deepEqual(checkModel(source, 'model.onnx'), { identical: true });
  findFusions(model, { source });
  checkText(new TextIndex(text, parseModel(text).model));
  drawModel(model, { source });
  return true;
}

/** @returns how many of the damaged copies are models still. */
function openDamaged(name: string, bytes: Uint8Array, count: number): number {
  const firstSeed = bytes.length * 1000 + (runs(1).seed ?? 0);
  let models = 0;
  let slowest = 0;
  for (let seed = 0; seed < count; seed++) {
    const start = performance.now();
    try {
      if (open(damaged(bytes, randomNumbers(firstSeed + seed)))) models++;
    } catch (error) {
      throw new Error(`${name}, seed ${firstSeed + seed}`, { cause: error });
    }
    slowest = Math.max(slowest, performance.now() - start);
  }
  assert.ok(slowest < LONGEST, `${name} took ${slowest} ms`);
  return models;
}

/** Neither all are refused nor none, or this tests little. */
function assertMixed(models: number, count: number): void {
  assert.ok(models > count / 20 && models < count * 0.95, `${models} of ${count} are models`);
}

describe('a damaged model', function () {
  this.timeout(120_000 * runs(1).numRuns);

  it('with every kind of message is opened, or refused with a clear message', () => {
    const count = runs(150).numRuns;
    assertMixed(openDamaged('everyMessage', everyMessage, count), count);
  });

  it('that was a real one is opened, or refused with a clear message', function () {
    if (!existsSync(SHARED_MODELS)) this.skip();
    const small = readdirSync(SHARED_MODELS, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.onnx'))
      .sort()
      .map((file) => ({ file, bytes: readFileSync(path.join(SHARED_MODELS, file)) }))
      .filter(({ bytes }) => bytes.length < 10_000 && isModel(bytes));
    assert.ok(small.length > 100, `${small.length} models`);
    const some = small.filter((_, i) => i % 20 === 0);
    const each = runs(5).numRuns;
    let models = 0;
    for (const { file, bytes } of some) models += openDamaged(file, bytes, each);
    assertMixed(models, some.length * each);
  });
});

function isModel(bytes: Uint8Array): boolean {
  try {
    decodeModel(bytesSource(bytes));
    return true;
  } catch {
    return false;
  }
}
