import type { Tensor } from '../core/onnx/model';
import { readTensor, tensorBytes } from '../core/onnx/tensor';
import { referenceOf } from '../core/text/references';
import { bytesSource, type ByteSource } from '../core/wire/source';

/** Opens an external-data file by the location a tensor gives, or `undefined` when it isn't there. */
export type OpenExternal = (location: string) => ByteSource | undefined;

/** Data that a model refers to can't be had; the message says which and why. */
export class TensorDataError extends Error {
  override readonly name = 'TensorDataError';
}

const FLOAT = 1;

/** Reads tensors' data, wherever it lies: in the model, in a text, or in external files. */
export class TensorReader {
  /**
   * @param source the file that embedded tensors lie in.
   * @param openExternal called with relative locations only, without `..`.
   */
  constructor(
    readonly source: ByteSource = bytesSource(new Uint8Array(0)),
    private readonly openExternal?: OpenExternal,
  ) {}

  /**
   * The tensor's data, laid out as `raw_data` is.
   * @throws TensorDataError when the data can't be had.
   */
  bytes(tensor: Tensor): Uint8Array {
    if (tensor.data.kind === 'external') return this.externalBytes(tensor);
    const bytes = tensorBytes(tensor, this.source);
    if (!bytes) throw new TensorDataError(`the data of \`${tensor.name}\` can't be read`);
    return bytes;
  }

  /**
   * The values of a float32 tensor.
   * @throws TensorDataError when the tensor has another element type or too little data.
   */
  floats(tensor: Tensor): Float32Array {
    if (tensor.dataType !== FLOAT) throw new TensorDataError(`\`${tensor.name}\` isn't float32`);
    const count = tensor.dims.reduce((product, size) => product * size, 1);
    const { data } = tensor;
    if (data.kind === 'values' || data.kind === 'typed') {
      const values = readTensor(tensor, this.source);
      if (values?.length !== count) throw new TensorDataError(`\`${tensor.name}\` doesn't have ${count} values`);
      return Float32Array.from(values, Number);
    }
    const bytes = this.bytes(tensor);
    if (bytes.length !== 4 * count) {
      throw new TensorDataError(`\`${tensor.name}\` has ${bytes.length} bytes where its shape needs ${4 * count}`);
    }
    const values = new Float32Array(count);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let index = 0; index < count; index++) values[index] = view.getFloat32(4 * index, true);
    return values;
  }

  private externalBytes(tensor: Tensor): Uint8Array {
    const entries = tensor.data.kind === 'external' ? tensor.data.entries : [];
    const entry = (key: string): string | undefined => entries.find((candidate) => candidate.key === key)?.value;
    const reference = referenceOf(tensor);
    const location = reference?.location ?? entry('location') ?? '';
    if (location === '' || /^([\\/]|[A-Za-z]:)/.test(location) || location.split(/[\\/]/).includes('..')) {
      throw new TensorDataError(
        `\`${tensor.name}\` refers to \`${location}\`, which isn't a path below the model's folder`,
      );
    }
    const file = this.openExternal?.(location);
    if (!file) throw new TensorDataError(`the file \`${location}\` with the data of \`${tensor.name}\` isn't there`);
    const start = Number(entry('offset') ?? 0);
    const end = entry('length') === undefined ? file.size : start + Number(entry('length'));
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start || end > file.size) {
      throw new TensorDataError(
        `\`${tensor.name}\` refers to bytes ${start}–${end} of \`${location}\`, which has ${file.size}`,
      );
    }
    if (!reference?.isMessage) return file.read(start, end);
    // A text refers to data in typed fields by the whole message.
    const bytes = tensorBytes({ ...tensor, origin: { start, end }, data: { kind: 'typed' } }, file);
    if (!bytes) throw new TensorDataError(`the data of \`${tensor.name}\` can't be read`);
    return bytes;
  }
}
