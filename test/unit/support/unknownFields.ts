/** Fields that no version of ONNX has, put into every message of a model. */
import { scanFields } from '../../../src/core/wire/scan';
import { bytesSource, type ByteRange } from '../../../src/core/wire/source';
import { joinChunks, type Chunk } from '../../../src/core/wire/splice';
import { MessageWriter } from '../../../src/core/wire/writer';

/** Which fields of which message are messages (onnx.proto). */
const schema: Record<string, Record<number, string>> = {
  Model: { 7: 'Graph', 8: 'Opset', 14: 'Entry', 20: 'Training', 25: 'Function' },
  Training: { 1: 'Graph', 2: 'Graph', 3: 'Entry', 4: 'Entry' },
  Graph: { 1: 'Node', 5: 'Tensor', 11: 'Value', 12: 'Value', 13: 'Value', 14: 'Annotation', 15: 'Sparse', 16: 'Entry' },
  Node: { 5: 'Attribute', 9: 'Entry' },
  Attribute: { 5: 'Tensor', 6: 'Graph', 10: 'Tensor', 11: 'Graph', 14: 'Type', 15: 'Type', 22: 'Sparse', 23: 'Sparse' },
  Tensor: { 13: 'Entry' },
  Sparse: { 1: 'Tensor', 2: 'Tensor' },
  Value: { 2: 'Type' },
  Type: { 1: 'TensorType', 4: 'ElementType', 5: 'MapType', 8: 'TensorType', 9: 'ElementType' },
  TensorType: { 2: 'Shape' },
  Shape: { 1: 'Dimension' },
  ElementType: { 1: 'Type' },
  MapType: { 2: 'Type' },
  Function: { 7: 'Node', 9: 'Opset', 11: 'Attribute', 12: 'Value' },
};

/** The model with unknown fields of every wire type in front of, and behind, each message's own. */
export function withUnknownFields(bytes: Uint8Array): Uint8Array {
  const source = bytesSource(bytes);
  let count = 0;
  const rewrite = (message: string, range: ByteRange): Chunk[] => {
    const writer = new MessageWriter();
    writer.int(1000, count++);
    for (const field of scanFields(source, range)) {
      const inner = schema[message]?.[field.number];
      if (inner !== undefined && field.wireType === 2) writer.message(field.number, rewrite(inner, field.payload));
      else writer.chunk({ start: field.start, end: field.end });
    }
    writer.string(1001, `unknown ${count++}`).double(1002, count++).float(1003, count++);
    // A group, as only very old protobuf writers leave them.
    writer.chunk(Uint8Array.of(0xc3, 0x3e, 0x08, count++ & 127, 0xc4, 0x3e));
    return writer.finish();
  };
  return joinChunks(rewrite('Model', { start: 0, end: bytes.length }), source);
}
