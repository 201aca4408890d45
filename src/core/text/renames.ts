import { forEachMatch, nameOf, type MatchedBody } from './matchedBody';
import { Uses } from './uses';

/**
 * Which values of a graph or function the text renames. What a matched element
 * defines has a new name where it has another one at the same place. Where the
 * old name is still defined in this scope, or the new one was before, that has
 * to be because of renames too (`a` and `b` change names; or `a` becomes `b`,
 * and `b` becomes `c`), and what reads the value has to read it by the new name.
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
  return candidates.length === 0 ? new Map() : chosenRenames(candidates, body, definedInBase());
}

function chosenRenames(
  candidates: readonly (readonly [string, string])[],
  body: MatchedBody,
  definedInBase: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const defined = definitions(body, 'edited');
  const renamed = new Map<string, string>();
  const origins = new Map<string, string>();
  let uses: Uses | undefined;
  for (const [before, after] of candidates) {
    if (renamed.has(before) || origins.has(after)) continue;
    const isContested = defined.has(before) || definedInBase.has(after);
    if (isContested && !(uses ??= new Uses(body)).follow(before, after)) continue;
    renamed.set(before, after);
    origins.set(after, before);
  }
  // A rename that needs another one, which isn't there, is none; so is then one that needs it.
  const rejected = [...renamed.keys()];
  for (let before = rejected.pop(); before !== undefined; before = rejected.pop()) {
    const after = renamed.get(before);
    if (after === undefined) continue;
    const isFree = !definedInBase.has(after) || renamed.has(after);
    const isLeft = !defined.has(before) || origins.has(before);
    if (isFree && isLeft) continue;
    renamed.delete(before);
    origins.delete(after);
    rejected.push(after);
    const needed = origins.get(before);
    if (needed !== undefined) rejected.push(needed);
  }
  return renamed;
}

function definitions(body: MatchedBody, side: 'edited' | 'base'): Set<string> {
  const names = new Set<string>();
  for (const { outputs } of body.nodes[side]) for (const output of outputs) names.add(output);
  for (const input of body.inputs[side]) names.add(nameOf(input));
  for (const { name } of body.initializers?.[side] ?? []) names.add(name);
  for (const { values } of body.sparseInitializers?.[side] ?? []) names.add(values.name);
  return names;
}
