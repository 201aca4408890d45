import { typeOfTag } from '../onnx/attributeFields';
import { ATTRIBUTE_TYPE } from '../onnx/encode';
import { ENTRY, MODEL, TYPED_DATA_TAGS, type MessageFields } from '../onnx/messageFields';
import { blockSource } from '../wire/blocks';
import { ModelFormatError } from '../wire/errors';
import { WireReader } from '../wire/reader';
import { scanFields, type WireField } from '../wire/scan';
import type { ByteRange, ByteSource } from '../wire/source';
import { decodeUtf8 } from '../wire/utf8';
import { WireType } from '../wire/varint';

/** A field of the file that the text doesn't show. */
export interface HiddenField {
  /** From the element that has a place in the text to the field: `attribute alpha › doc_string`, `field 1000`. */
  readonly path: string;
  readonly wireType: number;
  /** The value: of a metadata entry that of its `value`. */
  readonly payload: ByteRange;
}

/** The hidden fields of a model's elements, by the offset at which the element's message starts (its `origin`). */
export type HiddenFields = ReadonlyMap<number, readonly HiddenField[]>;

/**
 * Everything in a model file that its text doesn't show: doc strings and
 * metadata below the model, training information, annotations, devices,
 * denotations, segments, values that another one in the same message supersedes,
 * and fields that this version doesn't know. Elements are the model, the main
 * graph, functions, nodes, and the initializers and values that are declared
 * between `<` and `>`; what is in others belongs to the element around them.
 * Weights aren't read.
 */
export function hiddenFields(file: ByteSource): HiddenFields {
  const source = blockSource(file);
  const found = new Map<number, HiddenField[]>();
  const plain = new Map<MessageFields, Set<string>>();
  /** Hidden fields, and elements, in which others may be. */
  let noted = 0;
  const model = { start: 0, end: file.size };
  walk(source, scanFields(source, model), MODEL, '', listOf(found, model.start));
  return found;

  function walk(
    source: ByteSource,
    fields: readonly WireField[],
    message: MessageFields,
    path: string,
    hidden: () => HiddenField[],
  ): void {
    const superseded = message.value === undefined ? undefined : supersededBy[message.value](source, fields);
    const counts = new Map<string, number>();
    for (const field of fields) {
      const tag = field.number * 8 + field.wireType;
      const shown = superseded?.(tag) === true ? undefined : message.shown[tag];
      if (shown === true) continue;
      const small = shown?.isElement ? undefined : smallMessage(source, field.payload);
      if (shown && small !== undefined && plainOnes(shown.fields).has(small)) {
        counts.set(shown.name, (counts.get(shown.name) ?? 0) + 1);
        continue;
      }
      const inner = shown && fieldsOf(source, field.payload);
      if (shown === undefined || inner === undefined) {
        hidden().push(hiddenField(source, field, message, path));
        noted++;
        continue;
      }
      const index = counts.get(shown.name) ?? 0;
      counts.set(shown.name, index + 1);
      const label = labelOf(source, inner, shown.fields) ?? (index === 0 ? '' : String(index));
      if (shown.isElement) {
        noted++;
        walk(source, inner, shown.fields, '', listOf(found, field.payload.start));
        continue;
      }
      const before = noted;
      walk(source, inner, shown.fields, `${path}${named(shown.name, label)} › `, hidden);
      if (noted === before && small !== undefined) plainOnes(shown.fields).add(small);
    }
  }

  /** The small messages that have nothing hidden: a model has many that are equal. */
  function plainOnes(message: MessageFields): Set<string> {
    let messages = plain.get(message);
    if (messages === undefined) plain.set(message, (messages = new Set()));
    return messages;
  }
}

/** Longer messages are seldom equal. */
const LONGEST_SHARED = 96;

function smallMessage(source: ByteSource, { start, end }: ByteRange): string | undefined {
  return end - start <= LONGEST_SHARED ? decodeUtf8(source.read(start, end)) : undefined;
}

