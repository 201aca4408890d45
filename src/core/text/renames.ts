import type { Node, SparseTensor, Tensor, ValueInfo } from '../onnx/model';
import type { Matching } from './match';

/** Elements that define values, and which of the base's they are. */
export interface MatchedList<T> {
  readonly edited: readonly T[];
  readonly base: readonly T[];
  readonly matching: Matching;
}

/** What defines the values of a graph or function. */
export interface MatchedBody {
  readonly nodes: MatchedList<Node>;
  readonly inputs: MatchedList<ValueInfo | string>;
  readonly initializers?: MatchedList<Tensor> | undefined;
  readonly sparseInitializers?: MatchedList<SparseTensor> | undefined;
}

/**
 * Which values of a graph or function the text renames. What a matched element
 * defines has a new name where it has another one at the same place, the old
 * one is no longer defined in this scope, and the new one wasn't before: so two
 * values that change names, or an output that goes, are no renames.
 */
export class RenameScope {
  private readonly renamed: ReadonlyMap<string, string>;
  private defined: ReadonlySet<string> | undefined;

  /** @param outer the scope around a subgraph. */
  constructor(
    private readonly body: MatchedBody,
    private readonly outer: RenameScope | undefined,
  ) {
    this.renamed = renamesIn(body, () => this.definedInBase);
  }

  /** Does any value that can be named here have a new name? */
  get isEmpty(): boolean {
    return this.renamed.size === 0 && (this.outer?.isEmpty ?? true);
  }

  /** The new name of what `name` means here in the base, or `undefined` where that keeps its name. */
  newName(name: string): string | undefined {
    const renamed = this.renamed.get(name);
    if (renamed !== undefined || this.outer === undefined || this.outer.isEmpty) return renamed;
    return this.definedInBase.has(name) ? undefined : this.outer.newName(name);
  }

  private get definedInBase(): ReadonlySet<string> {
    return (this.defined ??= definitions(this.body, 'base'));
  }
}

function renamesIn(body: MatchedBody, definedInBase: () => ReadonlySet<string>): ReadonlyMap<string, string> {
  const candidates: [string, string][] = [];
  const compare = (before: string | undefined, after: string | undefined): void => {
    if (before !== after && before && after) candidates.push([before, after]);
  };
  forEachMatch(body.nodes, (after, before) => {
    for (let i = 0; i < before.outputs.length; i++) compare(before.outputs[i], after.outputs[i]);
  });
  forEachMatch(body.inputs, (after, before) => {
    compare(nameOf(before), nameOf(after));
  });
  forEachMatch(body.initializers, (after, before) => {
    compare(before.name, after.name);
  });
  forEachMatch(body.sparseInitializers, (after, before) => {
    compare(before.values.name, after.values.name);
  });
  const renamed = new Map<string, string>();
  if (candidates.length === 0) return renamed;
  const defined = definitions(body, 'edited');
  for (const [before, after] of candidates) {
    if (!defined.has(before) && !definedInBase().has(after) && !renamed.has(before)) renamed.set(before, after);
  }
  return renamed;
}

function forEachMatch<T>(list: MatchedList<T> | undefined, visit: (edited: T, base: T) => void): void {
  if (list === undefined) return;
  const { edited, base, matching } = list;
  for (let i = 0; i < edited.length; i++) {
    const index = matching[i]!;
    if (index >= 0) visit(edited[i]!, base[index]!);
  }
}

const nameOf = (value: ValueInfo | string): string => (typeof value === 'string' ? value : value.name);

function definitions(body: MatchedBody, side: 'edited' | 'base'): Set<string> {
  const names = new Set<string>();
  for (const { outputs } of body.nodes[side]) for (const output of outputs) names.add(output);
  for (const input of body.inputs[side]) names.add(nameOf(input));
  for (const { name } of body.initializers?.[side] ?? []) names.add(name);
  for (const { values } of body.sparseInitializers?.[side] ?? []) names.add(values.name);
  return names;
}
