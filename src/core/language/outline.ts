import { isFunction, type Scope } from '../fusion/scope';
import { initializersOf } from '../onnx/initializers';
import type { Node, TextSpan, ValueInfo } from '../onnx/model';
import type { TextIndex } from './textIndex';
import { tensorType, typeText } from './types';

export type SymbolKind = 'graph' | 'function' | 'input' | 'output' | 'initializer' | 'node';

/** An entry of the outline. */
export interface OutlineSymbol {
  readonly kind: SymbolKind;
  readonly name: string;
  readonly detail: string;
  readonly span: TextSpan;
  /** The part that is shown when the entry is chosen; within `span`. */
  readonly nameSpan: TextSpan;
  readonly children: readonly OutlineSymbol[];
}

/** The graph and the functions, with their inputs, outputs, initializers, nodes, and the nodes' subgraphs. */
export function outlineOf(index: TextIndex): readonly OutlineSymbol[] {
  return index.scopes.filter((scope) => !scope.parent).flatMap((scope) => bodySymbol(scope) ?? []);
}

function bodySymbol(scope: Scope): OutlineSymbol | undefined {
  const { body, ownerAttribute } = scope;
  const { span, nameSpan } = body;
  if (!span) return undefined;
  const declared = isFunction(body)
    ? [...names('input', body.inputs, body.spans?.inputs), ...names('output', body.outputs, body.spans?.outputs)]
    : [
        ...body.inputs.flatMap((value) => valueSymbol('input', value) ?? []),
        ...body.outputs.flatMap((value) => valueSymbol('output', value) ?? []),
        ...initializersOf(body).flatMap((tensor) => {
          const at = tensor.nameSpan;
          return tensor.span && at
            ? [leaf('initializer', tensor.name, typeText(tensorType(tensor)), covering(tensor.span, at), at)]
            : [];
        }),
      ];
  return {
    kind: isFunction(body) ? 'function' : 'graph',
    name: ownerAttribute === undefined ? body.name || '(graph)' : ownerAttribute,
    detail: isFunction(body) ? body.domain : ownerAttribute === undefined ? '' : body.name,
    span,
    nameSpan: nameSpan ?? { start: span.start, end: span.start },
    children: [...declared, ...body.nodes.flatMap((node) => nodeSymbol(scope, node) ?? [])],
  };
}

function nodeSymbol(scope: Scope, node: Node): OutlineSymbol | undefined {
  const { span, spans } = node;
  if (!span || !spans) return undefined;
  const { name, outputs, opType } = node;
  const label = name || (outputs.find((output) => output !== '') ?? '');
  return {
    kind: 'node',
    name: label || opType || '(node)',
    detail: label === '' ? '' : opType,
    span,
    nameSpan: spans.name ?? spans.opType,
    children: (scope.children.get(node) ?? []).flatMap((child) => bodySymbol(child) ?? []),
  };
}

function valueSymbol(kind: SymbolKind, { name, type, span, nameSpan }: ValueInfo): OutlineSymbol | undefined {
  return span && nameSpan && leaf(kind, name, type ? typeText(type) : '', span, nameSpan);
}

function names(kind: SymbolKind, list: readonly string[], spans: readonly TextSpan[] = []): OutlineSymbol[] {
  return list.flatMap((name, i) => (spans[i] ? [leaf(kind, name, '', spans[i], spans[i])] : []));
}

function leaf(kind: SymbolKind, name: string, detail: string, span: TextSpan, nameSpan: TextSpan): OutlineSymbol {
  return { kind, name: name || '""', detail, span, nameSpan, children: [] };
}

const covering = (a: TextSpan, b: TextSpan): TextSpan => ({
  start: Math.min(a.start, b.start),
  end: Math.max(a.end, b.end),
});
