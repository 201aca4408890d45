import { checkNames } from './checkNames';
import { checkOps } from './checkOps';
import type { Problem } from './problem';
import type { TextIndex } from './textIndex';

/** Everything that is wrong with what the text says, as far as the text alone tells. In the order of the text. */
export function checkText(index: TextIndex): readonly Problem[] {
  return [...checkNames(index), ...checkOps(index)].sort((a, b) => a.span.start - b.span.start);
}
