import { isFunction, type Scope } from '../fusion/scope';
import { initializersOf } from '../onnx/initializers';
import type { Attribute, Node, TextSpan } from '../onnx/model';
import { attributeNameSpan } from './element';
import { lastIndexFrom, signatureSpans, type TextIndex } from './textIndex';

/** Token types and modifiers, all of VS Code's own. */
export const TOKEN_TYPES = ['namespace', 'function', 'variable', 'parameter', 'property', 'label'] as const;
export const TOKEN_MODIFIERS = ['declaration', 'readonly', 'defaultLibrary'] as const;

export interface SemanticToken {
  readonly span: TextSpan;
  readonly type: (typeof TOKEN_TYPES)[number];
  readonly modifiers: readonly (typeof TOKEN_MODIFIERS)[number][];
}

/** What the names in a range of the text stand for, in order. Strings over several lines are left out. */
export function semanticTokens(index: TextIndex, range: TextSpan): readonly SemanticToken[] {
  const tokens: SemanticToken[] = [];
  const add: Add = (span, type, ...modifiers) => {
    if (!span || span.end <= range.start || span.start >= range.end || span.end <= span.start) return;
    if (index.text.slice(span.start, span.end).includes('\n')) return;
    tokens.push({ span, type, modifiers });
  };
  for (const scope of index.scopes) {
    const { span } = scope.body;
    if (scope.parent || !span || span.end < range.start || span.start > range.end) continue;
    addBody(index, scope, range, add);
  }
  return tokens.sort((a, b) => a.span.start - b.span.start);
}

type Add = (
  span: TextSpan | undefined,
  type: SemanticToken['type'],
  ...modifiers: readonly SemanticToken['modifiers'][number][]
) => void;

function addBody(index: TextIndex, scope: Scope, range: TextSpan, add: Add): void {
  const { body } = scope;
  add(body.nameSpan, isFunction(body) ? 'function' : 'namespace', 'declaration');
  if ((body.bodySpan?.start ?? Infinity) >= range.start) {
    for (const span of signatureSpans(scope, 'inputs')) add(span, 'parameter', 'declaration');
    for (const span of signatureSpans(scope, 'outputs')) add(span, 'variable');
    for (const { nameSpan } of body.valueInfos) add(nameSpan, 'variable');
    if (isFunction(body)) {
      for (const span of body.spans?.attributes ?? []) add(span, 'property', 'declaration');
      for (const attribute of body.attributeDefaults)
        add(attributeNameSpan(index.text, attribute), 'property', 'declaration');
    } else {
      const inputs = new Set(body.inputs.map(({ nameSpan }) => nameSpan?.start));
      for (const { nameSpan } of initializersOf(body)) {
        if (!inputs.has(nameSpan?.start)) add(nameSpan, 'variable', 'declaration', 'readonly');
      }
    }
  }
  const { nodes } = body;
  for (let i = Math.max(0, lastIndexFrom(scope, range.start)); i < nodes.length; i++) {
    const node = nodes[i]!;
    if ((node.span?.start ?? 0) >= range.end) break;
    addNode(index, scope, node, range, add);
  }
}

function addNode(index: TextIndex, scope: Scope, node: Node, range: TextSpan, add: Add): void {
  const { spans } = node;
  if (!spans) return;
  add(spans.name, 'label');
  for (const span of spans.outputs) add(span, 'variable', 'declaration');
  add(spans.domain, 'namespace');
  if (index.functionOf(node)) add(spans.opType, 'function');
  else add(spans.opType, 'function', 'defaultLibrary');
  spans.inputs.forEach((span, i) => addInput(scope, node.inputs[i]!, span, add));
  for (const attribute of node.attributes) addAttribute(index, attribute, add);
  for (const child of scope.children.get(node) ?? []) addBody(index, child, range, add);
}

function addInput(scope: Scope, name: string, span: TextSpan, add: Add): void {
  for (let at: Scope | undefined = scope; at; at = at.parent) {
    const value = at.values.get(name);
    if (!value) continue;
    if (value.producer) add(span, 'variable');
    else if (value.isInput) add(span, 'parameter');
    else add(span, 'variable', 'readonly');
    return;
  }
  add(span, 'variable');
}

function addAttribute(index: TextIndex, attribute: Attribute, add: Add): void {
  add(attributeNameSpan(index.text, attribute), 'property');
}
