import * as path from 'node:path';
import { decodeModel } from '../core/onnx/decode';
import type { Model, Tensor } from '../core/onnx/model';
import { Generations, namesOfBase } from '../core/text/generations';
import { parseModel } from '../core/text/parse';
import { referenceKey, referenceOf } from '../core/text/references';
import type { ByteRange } from '../core/wire/source';
import { ExternalData } from '../files/externalData';
import { FileSource } from '../files/fileSource';
import { inferShapes, type InferredShapes } from './shapes';
import { TensorDataError, TensorReader } from './tensorReader';

/** The present text of a model, and where its data is: all that the shapes follow from. */
export interface TextShapesRequest {
  readonly text: string;
  /** Where the text's external data is. */
  readonly folder: string;
  /** The model file that the text shows; absent for text that stands for itself. */
  readonly modelFile?: string | undefined;
  /** Sizes by symbol or `INPUT.AXIS`. */
  readonly sizes: ReadonlyMap<string, number>;
}

/**
 * Shapes of the values of a model's text, as far as ONNX Runtime can tell them.
 * Reads of the weights only the small ones.
 */
export async function textShapes({ text, folder, modelFile, sizes }: TextShapesRequest): Promise<InferredShapes> {
  const { model } = parseModel(text);
  const external = new ExternalData(folder);
  const base = modelFile === undefined ? undefined : new FileSource(modelFile);
  try {
    const reader =
      base && modelFile !== undefined
        ? new TextTensorReader(model, base, path.basename(modelFile), external)
        : new TensorReader(undefined, external.open);
    return await inferShapes(model, reader, sizes);
  } finally {
    external.close();
    base?.close();
  }
}

/** Reads what a text refers to in the model file, which may have been saved anew since the text was printed. */
class TextTensorReader extends TensorReader {
  private places: ReadonlyMap<string, ByteRange | Uint8Array | undefined> | undefined;
  private names: ReadonlySet<string> = new Set();

  constructor(
    private readonly model: Model,
    private readonly file: FileSource,
    private readonly fileName: string,
    external: ExternalData,
  ) {
    super(file, external.open);
  }

  override bytes(tensor: Tensor): Uint8Array {
    const reference = referenceOf(tensor);
    if (!reference) return super.bytes(tensor);
    if (!this.places) {
      const base = decodeModel(this.file);
      this.names = namesOfBase(this.model, base, this.fileName);
      this.places = Generations.of(base).aliasesFor(this.model, this.names);
    }
    if (!this.names.has(reference.location)) return super.bytes(tensor);
    const place = this.places.get(referenceKey(reference.range));
    if (!place) throw new TensorDataError(`the data of \`${tensor.name}\` isn't in the file any more`);
    if (place instanceof Uint8Array) return place;
    return super.bytes(
      reference.isMessage
        ? { ...tensor, origin: place, data: { kind: 'typed' } }
        : { ...tensor, data: { kind: 'embedded', bytes: place } },
    );
  }
}
