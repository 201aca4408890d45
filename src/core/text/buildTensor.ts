import { dataType, literalCount, STORAGE_FIELD, tensorByteSize, type DataType } from '../onnx/dataTypes';
import { encodeEntry, encodeTensor } from '../onnx/encode';
import type { SparseTensor, StringEntry, Tensor, TensorData, TensorValues } from '../onnx/model';
import { bytesOfValues, isDataField, readTensor, sameValue, TensorError } from '../onnx/tensor';
import type { Chunk } from '../wire/splice';
import { MessageWriter } from '../wire/writer';
import { BuildError, describeTensor, type BuildContext, type Resolved } from './buildContext';
import { intField, MessageEdit, messageField } from './messageEdit';
import { locate } from './references';

/** A tensor that the base doesn't have, as TensorProto. */
export function encodeNewTensor(tensor: Tensor, context: BuildContext): Chunk[] {
  const resolved = context.resolve(tensor);
  checkFit(tensor, resolved, context);
  return guard(tensor, () => encodeTensor({ ...tensor, ...newData(tensor, resolved) }, context.source));
}

/** The tensor's data in a form that can be encoded. */
function newData(tensor: Tensor, resolved: Resolved | undefined): { data: TensorData; origin?: Tensor['origin'] } {
  if (resolved === undefined) return { data: tensor.data };
  if (resolved.kind === 'range') return { data: { kind: 'embedded', bytes: resolved.bytes } };
  if (resolved.kind === 'bytes') return { data: { kind: 'bytes', bytes: resolved.bytes } };
  return { data: resolved.tensor.data, origin: resolved.tensor.origin };
}

/** Turn "doesn't fit the type" into an error at the tensor's place in the text. */
function guard<T>(tensor: Tensor, encode: () => T): T {
  try {
    return encode();
  } catch (error) {
    if (!(error instanceof TensorError)) throw error;
    throw new BuildError(`The values of ${describeTensor(tensor)} can't be stored: ${error.message}.`, tensor.span);
  }
}

/**
 * The base's TensorProto changed into `edited`, or `undefined` when they are equal.
 * @throws BuildError when the data doesn't fit the type and dimensions.
 */
export function rebuildTensor(edited: Tensor, base: Tensor, context: BuildContext): Chunk[] | undefined {
  const resolved = sameEntries(edited, base) ? undefined : context.resolve(edited);
  const sameType = edited.dataType === base.dataType;
  const sameDims = edited.dims.length === base.dims.length && edited.dims.every((dim, i) => dim === base.dims[i]);
  const keepsData = sameData(edited, base, resolved, context);
  if (!sameType || !sameDims || !keepsData) checkFit(edited, resolved, context, base);
  if (base.origin === undefined) {
    if (sameType && sameDims && keepsData && edited.name === base.name) return undefined;
    context.changed('tensor');
    return encodeNewTensor(edited, context);
  }
  const edit = new MessageEdit(context.source, base.origin);
  if (edited.name !== base.name) {
    context.changed('name');
    edit.setString(8, edited.name);
  }
  if (!sameDims) {
    context.changed('dimensions');
    const write = (writer: MessageWriter, i: number, packed: boolean): void => {
      if (packed) writer.packedInt(edited.dims[i]!);
      else writer.int(1, edited.dims[i]!);
    };
    edit.numbers(1, edited.dims.length, write, (i) => edited.dims[i] === base.dims[i]);
  }
  if (!sameType) {
    context.changed('element type');
    edit.setInt(2, edited.dataType);
  }
  const movesToRaw = !sameType && edit.fields.some(({ number }) => isDataField(number) && number !== 9);
  if (!keepsData || movesToRaw) {
    if (!keepsData) context.changed('data');
    guard(edited, () => replaceData(edit, edited, base, resolved, context));
  }
  return edit.finish();
}

function sameData(edited: Tensor, base: Tensor, resolved: Resolved | undefined, context: BuildContext): boolean {
  if (resolved !== undefined) {
    if (resolved.kind === 'tensor') {
      return resolved.tensor.origin !== undefined && resolved.tensor.origin.start === base.origin?.start;
    }
    if (base.data.kind !== 'embedded' || resolved.kind !== 'range') return false;
    return base.data.bytes.start === resolved.bytes.start && base.data.bytes.end === resolved.bytes.end;
  }
  const { data } = edited;
  if (data.kind === 'external' || base.data.kind === 'external') {
    return sameEntries(edited, base);
  }
  if (edited.dataType !== base.dataType) return valuesOf(edited).length === 0 && base.data.kind === 'none';
  const values = valuesOf(edited);
  const before = readTensor(base, context.source);
  if (before?.length !== values.length) return before === undefined && values.length === 0;
  for (let i = 0; i < values.length; i++) if (!sameValue(values[i]!, before[i]!)) return false;
  return true;
}

