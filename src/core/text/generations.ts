import type { Model, Tensor } from '../onnx/model';
import { relocate } from '../wire/relocate';
import type { ByteRange, ByteSource } from '../wire/source';
import type { Chunk } from '../wire/splice';
import { forEachTensor } from './buildContext';
import { dataKey, referenceKey, referenceOf } from './references';

/**
 * The names by which `edited` refers to the file that it came from: the file's
 * name, or, where the text never uses that, the one that it had when the text
 * was printed. A location that the model itself has external data at is that
 * other file's.
 */
export function namesOfBase(edited: Model, base: Model, fileName: string): ReadonlySet<string> {
  const names = locationsIn(edited);
  if (names.has(fileName)) return new Set([fileName]);
  for (const location of locationsIn(base)) names.delete(location);
  return names.add(fileName);
}

/** The files that a model's tensors say their data is in: external data, and in a text the model file itself. */
export function locationsIn(model: Model): Set<string> {
  const locations = new Set<string>();
  forEachTensor(model, (tensor) => {
    const reference = referenceOf(tensor);
    if (reference) locations.add(reference.location);
  });
  return locations;
}

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
   * Where the data is that `edited` refers to, for `BuildOptions.aliases`;
   * `undefined` for a reference that nothing is known of.
   *
   * Of the states that the text can have been printed from it belongs to the one
   * in which most of its references have their names, the present one where
   * several are alike. A text of no known state gets the present data of the
   * same name and size: a wrong guess would save weights that nobody meant.
   * @param fileNames the names by which the text refers to the file.
   */
  aliasesFor(edited: Model, fileNames: ReadonlySet<string>): ReadonlyMap<string, ByteRange | Uint8Array | undefined> {
    const references = referencesIn(edited, fileNames);
    let known: Generation | undefined;
    let most = -1;
    for (const generation of this.generations) {
      const same = namesKept(generation, references);
      if (same === undefined || same <= most) continue;
      known = generation;
      most = same;
    }
    if (known) return new Map(references.map(({ key }) => [key, known.get(key)?.place]));
    const byName = placesByName(this.generations[0] ?? new Map<string, Data>());
    const aliases = new Map<string, ByteRange | Uint8Array | undefined>();
    for (const { key, name } of references) aliases.set(key, aliases.get(key) ?? byName.get(nameAndSize(name, key)));
    return aliases;
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
    const byName = placesByName(present);
    const older = this.generations.slice(0, KEPT - 1).map(
      (generation) =>
        new Map(
          [...generation].flatMap(([key, { name }]): [string, Data][] => {
            const place = byName.get(nameAndSize(name, key));
            return place ? [[key, { name, place }]] : [];
          }),
        ),
    );
    return new Generations([present, ...older]);
  }
}

interface NamedReference {
  readonly key: string;
  readonly name: string;
}

function referencesIn(model: Model, fileNames: ReadonlySet<string>): NamedReference[] {
  const references: NamedReference[] = [];
  forEachTensor(model, (tensor: Tensor) => {
    const reference = referenceOf(tensor);
    if (reference && fileNames.has(reference.location)) {
      references.push({ key: referenceKey(reference.range), name: tensor.name });
    }
  });
  return references;
}

/**
 * How many of these references have the names that they had in this state;
 * `undefined` where their text wasn't printed from it. It was where all of them
 * are data of the state and have only exchanged names, and where edits, of names
 * or of references, are no more than what is left as it was. Of references to
 * what isn't data of the state, only a text whose other names are where they
 * were may have some: those are mistakes then. Data that an attribute without a
 * name has taken over has none to tell by.
 */
function namesKept(generation: Generation, references: readonly NamedReference[]): number | undefined {
  const names = new Set([...generation.values()].map(({ name }) => name));
  const moved: string[] = [];
  const owners: string[] = [];
  let same = 0;
  let missing = 0;
  for (const { key, name } of references) {
    const owner = generation.get(key)?.name;
    if (owner === undefined) missing++;
    else if (owner === name) same++;
    else if (name !== '' && names.has(name)) {
      moved.push(name);
      owners.push(owner);
    }
  }
  const exchanged = moved.sort().join('\0') === owners.sort().join('\0');
  const mostAreLeft = same >= missing + moved.length;
  const isState = missing === 0 ? exchanged || mostAreLeft : exchanged && mostAreLeft;
  return isState ? same : undefined;
}

/** Where data lies by its name and size, those left out that several tensors have. */
function placesByName(generation: Generation): ReadonlyMap<string, ByteRange | Uint8Array> {
  const places = new Map<string, ByteRange | Uint8Array>();
  const ambiguous = new Set<string>();
  for (const [key, { name, place }] of generation) {
    const id = nameAndSize(name, key);
    if (places.has(id)) ambiguous.add(id);
    places.set(id, place);
  }
  for (const id of ambiguous) places.delete(id);
  return places;
}

function nameAndSize(name: string, key: string): string {
  return `${key.slice(key.indexOf(':'))} ${name}`;
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
