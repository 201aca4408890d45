import type { Model } from '../onnx/model';
import type { Chunk } from '../wire/splice';
import { buildModel, type BuildBase } from './build';
import { Generations, namesOfBase } from './generations';

/**
 * The file that an edited text states, also where the text is older than the
 * file, or the file had another name when the text was printed.
 * @param generations the states of the file that are known.
 * @throws BuildError where the text refers to data that isn't there.
 */
export function rebuild(
  edited: Model,
  base: BuildBase,
  generations: Generations = Generations.of(base.model),
): readonly Chunk[] {
  const names = namesOfBase(edited, base.model, base.fileName);
  return buildModel(edited, base, { otherNames: [...names], aliases: generations.aliasesFor(edited, names) });
}
