/** Models for tests: the sample that ships, and the real ones beside the repository. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Context } from 'mocha';
import { decodeModel } from '../../../src/core/onnx/decode';
import type { Model } from '../../../src/core/onnx/model';
import { bytesSource, type ByteSource } from '../../../src/core/wire/source';

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const SHARED_MODELS = path.join(ROOT, '../shared/models');

export interface OpenModel {
  readonly model: Model;
  readonly source: ByteSource;
  readonly path: string;
}

export function openModel(file: string): OpenModel {
  const source = bytesSource(readFileSync(file));
  return { model: decodeModel(source), source, path: file };
}

export const sampleModel = (): OpenModel => openModel(path.join(ROOT, 'media/samples/style-transfer.onnx'));

/** A file of the shared models; the test that asks skips itself where they aren't there. */
export function sharedModel(test: Context, file: string): string {
  const full = path.join(SHARED_MODELS, file);
  if (!existsSync(full)) {
    test.test!.title += ` (skipped: ${path.relative(ROOT, full)} is not there)`;
    test.skip();
  }
  return full;
}