const listOf = (lists: Map<number, HiddenField[]>, start: number) => (): HiddenField[] => {
  let list = lists.get(start);
  if (list === undefined) lists.set(start, (list = []));
  return list;
};

function hiddenField(source: ByteSource, field: WireField, message: MessageFields, path: string): HiddenField {
  const { number, wireType, payload } = field;
  const name = message.hidden[number] ?? `field ${number}`;
  const inner =
    wireType === WireType.Len && LABELLED.has(name) && number in message.hidden ? fieldsOf(source, payload) : undefined;
  if (inner === undefined) return { path: path + name, wireType, payload };
  const label = labelOf(source, inner, ENTRY) ?? '';
  const value = inner.find((candidate) => candidate.number === 2);
  const isEntry = name === 'metadata_props' && inner.length === 2 && value?.wireType === WireType.Len;
  return { path: path + named(name, label), wireType, payload: isEntry ? value.payload : payload };
}

/** Hidden messages whose first field, a string, says what they are about. */
const LABELLED: ReadonlySet<string> = new Set([
  'metadata_props',
  'quantization_annotation',
  'device_configurations',
  'configuration',
]);

const named = (name: string, label: string): string => (label === '' ? name : `${name} ${onOneLine(label)}`);

/** A text as it can stand in a comment: in quotes, with escapes, where it isn't a simple name. */
export function onOneLine(text: string): string {
  if (/^[\w./:-]+$/.test(text)) return text;
  return JSON.stringify(text).replace(/[\x7f-\x9f\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** The string that tells the message from its like. */
function labelOf(source: ByteSource, fields: readonly WireField[], { label }: MessageFields): string | undefined {
  if (label === undefined) return undefined;
  const field = fields.findLast(({ number, wireType }) => number === label && wireType === WireType.Len);
  return field && decodeUtf8(source.read(field.payload.start, field.payload.end));
}

/** `undefined` where the bytes aren't fields: of several messages in a oneof only the last has been decoded. */
function fieldsOf(source: ByteSource, message: ByteRange): readonly WireField[] | undefined {
  try {
    return scanFields(source, message);
  } catch (error) {
    if (!(error instanceof ModelFormatError)) throw error;
    return undefined;
  }
}

/** Which tags hold a value that doesn't count, of a message that has several fields for one. */
const supersededBy = {
  attribute(source: ByteSource, fields: readonly WireField[]): (tag: number) => boolean {
    const reference = fields.findLast((field) => tagOf(field) === 170);
    if (reference && reference.payload.end > reference.payload.start) return (tag) => typeOfTag.has(tag);
    const stated = fields.findLast((field) => tagOf(field) === 160);
    const number = stated && numberAt(source, stated.payload);
    const last = fields.findLast((field) => typeOfTag.has(tagOf(field)));
    const isKnown = number !== undefined && number > 0 && Object.values(ATTRIBUTE_TYPE).includes(number);
    const type = isKnown ? number : last && ATTRIBUTE_TYPE[typeOfTag.get(tagOf(last))!];
    // Without a type that is known, the value's own is shown.
    if (stated && last && !isKnown) return (tag) => tag === 160 || isOther(tag, type);
    return (tag) => isOther(tag, type);
  },
  tensor(source: ByteSource, fields: readonly WireField[]): (tag: number) => boolean {
    const location = fields.findLast((field) => tagOf(field) === 112);
    if (location && numberAt(source, location.payload) === 1) {
      return (tag) => tag === 74 || TYPED_DATA_TAGS.includes(tag);
    }
    const isRaw = fields.some((field) => tagOf(field) === 74);
    return (tag) => tag === 106 || (isRaw && TYPED_DATA_TAGS.includes(tag));
  },
};

const isOther = (tag: number, type: number | undefined): boolean =>
  typeOfTag.has(tag) && ATTRIBUTE_TYPE[typeOfTag.get(tag)!] !== type;

const tagOf = ({ number, wireType }: WireField): number => number * 8 + wireType;

const numberAt = (source: ByteSource, { start, end }: ByteRange): number => new WireReader(source, start).int32(end);
