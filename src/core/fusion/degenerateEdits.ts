import type { Model, Node, TextSpan } from '../onnx/model';
import type { TextEdit } from '../text/edit';
import type { Degenerate } from './degenerate';
import { ModelEdits } from './modelEdits';
import { definingScope, usesOf, type Scope } from './scope';

/**
 * The edits that drop cancelled biases: each convolution's third input, and
 * the initializer or Constant behind it where nothing else reads it. Cases of
 * another code are left out. The edits don't overlap.
 * @param text what the cases' model was parsed from.
 */
export function dropBiasEdits(text: string, model: Model, cases: readonly Degenerate[]): TextEdit[] {
  const edits = new ModelEdits(text, model);
  const dropped = new Map<Scope, Map<string, number>>();
  for (const { code, node, scope } of cases) {
    if (code !== 'cancelled-bias') continue;
    if (scope.model !== model) throw new RangeError(`${node.opType} ${node.name} belongs to another model`);
    const span = biasSpan(node);
    if (!span) continue;
    edits.remove(span);
    const name = node.inputs[2]!;
    const at = definingScope(scope, name);
    if (!at) continue;
    const counts = dropped.get(at) ?? new Map<string, number>();
    dropped.set(at, counts.set(name, (counts.get(name) ?? 0) + 1));
  }
  for (const [scope, counts] of dropped) {
    for (const [name, count] of counts) {
      // A graph's input stays, since callers may pass it.
      if (usesOf(scope, name).length === count && !scope.values.get(name)!.isInput) edits.removeUnused(scope, name);
    }
  }
  return edits.finish();
}

/** From the end of the weights to that of the inputs: a bias is the last input that a convolution has. */
function biasSpan(convolution: Node): TextSpan | undefined {
  const weights = convolution.spans?.inputs[1];
  const last = convolution.spans?.inputs.at(-1);
  return weights && last && { start: weights.end, end: last.end };
}