/** Whether both have external data, at the same place. */
function sameEntries({ data: a }: Tensor, { data: b }: Tensor): boolean {
  if (a.kind !== 'external' || b.kind !== 'external') return false;
  return (
    a.entries.length === b.entries.length &&
    a.entries.every(({ key, value }, i) => key === b.entries[i]!.key && value === b.entries[i]!.value)
  );
}

function valuesOf(tensor: Tensor): TensorValues {
  return tensor.data.kind === 'values' ? tensor.data.values : [];
}

/** @throws BuildError when external data that the text gives a tensor can't be meant, or its stated length doesn't fit. */
function checkExternal(
  tensor: Tensor,
  entries: readonly StringEntry[],
  context: BuildContext,
  base: Tensor | undefined,
): void {
  if (context.statesEntries(tensor)) {
    checkLength(tensor, entries);
    return;
  }
  const keys = new Set(entries.map(({ key }) => key));
  if (keys.has('bytes') && keys.has('sha256') && !keys.has('offset')) {
    throw new BuildError(
      `The data of ${describeTensor(tensor)} is stated by its digest: this is text for comparing, not for building. Print the model without --diff to edit it.`,
      tensor.span,
    );
  }
  const place = locate(entries);
  const hasData = base !== undefined && base.data.kind !== 'external' && base.data.kind !== 'none';
  if (hasData && (place === undefined || place.location === '')) {
    throw new BuildError(
      `${describeTensor(tensor)} would lose its data: external data needs a "location", the file that it is in.`,
      tensor.span,
    );
  }
  checkLength(tensor, entries);
}

function checkLength(tensor: Tensor, entries: readonly StringEntry[]): void {
  const length = locate(entries)?.length;
  const needed = tensorByteSize(tensor.dataType, tensor.dims);
  if (length === undefined || needed === undefined || needed === length) return;
  throw new BuildError(
    `${describeTensor(tensor)} is ${dataType(tensor.dataType)!.name}[${tensor.dims.join(',')}], which takes ${needed} bytes, but the length stated of its external data is ${length}: change the shape back, or state the place of other data.`,
    tensor.span,
  );
}

/**
 * @param base the tensor that it was; absent for a new one.
 * @throws BuildError when data and type, or dimensions, disagree.
 */
function checkFit(tensor: Tensor, resolved: Resolved | undefined, context: BuildContext, base?: Tensor): void {
  if (resolved === undefined && tensor.data.kind === 'external') {
    checkExternal(tensor, tensor.data.entries, context, base);
    return;
  }
  const type = dataType(tensor.dataType);
  if (type === undefined) return;
  const shape = `${type.name}[${tensor.dims.join(',')}]`;
  if (resolved?.kind === 'range' || resolved?.kind === 'bytes') {
    const size = resolved.kind === 'bytes' ? resolved.bytes.length : resolved.bytes.end - resolved.bytes.start;
    const needed = tensorByteSize(tensor.dataType, tensor.dims);
    if (needed === size) return;
    throw new BuildError(
      needed === undefined
        ? `${describeTensor(tensor)} can't be ${shape}: its data is ${size} bytes in the model file.`
        : `${describeTensor(tensor)} is ${shape}, which takes ${needed} bytes, but its data in the model file has ${size}: change the shape back, or write the values.`,
      tensor.span,
    );
  }
  if (tensor.dims.some((dim) => dim < 0)) {
    throw new BuildError(`${describeTensor(tensor)} is ${shape}: dimensions can't be negative.`, tensor.span);
  }
  const values = resolved === undefined ? valuesOf(tensor) : readTensor(resolved.tensor, context.source);
  const count = values?.length ?? 0;
  const needed = literalCount(type, tensor.dims);
  if (resolved !== undefined && resolved.tensor.dataType !== tensor.dataType) {
    throw new BuildError(
      `The data of ${describeTensor(tensor)} in the model file isn't ${type.name}: change the type back, or write the values.`,
      tensor.span,
    );
  }
  if (count !== needed) {
    throw new BuildError(
      `${describeTensor(tensor)} is ${shape}, which needs ${needed} ${needed === 1 ? 'value' : 'values'}, but has ${count}.`,
      tensor.span,
    );
  }
}

