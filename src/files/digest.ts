import { createHash } from 'node:crypto';
import type { Tensor } from '../core/onnx/model';
import { readTensor, tensorBytes } from '../core/onnx/tensor';
import { locate } from '../core/text/references';
import type { ByteRange, ByteSource } from '../core/wire/source';
import { FileSource } from './fileSource';

const BLOCK = 1 << 22;

/** Opens the file at a model's external-data location; `undefined` where it can't be read. */
export type OpenExternal = (location: string) => ByteSource | undefined;

/** Where a tensor's data is, little-endian as `raw_data` is, and how many bytes that are. */
export type Content =
  | { readonly source: ByteSource; readonly range: ByteRange }
  /** Typed fields: few enough to be read at once. */
  | { readonly bytes: () => Uint8Array };

/** The tensor's data, or `undefined` where it has none or the file with it can't be read. */
export function contentOf(tensor: Tensor, source: ByteSource, external?: OpenExternal): Content | undefined {
  const { data } = tensor;
  if (data.kind === 'embedded') return { source, range: data.bytes };
  if (data.kind === 'bytes') return { bytes: () => data.bytes };
  if (data.kind === 'typed' || data.kind === 'values') return { bytes: () => typedBytes(tensor, source) };
  if (data.kind === 'none') return undefined;
  const place = locate(data.entries);
  const file = place && external?.(place.location);
  if (!place || !file) return undefined;
  const start = place.offset ?? 0;
  const end = place.length === undefined ? file.size : start + place.length;
  return end <= file.size ? { source: file, range: { start, end } } : undefined;
}

/** Bytes that the content has. */
export function contentSize(content: Content): number {
  return 'range' in content ? content.range.end - content.range.start : content.bytes().length;
}

/** Whether both are the same bytes of the same file. */
export function isSamePlace(a: Content, b: Content): boolean {
  if (!('range' in a && 'range' in b)) return false;
  const sameFile = a.source === b.source || (pathOf(a.source) !== undefined && pathOf(a.source) === pathOf(b.source));
  return sameFile && a.range.start === b.range.start && a.range.end === b.range.end;
}

function pathOf(source: ByteSource): string | undefined {
  return source instanceof FileSource ? source.path : undefined;
}

/**
 * SHA-256 of the content in hexadecimal digits, read block by block; the event
 * loop gets its turn between blocks.
 * @throws a Node `SystemError` when the file can't be read any more, or the signal's reason.
 */
export async function digestOf(content: Content, signal?: AbortSignal): Promise<string> {
  signal?.throwIfAborted();
  const hash = createHash('sha256');
  if ('bytes' in content) return hash.update(content.bytes()).digest('hex');
  const { source, range } = content;
  for (let at = range.start; at < range.end; at += BLOCK) {
    if (at > range.start) await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
    hash.update(source.read(at, Math.min(at + BLOCK, range.end)));
  }
  return hash.digest('hex');
}

/** Digits of a SHA-256 that stand for a content: enough that no two of a person's models' share them. */
const DIGITS = 16;

/** The first digits of {@link digestOf}. */
export async function shortDigestOf(content: Content, signal?: AbortSignal): Promise<string> {
  return (await digestOf(content, signal)).slice(0, DIGITS);
}

/** Values of other kinds than numbers are known by how they are written. */
function typedBytes(tensor: Tensor, source: ByteSource): Uint8Array {
  return tensorBytes(tensor, source) ?? Buffer.from(JSON.stringify((readTensor(tensor, source) ?? []).map(String)));
}
