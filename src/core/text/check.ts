import { decodeModel } from '../onnx/decode';
import type { ByteSource } from '../wire/source';
import { chunkSize, isRange, type Chunk } from '../wire/splice';
import { BuildError, buildWithReport } from './build';
import { parseModel } from './parse';
import { printModel } from './print';
import type { PrintOptions } from './printer';

/** What became of a model that went to text and back. */
export type CheckResult =
  | { readonly identical: true }
  | {
      readonly identical: false;
      /** What differs, for a person. */
      readonly message: string;
      /** First byte that differs, where there are bytes to compare. */
      readonly offset?: number | undefined;
    };

/**
 * Decode a model, print it, parse the text and rebuild the file from it. The
 * result is identical only if the parsed text equals the model in every field
 * that the text has, so that nothing had to be encoded anew.
 *
 * @throws ModelFormatError when the source isn't a model.
 */
export function checkModel(
  source: ByteSource,
  fileName: string,
  options: Omit<PrintOptions, 'fileName'> = {},
): CheckResult {
  const model = decodeModel(source);
  const text = printModel(model, source, { ...options, fileName });
  const { model: parsed, errors } = parseModel(text);
  if (errors[0] !== undefined) {
    const { message, span } = errors[0];
    return { identical: false, message: `line ${lineOf(text, span.start)} of its text can't be read: ${message}` };
  }
  try {
    const { chunks, changes } = buildWithReport(parsed, { model, source, fileName });
    const offset = firstDifference(chunks, source);
    if (changes[0] === undefined && offset === undefined) return { identical: true };
    const what = changes[0] === undefined ? 'bytes differ' : `${changes[0].path.join(' › ')} differs in its text`;
    return { identical: false, message: what, offset };
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    return { identical: false, message: error.message };
  }
}

function lineOf(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

const BLOCK = 1 << 20;

/** The first byte at which the chunks differ from the file they were made from, or `undefined`. */
function firstDifference(chunks: readonly Chunk[], source: ByteSource): number | undefined {
  let at = 0;
  for (const chunk of chunks) {
    const size = chunkSize(chunk);
    if (!(isRange(chunk) && chunk.start === at)) {
      for (let from = 0; from < size; from += BLOCK) {
        const length = Math.min(BLOCK, size - from);
        if (at + from + length > source.size) return source.size;
        const made = isRange(chunk)
          ? source.read(chunk.start + from, chunk.start + from + length)
          : chunk.subarray(from, from + length);
        const original = source.read(at + from, at + from + length);
        for (let i = 0; i < length; i++) if (made[i] !== original[i]) return at + from + i;
      }
    }
    at += size;
  }
  return at === source.size ? undefined : at;
}
