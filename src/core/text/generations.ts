import type { Model, Tensor } from '../onnx/model';
import { relocate } from '../wire/relocate';
import type { ByteRange, ByteSource } from '../wire/source';
import type { Chunk } from '../wire/splice';
import { forEachTensor } from './buildContext';
import { dataKey, referenceKey, referenceOf } from './references';

/** Texts older than this many saves can no longer be told apart. */
const KEPT = 32;

interface Data {
  readonly name: string;
  /** In the present file, or the bytes themselves where the file no longer has them. */
  readonly place: ByteRange | Uint8Array;
}

/** What one state of the file had, by the key that its text refers to it with. */
type Generation = ReadonlyMap<string, Data>;

/**
 * A save moves data within the file, while undo can bring back text that was
 * printed from an earlier state. Generations know for each state which data its
 * references mean, and keep what a save removes.
 */
export class Generations {
  private constructor(
    /** The present file first. */
    private readonly generations: readonly Generation[],
  ) {}

  static of(model: Model): Generations {
    return new Generations([generationOf(model)]);
  }

  /**
   * Where the data is that `edited` refers to, for `BuildOptions.aliases`. The
   * text belongs to the state in which most of its references have their names.
   */
  aliasesFor(edited: Model): ReadonlyMap<string, ByteRange | Uint8Array> {
    const references: { key: string; name: string }[] = [];
    forEachTensor(edited, (tensor: Tensor) => {
      const reference = referenceOf(tensor);
      if (reference) references.push({ key: referenceKey(reference.range), name: tensor.name });
    });
    let best: Generation | undefined;
    let most = -1;
    for (const generation of this.generations) {
      const count = references.filter(({ key, name }) => generation.get(key)?.name === name).length;
      if (count > most) [best, most] = [generation, count];
    }
    return new Map([...(best ?? [])].map(([key, { place }]) => [key, place]));
  }

  /**
   * The generations once the file is replaced by `chunks` over `source`, and is
   * read again as `saved`. Call it while `source` can still be read.
   */
  moved(chunks: readonly Chunk[], source: ByteSource): (saved: Model) => Generations {
    const newPlace = relocate(chunks);
    const kept = this.generations.slice(0, KEPT - 1).map(
      (generation) =>
        new Map(
          [...generation].map(([key, { name, place }]): [string, Data] => {
            if (place instanceof Uint8Array) return [key, { name, place }];
            return [key, { name, place: newPlace(place) ?? source.read(place.start, place.end).slice() }];
          }),
        ),
    );
    return (saved) => new Generations([generationOf(saved), ...kept]);
  }

  /**
   * The generations after another program replaced the file: an older text's
   * references mean the data of the same name and size, where there is any.
   */
  replacedBy(model: Model): Generations {
    const present = generationOf(model);
    const byName = new Map([...present].map(([key, { name, place }]) => [`${name} ${key.split(':')[1]}`, place]));
    const older = this.generations.slice(0, KEPT - 1).map(
      (generation) =>
        new Map(
          [...generation].flatMap(([key, { name }]): [string, Data][] => {
            const place = byName.get(`${name} ${key.split(':')[1]}`);
            return place ? [[key, { name, place }]] : [];
          }),
        ),
    );
    return new Generations([present, ...older]);
  }
}

function generationOf(model: Model): Generation {
  const data = new Map<string, Data>();
  forEachTensor(model, (tensor) => {
    const key = dataKey(tensor);
    const place = tensor.data.kind === 'embedded' ? tensor.data.bytes : tensor.origin;
    if (key !== undefined && place) data.set(key, { name: tensor.name, place });
  });
  return data;
}
