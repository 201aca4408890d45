import { hiddenFields, onOneLine, type HiddenField } from '../core/text/hiddenFields';
import { pairElements } from '../core/text/pairElements';
import type { Notes } from '../core/text/print';
import type { Model } from '../core/onnx/model';
import { blockSource } from '../core/wire/blocks';
import type { ByteSource } from '../core/wire/source';
import { decodeUtf8 } from '../core/wire/utf8';
import { WireType } from '../core/wire/varint';
import { shortDigestOf } from './digest';

/** Strings of up to this many bytes are shown, and other values of up to `LONGEST_HEX`. */
const LONGEST_STRING = 80;
const LONGEST_HEX = 16;

/**
 * What a model's text doesn't show, a comment for each field: `hidden
 * doc_string: "…"`, or by size and content where the value is long.
 */
export async function hiddenNotes(source: ByteSource): Promise<Notes> {
  const read = blockSource(source);
  const notes = new Map<number, readonly string[]>();
  for (const [start, fields] of hiddenFields(source)) {
    const lines: string[] = [];
    for (const field of fields) lines.push(`hidden ${await describe(field, read)}`);
    notes.set(start, lines);
  }
  return notes;
}

/**
 * In what the hidden fields of two models' elements differ, as comments on
 * those of `before`. An element that only one of them has is a difference of
 * the texts already.
 */
export async function hiddenDifferences(
  before: { readonly model: Model; readonly source: ByteSource },
  after: { readonly model: Model; readonly source: ByteSource },
  signal?: AbortSignal,
): Promise<Notes> {
  const sources = [blockSource(before.source), blockSource(after.source)] as const;
  const own = hiddenFields(before.source);
  const others = hiddenFields(after.source);
  const notes = new Map<number, readonly string[]>();
  if (own.size === 0 && others.size === 0) return notes;
  for (const [start, otherStart] of pairElements(before.model, after.model)) {
    const fields = own.get(start) ?? [];
    const otherFields = others.get(otherStart) ?? [];
    if (fields.length === 0 && otherFields.length === 0) continue;
    const describeAll = async (list: readonly HiddenField[], source: ByteSource): Promise<string[]> => {
      const lines: string[] = [];
      for (const field of list) lines.push(await describe(field, source, signal));
      return lines;
    };
    const here = await describeAll(fields, sources[0]);
    const there = await describeAll(otherFields, sources[1]);
    const lines = [
      ...without(here, there).map((line) => `hidden here: ${line}`),
      ...without(there, here).map((line) => `hidden on the right: ${line}`),
    ];
    if (lines.length > 0) notes.set(start, lines);
  }
  return notes;
}

/** The lines of the one list that aren't in the other, each as often as it is there more often. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of others) counts.set(line, (counts.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = counts.get(line) ?? 0;
    counts.set(line, count - 1);
    return count <= 0;
  });
}

async function describe(field: HiddenField, source: ByteSource, signal?: AbortSignal): Promise<string> {
  const { path, wireType, payload } = field;
  const size = payload.end - payload.start;
  if (size <= LONGEST_STRING) {
    const bytes = source.read(payload.start, payload.end);
    const text = decodeUtf8(bytes);
    if (wireType === WireType.Len && !/[\0-\x1f\x7f-\x9f]|[\ud800-\udfff]/u.test(text)) {
      return `${path}: ${onOneLine(text)}`;
    }
    if (size <= LONGEST_HEX) return `${path}: 0x${Buffer.from(bytes).toString('hex')}`;
  }
  return `${path}: ${size} bytes, sha256 ${await shortDigestOf({ source, range: payload }, signal)}`;
}
