import { decodeModel } from '../onnx/decode';
import { mapTensors } from '../onnx/mapTensors';
import type { Model } from '../onnx/model';
import type { ByteSource } from '../wire/source';
import type { Chunk } from '../wire/splice';
import { buildModel } from './build';
import { forEachTensor } from './buildContext';
import { parseModel } from './parse';
import { printModel } from './print';
import { locate } from './references';

/** A name for the model itself that no file with external data has: a location can't be a folder. */
const OWN_NAME = 'the model/';

/** The locations of a decoded model's external data, each once, in order. */
export function externalLocations(model: Model): readonly string[] {
  const locations = new Set<string>();
  forEachTensor(model, ({ data }) => {
    const place = data.kind === 'external' ? locate(data.entries) : undefined;
    if (place) locations.add(place.location);
  });
  return [...locations];
}

/**
 * The model with its external data at other locations; every other byte stays.
 * @param moved new locations by the present ones.
 * @returns chunks over `source`.
 * @throws ModelFormatError when the source isn't a model.
 */
export function repoint(source: ByteSource, moved: ReadonlyMap<string, string>): readonly Chunk[] {
  const model = decodeModel(source);
  const parsed = parseModel(printModel(model, source, { fileName: OWN_NAME })).model;
  const edited = mapTensors(parsed, (tensor) => {
    if (tensor.data.kind !== 'external') return tensor;
    const entries = tensor.data.entries.map((entry) => {
      const location = entry.key === 'location' ? moved.get(entry.value) : undefined;
      return location === undefined ? entry : { ...entry, value: location };
    });
    return { ...tensor, data: { kind: 'external', entries } };
  });
  return buildModel(edited, { model, source, fileName: OWN_NAME });
}
