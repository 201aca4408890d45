import { isDefaultDomain } from '../fusion/scope';
import type { FunctionProto, Node, TextSpan } from '../onnx/model';
import { attributeDeclarations, elementAt, type Element } from './element';
import type { TextIndex } from './textIndex';

export interface Highlight {
  readonly span: TextSpan;
  readonly isWrite: boolean;
}

/** Where what stands at `offset` is defined: a value, a function of the model, or a function's attribute. */
export function definitionAt(index: TextIndex, offset: number): TextSpan | undefined {
  const element = elementAt(index, offset);
  switch (element?.kind) {
    case 'value':
      return element.definedIn && index.definitionSpan(element.definedIn, element.name);
    case 'op':
      return index.functionOf(element.node)?.nameSpan;
    case 'function':
      return element.span;
    case 'functionAttribute':
      return attributeDeclarations(index, element.function).find(({ name }) => name === element.name)?.span;
    case 'nodeName':
    case 'attribute':
    case undefined:
      return undefined;
  }
}

/** The places that name the same thing as the one at `offset`, in order; its definition among them, if asked for. */
export function referencesAt(index: TextIndex, offset: number, withDefinition: boolean): readonly TextSpan[] {
  return highlightsAt(index, offset).flatMap(({ span, isWrite }) => (withDefinition || !isWrite ? [span] : []));
}

/** The places that name the same thing as the one at `offset`; writing ones are definitions. */
export function highlightsAt(index: TextIndex, offset: number): readonly Highlight[] {
  const element = elementAt(index, offset);
  switch (element?.kind) {
    case 'value':
      return valueHighlights(index, element);
    case 'op': {
      const fn = index.functionOf(element.node);
      return fn ? functionPlaces(index, fn) : opPlaces(index, element.node);
    }
    case 'function':
      return functionPlaces(index, element.function);
    case 'nodeName':
    case 'functionAttribute':
      return [{ span: element.span, isWrite: element.kind === 'nodeName' }];
    case 'attribute':
    case undefined:
      return [];
  }
}

function valueHighlights(index: TextIndex, element: Extract<Element, { kind: 'value' }>): Highlight[] {
  const { definedIn, name, span } = element;
  if (!definedIn) return [{ span, isWrite: false }];
  return index.occurrences(definedIn, name).map(({ span: at, role }) => ({ span: at, isWrite: role === 'definition' }));
}

/** A function's name where it is defined and called. */
export function functionPlaces(index: TextIndex, fn: FunctionProto): Highlight[] {
  const calls = nodesThat(index, (node) => index.functionOf(node) === fn);
  const places = calls.flatMap((node) => (node.spans ? [{ span: node.spans.opType, isWrite: false }] : []));
  if (fn.nameSpan) places.push({ span: fn.nameSpan, isWrite: true });
  return places.sort((a, b) => a.span.start - b.span.start);
}

function opPlaces(index: TextIndex, op: Node): Highlight[] {
  const same = (domain: string) => domain === op.domain || (isDefaultDomain(domain) && isDefaultDomain(op.domain));
  return nodesThat(index, (node) => node.opType === op.opType && same(node.domain)).flatMap((node) =>
    node.spans ? [{ span: node.spans.opType, isWrite: false }] : [],
  );
}

function nodesThat(index: TextIndex, test: (node: Node) => boolean): readonly Node[] {
  return index.scopes.flatMap(({ body }) => body.nodes.filter(test));
}
