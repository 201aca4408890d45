import { isFunction, type Scope } from '../fusion/scope';
import type { FunctionProto, TextSpan } from '../onnx/model';
import type { TextEdit } from '../text/edit';
import { isIdentifier, quoteIdentifier, quoteString } from '../text/quote';
import { elementAt, type Element } from './element';
import { functionPlaces } from './navigate';
import { findOp, newestOpset } from './ops';
import type { TextIndex } from './textIndex';

/** Why something can't be renamed, in words for the person who asked. */
export class RenameError extends Error {}

type Renamable =
  | (Extract<Element, { kind: 'value' }> & { readonly definedIn: Scope })
  | Extract<Element, { kind: 'nodeName' }>
  | { readonly kind: 'function'; readonly function: FunctionProto; readonly span: TextSpan };

/**
 * The name at `offset` that can be changed: its place and what it says, without quotes.
 * @throws RenameError where there is none.
 */
export function renamableAt(index: TextIndex, offset: number): { readonly span: TextSpan; readonly name: string } {
  const target = targetAt(index, offset);
  return { span: target.span, name: nameOf(target) };
}

/**
 * The edits that give the value, node or function at `offset` a new name
 * everywhere, quoted where the grammar needs it.
 * @throws RenameError when there is nothing to rename, or the name is empty or taken.
 */
export function renameEdits(index: TextIndex, offset: number, newName: string): readonly TextEdit[] {
  const target = targetAt(index, offset);
  if (newName === '') throw new RenameError("A name can't be empty.");
  if (newName === nameOf(target)) return [];
  switch (target.kind) {
    case 'value':
      return renameValue(index, target.definedIn, target.name, newName);
    case 'nodeName': {
      const other = target.scope.body.nodes.some((node) => node.name === newName);
      if (other) throw new RenameError(`Another node is called ${quoted(newName)} already.`);
      return [{ span: target.span, newText: quoteIdentifier(newName) }];
    }
    case 'function':
      return renameFunction(index, target.function, newName);
  }
}

const quoted = (name: string): string => `"${name}"`;

function nameOf(target: Renamable): string {
  if (target.kind === 'value') return target.name;
  return target.kind === 'nodeName' ? target.node.name : target.function.name;
}

function targetAt(index: TextIndex, offset: number): Renamable {
  const element = elementAt(index, offset);
  switch (element?.kind) {
    case 'value':
      if (element.definedIn) return { ...element, definedIn: element.definedIn };
      throw new RenameError(`Nothing defines ${quoted(element.name)}.`);
    case 'nodeName':
    case 'function':
      return element;
    case 'op': {
      const fn = index.functionOf(element.node);
      if (fn && element.span === element.node.spans?.opType) {
        return { kind: 'function', function: fn, span: element.span };
      }
      throw new RenameError(`${element.node.opType} isn't a function of this model.`);
    }
    case 'attribute':
    case 'functionAttribute':
    case undefined:
      throw new RenameError('Only values, nodes and functions can be renamed.');
  }
}

function renameValue(index: TextIndex, scope: Scope, name: string, newName: string): TextEdit[] {
  const related = [...index.scopes].filter((other) => isAround(scope, other) || isAround(other, scope));
  for (const other of related) {
    if (other.values.has(newName))
      throw new RenameError(`The name ${quoted(newName)} is taken${whereOf(other, scope)}.`);
    if (mentions(other, newName)) {
      throw new RenameError(`The name ${quoted(newName)} is used already, though nothing defines it.`);
    }
  }
  const newText = quoteIdentifier(newName);
  return index.occurrences(scope, name).map(({ span }) => ({ span, newText }));
}

function whereOf(other: Scope, scope: Scope): string {
  if (other === scope) return '';
  return isAround(other, scope) ? ' in the graph around it' : ' in a graph inside';
}

/** Whether `outer` is `inner` or around it. */
function isAround(outer: Scope, inner: Scope): boolean {
  for (let at: Scope | undefined = inner; at; at = at.parent) if (at === outer) return true;
  return false;
}

function mentions({ body }: Scope, name: string): boolean {
  const outputs = isFunction(body) ? body.outputs.includes(name) : body.outputs.some((output) => output.name === name);
  return (
    outputs ||
    body.nodes.some((node) => node.inputs.includes(name)) ||
    body.valueInfos.some((value) => value.name === name)
  );
}

function renameFunction(index: TextIndex, fn: FunctionProto, newName: string): TextEdit[] {
  const { domain, overload } = fn;
  const taken = index.model.functions.some(
    (other) => other.name === newName && other.domain === domain && other.overload === overload,
  );
  if (taken) throw new RenameError(`The model has a function ${quoted(newName)} already.`);
  if (findOp(domain, newName, newestOpset(domain))) {
    throw new RenameError(`${newName} is an op of the ONNX standard.`);
  }
  const captured = index.scopes.some(({ body }) =>
    body.nodes.some((node) => node.opType === newName && node.domain === domain && node.overload === overload),
  );
  if (captured) throw new RenameError(`Nodes call an op ${quoted(newName)} of that domain already.`);
  return functionPlaces(index, fn).map(({ span, isWrite }) => ({
    span,
    newText: isWrite ? quoteIdentifier(newName) : isIdentifier(newName) ? newName : quoteString(newName),
  }));
}
