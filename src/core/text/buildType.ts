import { encodeDimension, encodeShape, encodeType } from '../onnx/encode';
import type { Dimension, Type, ValueInfo } from '../onnx/model';
import type { ByteRange } from '../wire/source';
import type { Chunk } from '../wire/splice';
import type { BuildContext } from './buildContext';
import type { WireField } from '../wire/scan';
import { MessageEdit, messageField, stringField, intField } from './messageEdit';

/** Numbers of TypeProto's fields, of which one is set. */
const KIND_FIELD = { tensor: 1, sequence: 4, map: 5, opaque: 7, sparse_tensor: 8, optional: 9 } as const;

export function sameType(a: Type | undefined, b: Type | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  switch (a.kind) {
    case 'tensor':
    case 'sparse_tensor':
      return b.kind === a.kind && a.elementType === b.elementType && sameShape(a.shape, b.shape);
    case 'sequence':
    case 'optional':
      return b.kind === a.kind && sameType(a.elementType, b.elementType);
    case 'map':
      return b.kind === 'map' && a.keyType === b.keyType && sameType(a.valueType, b.valueType);
    case 'opaque':
      return b.kind === 'opaque' && a.domain === b.domain && a.name === b.name;
    case 'unset':
      return b.kind === 'unset';
  }
}

function sameShape(a: readonly Dimension[] | undefined, b: readonly Dimension[] | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The base's ValueInfoProto changed into `edited`, or `undefined` when they are equal. */
export function rebuildValueInfo(edited: ValueInfo, base: ValueInfo, context: BuildContext): Chunk[] | undefined {
  const keepsType = sameType(edited.type, base.type);
  if (edited.name === base.name && keepsType) return undefined;
  const edit = new MessageEdit(context.source, base.origin!);
  if (edited.name !== base.name) {
    context.changed('name');
    edit.set(1, stringField(1, edited.name));
  }
  if (!keepsType) {
    context.changed('type');
    if (edited.type === undefined) edit.remove(2);
    else edit.set(2, messageField(2, rebuildType(edited.type, base.type, edit.payloadsOf(2), context)));
  }
  return edit.finish();
}

/** A TypeProto, by its payloads (see `MessageEdit`), changed into `edited`: denotations and unknown fields stay. */
export function rebuildType(
  edited: Type,
  base: Type | undefined,
  payloads: readonly ByteRange[],
  context: BuildContext,
): Chunk[] {
  if (base === undefined || payloads.length === 0) return encodeType(edited);
  const edit = new MessageEdit(context.source, payloads);
  const inner = base.kind === 'unset' ? [] : edit.payloadsOf(KIND_FIELD[base.kind], Object.values(KIND_FIELD));
  if (edited.kind !== base.kind || edited.kind === 'unset' || inner.length === 0) {
    for (const number of Object.values(KIND_FIELD)) edit.remove(number);
    if (edited.kind !== 'unset') edit.set(KIND_FIELD[edited.kind], encodeType(edited));
    return edit.finish() ?? [...payloads];
  }
  const content = new MessageEdit(context.source, inner);
  // The kinds being equal, `base` is of the same case as `edited` in each of these.
  switch (edited.kind) {
    case 'tensor':
    case 'sparse_tensor': {
      const before = base as typeof edited;
      if (edited.elementType !== before.elementType) content.set(1, intField(1, edited.elementType));
      if (!sameShape(edited.shape, before.shape)) rebuildShape(content, edited.shape, before.shape, context);
      break;
    }
    case 'sequence':
    case 'optional':
      setType(content, 1, edited.elementType, (base as typeof edited).elementType, context);
      break;
    case 'map': {
      const before = base as typeof edited;
      if (edited.keyType !== before.keyType) content.set(1, intField(1, edited.keyType));
      setType(content, 2, edited.valueType, before.valueType, context);
      break;
    }
    case 'opaque':
      content.setString(1, edited.domain);
      content.setString(2, edited.name);
  }
  edit.set(KIND_FIELD[edited.kind], messageField(KIND_FIELD[edited.kind], content.finish() ?? inner));
  return edit.finish() ?? [...payloads];
}

function setType(
  edit: MessageEdit,
  number: number,
  edited: Type | undefined,
  base: Type | undefined,
  context: BuildContext,
): void {
  if (sameType(edited, base)) return;
  if (edited === undefined) edit.remove(number);
  else edit.set(number, messageField(number, rebuildType(edited, base, edit.payloadsOf(number), context)));
}

function rebuildShape(
  content: MessageEdit,
  edited: readonly Dimension[] | undefined,
  base: readonly Dimension[] | undefined,
  context: BuildContext,
): void {
  const payloads = content.payloadsOf(2);
  if (edited === undefined) {
    content.remove(2);
  } else if (base === undefined || payloads.length === 0) {
    content.set(2, messageField(2, encodeShape(edited)));
  } else {
    const shape = new MessageEdit(context.source, payloads);
    const dims = shape.fieldsOf(1);
    shape.list(
      1,
      edited.map((dimension, i) => {
        if (i >= dims.length) return { field: messageField(1, encodeDimension(dimension)) };
        if (dimension === base[i]) return { base: i };
        return { base: i, field: messageField(1, rebuildDimension(dimension, dims[i]!, context)) };
      }),
    );
    content.set(2, messageField(2, shape.finish() ?? payloads));
  }
}

function rebuildDimension(dimension: Dimension, base: WireField, context: BuildContext): Chunk[] {
  const edit = new MessageEdit(context.source, base.payload);
  edit.remove(1);
  edit.remove(2);
  if (typeof dimension === 'number') edit.setInt(1, dimension);
  else if (dimension !== undefined) edit.set(2, stringField(2, dimension));
  return edit.finish() ?? [base.payload];
}
