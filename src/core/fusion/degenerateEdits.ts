import type { Model, Node } from '../onnx/model';
import type { TextEdit } from '../text/edit';
import type { Degenerate } from './degenerate';
import { declarations } from './modelEdits';
import { definingScope, isDefaultDomain, usesOf, type Scope } from './scope';
import { removeEntries, removeStatement } from './textParts';

/**
 * The edits that drop cancelled biases: each convolution's third input, and
 * the initializer or Constant behind it where nothing else reads it. Cases of
 * another code are left out. The edits don't overlap.
 * @param text what the cases' model was parsed from.
 */
export function dropBiasEdits(text: string, model: Model, cases: readonly Degenerate[]): TextEdit[] {
  const edits: TextEdit[] = [];
  const dropped = new Map<Scope, Map<string, number>>();
  for (const { code, node, scope } of cases) {
    if (code !== 'cancelled-bias') continue;
    if (scope.model !== model) throw new RangeError(`${node.opType} ${node.name} belongs to another model`);
    const edit = withoutBias(node);
    if (!edit) continue;
    edits.push(edit);
    const name = node.inputs[2]!;
    const at = definingScope(scope, name);
    if (!at) continue;
    const counts = dropped.get(at) ?? new Map<string, number>();
    dropped.set(at, counts.set(name, (counts.get(name) ?? 0) + 1));
  }
  for (const [scope, counts] of dropped) {
    const unused = [...counts].flatMap(([name, count]) => (usesOf(scope, name).length === count ? [name] : []));
    edits.push(...removeUnused(text, scope, unused));
  }
  return edits;
}

/** Ends the list of inputs after the weights: a bias is the last input that a convolution has. */
function withoutBias(convolution: Node): TextEdit | undefined {
  const weights = convolution.spans?.inputs[1];
  const last = convolution.spans?.inputs.at(-1);
  return weights && last && { span: { start: weights.end, end: last.end }, newText: '' };
}

/** Removes what defines these values of `scope`: a graph's inputs stay, since callers may pass them. */
function removeUnused(text: string, scope: Scope, names: readonly string[]): TextEdit[] {
  const edits: TextEdit[] = [];
  const list = declarations(text, scope.body);
  for (const name of names) {
    const value = scope.values.get(name)!;
    if (value.isInput || value.isAmbiguous) continue;
    const { producer } = value;
    if (producer) {
      const isConstant = producer.opType === 'Constant' && isDefaultDomain(producer.domain);
      if (!isConstant || producer.outputs.length !== 1 || !producer.span) continue;
      edits.push(removeStatement(text, producer.span));
    }
    for (const span of list.byName.get(name) ?? []) list.removed.add(span);
  }
  if (list.removed.size > 0) edits.push(...removeEntries(text, list.all, list.removed));
  return edits;
}
