/** Tensors whose floats are in `float_data` or `double_data`, one field each, as writers without packing leave them. */
import type { Chunk } from '../../../src/core/wire/splice';
import { MessageWriter } from '../../../src/core/wire/writer';
import { replaceFields } from './unknownFields';

const RAW_DATA = 9;
const singles: ReadonlySet<number> = new Set([1, 14]);
const doubles: ReadonlySet<number> = new Set([11, 15]);

/** The model with the raw data of its float, double and complex tensors in such fields. */
export function withUnpackedFloats(bytes: Uint8Array): Uint8Array {
  return replaceFields(bytes, (name, field, fields): Chunk[] | undefined => {
    if (name !== 'TensorProto' || field.number !== RAW_DATA) return undefined;
    const type = fields.find(({ number }) => number === 2);
    const code = type === undefined ? 0 : bytes[type.payload.start]!;
    const data = bytes.subarray(field.payload.start, field.payload.end);
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    const writer = new MessageWriter();
    if (singles.has(code)) for (let at = 0; at < data.length; at += 4) writer.float(4, view.getFloat32(at, true));
    else if (doubles.has(code))
      for (let at = 0; at < data.length; at += 8) writer.double(10, view.getFloat64(at, true));
    else return undefined;
    return writer.finish();
  });
}
