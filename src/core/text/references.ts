import type { StringEntry, Tensor } from '../onnx/model';
import type { ByteRange } from '../wire/source';

/**
 * Data that stays in the model file is written as external data in that very
 * file, which the official tools can load:
 * `["location": "model.onnx", "offset": "46", "length": "48"]`.
 *
 * Typed fields that aren't contiguous little-endian bytes (varints, strings)
 * refer to the whole TensorProto message instead, under a location that no
 * other tool mistakes for bytes: `"location": "model.onnx#TensorProto"`.
 */
export interface Reference {
  readonly location: string;
  readonly range: ByteRange;
  /** Whether `range` is a TensorProto's payload rather than the data's bytes. */
  readonly isMessage: boolean;
}

const MESSAGE_SUFFIX = '#TensorProto';

/** The location under which messages of `fileName` are referred to. */
export function messageLocation(fileName: string): string {
  return fileName + MESSAGE_SUFFIX;
}

/** `"offset:length"`: what a reference is known by between two generations of a file. */
export function referenceKey(range: ByteRange): string {
  return `${range.start}:${range.end - range.start}`;
}

/** What the entries of `external_data` say; numbers that aren't any are left out. */
export interface Place {
  readonly location: string;
  readonly offset: number | undefined;
  readonly length: number | undefined;
}

/** The place that entries of `external_data` state, or `undefined` without a location. */
export function locate(entries: readonly StringEntry[]): Place | undefined {
  let location: string | undefined;
  let offset: number | undefined;
  let length: number | undefined;
  for (const { key, value } of entries) {
    if (key === 'location') location = value;
    else if (key === 'offset') offset = naturalNumber(value);
    else if (key === 'length') length = naturalNumber(value);
  }
  return location === undefined ? undefined : { location, offset, length };
}

/** What a tensor of external data refers to, or `undefined` when it isn't one or doesn't state a range. */
export function referenceOf(tensor: Tensor): Reference | undefined {
  if (tensor.data.kind !== 'external') return undefined;
  const { location, offset, length } = locate(tensor.data.entries) ?? {};
  if (location === undefined || offset === undefined || length === undefined) return undefined;
  const isMessage = location.endsWith(MESSAGE_SUFFIX);
  return {
    location: isMessage ? location.slice(0, -MESSAGE_SUFFIX.length) : location,
    range: { start: offset, end: offset + length },
    isMessage,
  };
}

function naturalNumber(text: string): number | undefined {
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : undefined;
  return value !== undefined && Number.isSafeInteger(value) ? value : undefined;
}

/**
 * The bytes in `fileName` that a tensor's data is, whether the model was
 * decoded from the file or parsed from its text; `undefined` when the data is
 * elsewhere, written out, or not contiguous.
 */
export function dataRange(tensor: Tensor, fileName: string): ByteRange | undefined {
  if (tensor.data.kind === 'embedded') return tensor.data.bytes;
  const reference = referenceOf(tensor);
  return reference !== undefined && !reference.isMessage && reference.location === fileName
    ? reference.range
    : undefined;
}

/** What a tensor of a decoded model is referred to by in text, or `undefined` when its data isn't in the file. */
export function dataKey(tensor: Tensor): string | undefined {
  if (tensor.data.kind === 'embedded') return referenceKey(tensor.data.bytes);
  return tensor.data.kind === 'typed' && tensor.origin !== undefined ? referenceKey(tensor.origin) : undefined;
}
