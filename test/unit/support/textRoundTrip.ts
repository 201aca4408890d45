/** Steps that tests of the text share. */
import assert from 'node:assert/strict';
import { decodeModel } from '../../../src/core/onnx/decode';
import { encodeModel } from '../../../src/core/onnx/encode';
import type { Model } from '../../../src/core/onnx/model';
import { buildWithReport, type BuildOptions, type BuildResult } from '../../../src/core/text/build';
import { parseModel } from '../../../src/core/text/parse';
import { printModel } from '../../../src/core/text/print';
import { bytesSource, type ByteSource } from '../../../src/core/wire/source';
import { joinChunks } from '../../../src/core/wire/splice';

export const FILE_NAME = 'model.onnx';

/** A model file in memory. */
export interface MemoryFile {
  readonly source: ByteSource;
  readonly bytes: Uint8Array;
  readonly model: Model;
}

export function fileOf(bytes: Uint8Array): MemoryFile {
  const source = bytesSource(bytes);
  return { source, bytes, model: decodeModel(source) };
}

export function encode(model: Model): Uint8Array {
  return joinChunks(encodeModel(model), bytesSource(new Uint8Array(0)));
}

export function textOf(file: MemoryFile, elideAbove?: number): string {
  return printModel(file.model, file.source, { fileName: FILE_NAME, elideAbove });
}

/** The model of a text without mistakes. */
export function parsed(text: string): Model {
  const { model, errors } = parseModel(text);
  assert.deepEqual(errors, []);
  return model;
}

export function build(edited: Model, file: MemoryFile, options?: BuildOptions): BuildResult & { bytes: Uint8Array } {
  const result = buildWithReport(edited, { model: file.model, source: file.source, fileName: FILE_NAME }, options);
  return { ...result, bytes: joinChunks(result.chunks, file.source) };
}

/** The file that the text states, built over the file it came from. */
export function buildText(text: string, file: MemoryFile, options?: BuildOptions): MemoryFile {
  return fileOf(build(parsed(text), file, options).bytes);
}
