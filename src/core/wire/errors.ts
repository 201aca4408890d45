/**
 * The bytes aren't a readable ONNX model. `message` is one sentence for the
 * person: what is wrong, at which byte, and what the file seems to be.
 */
export class ModelFormatError extends Error {
  override readonly name = 'ModelFormatError';

  constructor(
    message: string,
    /** Byte of the file at which reading failed. */
    readonly offset: number,
  ) {
    super(message);
  }
}
