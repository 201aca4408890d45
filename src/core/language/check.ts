import type { TextSpan } from '../onnx/model';
import { checkNames } from './checkNames';
import { checkOps } from './checkOps';
import type { Problem } from './problem';
import type { TextIndex } from './textIndex';

/**
 * Everything that is wrong with what the text says, as far as the text alone
 * tells. In the order of the text. What may only follow from a mistake in the
 * syntax is left out.
 */
export function checkText(index: TextIndex): readonly Problem[] {
  const problems = [...checkNames(index), ...checkOps(index)].sort((a, b) => a.span.start - b.span.start);
  const { skippedSpans } = index.model;
  return skippedSpans ? problems.filter(({ code, span }) => !mayFollow(code, span, index, skippedSpans)) : problems;
}

/** Does the problem lie in text with a mistake, or concern a name that stands there? */
function mayFollow(code: Problem['code'], span: TextSpan, { text }: TextIndex, skipped: readonly TextSpan[]) {
  const name = text.slice(span.start, span.end).replace(/^\$?"|"$/g, '');
  // Which operator sets are imported isn't known then.
  if (code === 'missing-opset' && skipped.some(({ start, end }) => text.slice(start, end).includes(':'))) return true;
  return skipped.some(
    ({ start, end }) => (start <= span.start && span.end <= end) || text.slice(start, end).includes(name),
  );
}
