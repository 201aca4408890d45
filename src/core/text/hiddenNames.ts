import { ModelFormatError } from '../wire/errors';
import { scanFields, type WireField } from '../wire/scan';
import type { ByteRange, ByteSource } from '../wire/source';
import type { Chunk } from '../wire/splice';
import { decodeUtf8 } from '../wire/utf8';
import { WireType } from '../wire/varint';
import { MessageWriter } from '../wire/writer';

/**
 * Names of values in fields that the text doesn't show: where they are (field
 * numbers of onnx.proto), and how they follow a rename.
 */
export interface NameFields {
  readonly [field: number]: NameFields | 'name' | 'graph';
}

/** The new name of a value, or `undefined` where it keeps its name. */
export type Rename = (name: string) => string | undefined;

/** `TensorAnnotation`: `tensor_name`, and the values of `quant_parameter_tensor_names`. */
export const ANNOTATION_NAMES: NameFields = { 1: 'name', 2: { 2: 'name' } };

/** `NodeDeviceConfigurationProto`: `tensor_name` of each `sharding_spec`. */
export const DEVICE_NAMES: NameFields = { 2: { 1: 'name' } };

/**
 * `TrainingInfoProto`. `algorithm` is a graph in the main graph's own scope.
 * `initialization` stands alone, so that the values of `initialization_binding`
 * are names of its own outputs; all other keys and values of the bindings are
 * of the main graph or of `algorithm`.
 */
export const TRAINING_NAMES: NameFields = { 2: 'graph', 3: { 1: 'name' }, 4: { 1: 'name', 2: 'name' } };

/** `GraphProto`: the names that it reads; those that it defines are {@link DEFINED_NAMES}. */
const READ_NAMES: NameFields = {
  1: { 1: 'name', 5: { 6: 'graph', 11: 'graph' }, 10: DEVICE_NAMES },
  12: { 1: 'name' },
  13: { 1: 'name' },
  14: ANNOTATION_NAMES,
};

/** `GraphProto`: outputs of nodes, initializers, inputs, sparse initializers. */
const DEFINED_NAMES: NameFields = { 1: { 2: 'name' }, 5: { 8: 'name' }, 11: { 1: 'name' }, 15: { 1: { 8: 'name' } } };

/**
 * The message's payload with its values renamed, or `undefined` where none is,
 * or the bytes aren't fields: nothing has looked into them before.
 */
export function renameIn(
  source: ByteSource,
  message: ByteRange,
  names: NameFields,
  rename: Rename,
): Chunk[] | undefined {
  let changed = false;
  const writer = new MessageWriter();
  for (const { number, wireType, start, payload, end } of fieldsOf(source, message)) {
    const renamed = wireType === WireType.Len ? renameField(source, payload, names[number], rename) : undefined;
    if (renamed === undefined) {
      writer.chunk({ start, end });
      continue;
    }
    changed = true;
    if (typeof renamed === 'string') writer.string(number, renamed);
    else writer.message(number, renamed);
  }
  return changed ? writer.finish() : undefined;
}

function renameField(
  source: ByteSource,
  payload: ByteRange,
  what: NameFields[number] | undefined,
  rename: Rename,
): string | Chunk[] | undefined {
  if (what === undefined) return undefined;
  if (what === 'name') return rename(textOf(source, payload));
  if (what !== 'graph') return renameIn(source, payload, what, rename);
  const own = new Set<string>();
  collectNames(source, payload, DEFINED_NAMES, own);
  return renameIn(source, payload, READ_NAMES, (name) => (own.has(name) ? undefined : rename(name)));
}

function collectNames(source: ByteSource, message: ByteRange, names: NameFields, into: Set<string>): void {
  for (const { number, wireType, payload } of fieldsOf(source, message)) {
    const what = wireType === WireType.Len ? names[number] : undefined;
    if (what === 'name') into.add(textOf(source, payload));
    else if (what !== undefined && what !== 'graph') collectNames(source, payload, what, into);
  }
}

/** None where the bytes aren't fields. */
function fieldsOf(source: ByteSource, message: ByteRange): readonly WireField[] {
  try {
    return scanFields(source, message);
  } catch (error) {
    if (!(error instanceof ModelFormatError)) throw error;
    return [];
  }
}

const textOf = (source: ByteSource, { start, end }: ByteRange): string => decodeUtf8(source.read(start, end));
