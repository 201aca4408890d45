import assert from 'node:assert/strict';
import fc from 'fast-check';
import { dataType, dataTypeNamed, literalCount, tensorByteSize } from '../../../src/core/onnx/dataTypes';
import { encodeTensor } from '../../../src/core/onnx/encode';
import { readTensorProto } from '../../../src/core/onnx/decodeTensor';
import type { Tensor } from '../../../src/core/onnx/model';
import { bytesOfValues, readTensor, storedSize, tensorBytes, TensorError } from '../../../src/core/onnx/tensor';
import { WireReader } from '../../../src/core/wire/reader';
import { bytesSource, type ByteSource } from '../../../src/core/wire/source';
import { joinChunks, type Chunk } from '../../../src/core/wire/splice';
import { MessageWriter } from '../../../src/core/wire/writer';
import { anyTensor } from '../support/arbitraryModel';

function decoded(chunks: Chunk[]): { tensor: Tensor; source: ByteSource } {
  const bytes = joinChunks(chunks, bytesSource(new Uint8Array(0)));
  const source = bytesSource(bytes);
  return { tensor: readTensorProto(new WireReader(source), bytes.length), source };
}

describe('tensors', function () {
  // Many random models: slow where the machine is busy.
  this.timeout(60_000);

  it('give back the values they were encoded from', () => {
    fc.assert(
      fc.property(anyTensor, (tensor) => {
        const { tensor: read, source } = decoded(encodeTensor(tensor));
        const { dims, dataType: type, name } = read;
        assert.deepEqual({ dims, type, name }, { dims: tensor.dims, type: tensor.dataType, name: tensor.name });
        const expected = tensor.data.kind === 'values' ? tensor.data.values : undefined;
        assert.deepEqual(readTensor(read, source), expected);
      }),
    );
  });

  it('know the bytes they take', () => {
    fc.assert(
      fc.property(anyTensor, (tensor) => {
        const size = tensorByteSize(tensor.dataType, tensor.dims);
        if (tensor.data.kind !== 'values' || size === undefined) return;
        const { tensor: read, source } = decoded(encodeTensor(tensor));
        assert.equal(storedSize(read, source), size);
        assert.equal(tensorBytes(tensor, source)?.length, size);
      }),
    );
  });

  it('read typed fields, packed or not, as raw data would read', () => {
    const head = (type: number) => new MessageWriter().int(1, 3).int(2, type);
    const packed = new MessageWriter().packedInt(1).packedInt(-2).packedInt(3).finish();
    const packedInts = decoded(head(6).message(5, packed).finish());
    assert.deepEqual(readTensor(packedInts.tensor, packedInts.source), [1, -2, 3]);
    assert.deepEqual(tensorBytes(packedInts.tensor, packedInts.source), new Uint8Array(Int32Array.of(1, -2, 3).buffer));
    const unpacked = decoded(
      head(7)
        .int(7, 1)
        .int(7, -2n)
        .int(7, 2n ** 62n)
        .finish(),
    );
    assert.deepEqual(readTensor(unpacked.tensor, unpacked.source), [1n, -2n, 2n ** 62n]);
    const floats = decoded(head(1).float(4, 0.5).float(4, -0).float(4, NaN).finish());
    assert.equal(floats.tensor.data.kind, 'typed');
    assert.deepEqual(readTensor(floats.tensor, floats.source), [0.5, -0, NaN]);
    const half = decoded(head(10).int(5, 0x3c00).int(5, 0).int(5, 0x8000).finish());
    assert.deepEqual(tensorBytes(half.tensor, half.source), new Uint8Array(Uint16Array.of(0x3c00, 0, 0x8000).buffer));
    const strings = decoded(head(8).string(6, 'a').bytes(6, Uint8Array.of(0xff)).string(6, '').finish());
    assert.deepEqual(readTensor(strings.tensor, strings.source), ['a', '\udcff', '']);
    assert.equal(tensorBytes(strings.tensor, strings.source), undefined);
    const wide = decoded(head(13).int(11, -1n).finish());
    assert.deepEqual(readTensor(wide.tensor, wide.source), [2n ** 64n - 1n]);
  });

  it('take a single packed float_data field as bytes in place', () => {
    const packed = new MessageWriter().packedFloat(1).packedFloat(2).finish();
    const { tensor, source } = decoded(new MessageWriter().int(1, 2).int(2, 1).message(4, packed).finish());
    assert.equal(tensor.data.kind, 'embedded');
    assert.deepEqual(readTensor(tensor, source), [1, 2]);
  });

  it('refuse values that the type does not hold', () => {
    for (const [type, value] of [
      ['uint8', 256],
      ['int8', -129],
      ['uint4', 300],
      ['float6e2m3', 64],
      ['int32', 0.5],
    ] as const) {
      assert.throws(() => bytesOfValues(dataTypeNamed(type)!, [value]), TensorError);
    }
    assert.throws(() => bytesOfValues(dataTypeNamed('int64')!, [2n ** 63n]), TensorError);
  });

  it('keep the payload of a NaN that stays', () => {
    const float = dataTypeNamed('float')!;
    const base = Uint8Array.of(1, 0, 0xc0, 0x7f, 0, 0, 0x80, 0x3f);
    assert.deepEqual(
      [...bytesOfValues(float, [NaN, 2], base)],
      [1, 0, 0xc0, 0x7f, ...new Uint8Array(Float32Array.of(2).buffer)],
    );
  });

  it('pack float6 four in three bytes', () => {
    const type = dataTypeNamed('float6e2m3')!;
    assert.deepEqual([...bytesOfValues(type, [1, 2, 3, 63])], [0x81, 0x30, 0xfc]);
    for (const count of [1, 2, 3, 4, 5, 7]) {
      const values = Array.from({ length: count }, (_, i) => (i * 13) % 64);
      const { tensor, source } = decoded(
        encodeTensor({ name: '', dataType: type.number, dims: [count], data: { kind: 'values', values } }),
      );
      assert.deepEqual(readTensor(tensor, source), values);
    }
  });

  it('have the sizes of onnx.proto', () => {
    assert.equal(tensorByteSize(21, [3]), 2);
    assert.equal(tensorByteSize(25, [5]), 2);
    assert.equal(tensorByteSize(27, [4]), 3);
    assert.equal(tensorByteSize(15, [2]), 32);
    assert.equal(tensorByteSize(8, [2]), undefined);
    assert.equal(literalCount(dataType(14)!, [2]), 4);
    assert.equal(literalCount(dataType(21)!, [3]), 2);
  });
});