/** Make the tensor's data fields hold the new data, in the base's kind of field where that is possible. */
function replaceData(
  edit: MessageEdit,
  edited: Tensor,
  base: Tensor,
  resolved: Resolved | undefined,
  context: BuildContext,
): void {
  const present = new Set(edit.fields.map(({ number }) => number));
  const type = dataType(edited.dataType);
  for (const number of present) if (isDataField(number)) edit.remove(number);
  edit.remove(13);
  edit.remove(14);
  const { data } = newData(edited, resolved);
  switch (data.kind) {
    case 'external':
      edit.list(
        13,
        data.entries.map((entry, i) => ({ base: i, field: messageField(13, encodeEntry(entry)) })),
      );
      edit.set(14, intField(14, 1));
      return;
    case 'embedded':
    case 'bytes':
      edit.set(9, messageField(9, [data.bytes]));
      return;
    case 'typed':
      copyTyped(edit, resolved, context);
      return;
    case 'none':
      return;
    case 'values':
      if (type === undefined || data.values.length === 0) return;
      if (type.storage === 'string_data') {
        const before = edited.dataType === base.dataType ? readTensor(base, context.source) : [];
        edit.strings(STORAGE_FIELD.string_data, data.values.map(String), (before ?? []).map(String));
        return;
      }
      replaceValues(edit, type, data.values, edited, base, present, context);
  }
}

function replaceValues(
  edit: MessageEdit,
  type: DataType,
  values: TensorValues,
  edited: Tensor,
  base: Tensor,
  present: ReadonlySet<number>,
  context: BuildContext,
): void {
  const field = STORAGE_FIELD[type.storage];
  const sameType = edited.dataType === base.dataType;
  // Also where the values go to a typed field, they have to fit the type.
  const embedded = sameType && base.data.kind === 'embedded' ? base.data.bytes : undefined;
  const rawBytes = embedded === undefined ? undefined : context.source.read(embedded.start, embedded.end);
  const bytes = bytesOfValues(type, values, rawBytes);
  if (!sameType || present.has(9) || !present.has(field)) {
    edit.set(9, messageField(9, [bytes]));
    return;
  }
  if (rawBytes !== undefined) {
    edit.planNumbers(field, [{ base: 0, field: messageField(field, [bytes]) }]);
    return;
  }
  const before = readTensor(base, context.source) ?? [];
  const isKept = (i: number): boolean => i < before.length && sameValue(values[i]!, before[i]!);
  const write = (writer: MessageWriter, i: number, packed: boolean): void => {
    const value = values[i] as number | bigint;
    if (type.storage === 'float_data') {
      if (packed) writer.packedFloat(Number(value));
      else writer.float(field, Number(value));
    } else if (type.storage === 'double_data') {
      if (packed) writer.packedDouble(Number(value));
      else writer.double(field, Number(value));
    } else if (packed) writer.packedInt(value);
    else writer.int(field, value);
  };
  edit.numbers(field, values.length, write, isKept);
}

/** Take over the typed fields of another tensor of the base. */
function copyTyped(edit: MessageEdit, resolved: Resolved | undefined, context: BuildContext): void {
  if (resolved?.kind !== 'tensor' || resolved.tensor.origin === undefined) return;
  const other = new MessageEdit(context.source, resolved.tensor.origin);
  for (const number of new Set(other.fields.map((field) => field.number))) {
    if (!isDataField(number)) continue;
    edit.planNumbers(
      number,
      other.numberFieldsOf(number).map((field, i) => ({ base: i, field: [{ start: field.start, end: field.end }] })),
    );
  }
}

/** The base's SparseTensorProto changed into `edited`, or `undefined` when they are equal. */
export function rebuildSparseTensor(
  edited: SparseTensor,
  base: SparseTensor,
  context: BuildContext,
): Chunk[] | undefined {
  const values = context.within('values', '', () => rebuildTensor(edited.values, base.values, context));
  const indices = context.within('indices', '', () => rebuildTensor(edited.indices, base.indices, context));
  const sameDims = edited.dims.length === base.dims.length && edited.dims.every((dim, i) => dim === base.dims[i]);
  if (values === undefined && indices === undefined && sameDims) return undefined;
  if (base.origin === undefined) return encodeNewSparseTensor(edited, context);
  const edit = new MessageEdit(context.source, base.origin);
  if (values !== undefined) edit.set(1, messageField(1, values));
  if (indices !== undefined) edit.set(2, messageField(2, indices));
  if (!sameDims) {
    context.changed('dimensions');
    const write = (writer: MessageWriter, i: number, packed: boolean): void => {
      if (packed) writer.packedInt(edited.dims[i]!);
      else writer.int(3, edited.dims[i]!);
    };
    edit.numbers(3, edited.dims.length, write, (i) => edited.dims[i] === base.dims[i]);
  }
  return edit.finish();
}

/** A sparse tensor that the base doesn't have, as SparseTensorProto. */
export function encodeNewSparseTensor(tensor: SparseTensor, context: BuildContext): Chunk[] {
  const writer = new MessageWriter();
  writer.message(1, encodeNewTensor(tensor.values, context));
  writer.message(2, encodeNewTensor(tensor.indices, context));
  for (const dim of tensor.dims) writer.int(3, dim);
  return writer.finish();
}
