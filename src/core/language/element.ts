import { definingScope, isFunction, type Scope } from '../fusion/scope';
import { initializersOf } from '../onnx/initializers';
import type { Attribute, FunctionProto, Node, TextSpan } from '../onnx/model';
import { signatureSpans, nodeAt, type TextIndex } from './textIndex';
import { tokenAt, touches } from './tokens';

/** What stands at a place in the text. */
export type Element =
  /** A value's name; `scope` is the body in which it stands, `definedIn` the one that defines it. */
  | {
      readonly kind: 'value';
      readonly name: string;
      readonly span: TextSpan;
      readonly scope: Scope;
      readonly definedIn: Scope | undefined;
    }
  | { readonly kind: 'op'; readonly node: Node; readonly span: TextSpan; readonly scope: Scope }
  | { readonly kind: 'nodeName'; readonly node: Node; readonly span: TextSpan; readonly scope: Scope }
  | {
      readonly kind: 'attribute';
      readonly attribute: Attribute;
      readonly node: Node;
      readonly span: TextSpan;
      readonly scope: Scope;
    }
  | { readonly kind: 'function'; readonly function: FunctionProto; readonly span: TextSpan }
  /** `@name` in a function's body, or the attribute's declaration. */
  | {
      readonly kind: 'functionAttribute';
      readonly name: string;
      readonly function: FunctionProto;
      readonly span: TextSpan;
    };

/** What stands at `offset`, or ends there. */
export function elementAt(index: TextIndex, offset: number): Element | undefined {
  const scope = index.scopeAt(offset);
  if (!scope) return undefined;
  const node = nodeAt(scope, offset);
  return node ? inNode(index, scope, node, offset) : inSignature(index, scope, offset);
}

/** The function whose body holds the scope. */
export function functionAround(scope: Scope): FunctionProto | undefined {
  let at = scope;
  while (at.parent) at = at.parent;
  return isFunction(at.body) ? at.body : undefined;
}

/** The place of an attribute's name, where it starts. */
export function attributeNameSpan(text: string, attribute: Attribute): TextSpan | undefined {
  return attribute.span && tokenAt(text, attribute.span.start);
}

function inNode(index: TextIndex, scope: Scope, node: Node, offset: number): Element | undefined {
  const { spans } = node;
  if (!spans) return undefined;
  if (touches(spans.name, offset)) return { kind: 'nodeName', node, span: spans.name, scope };
  if (touches(spans.opType, offset)) return { kind: 'op', node, span: spans.opType, scope };
  if (touches(spans.domain, offset)) return { kind: 'op', node, span: spans.domain, scope };
  for (const side of ['outputs', 'inputs'] as const) {
    const at = spans[side].findIndex((span) => touches(span, offset));
    const name = node[side][at];
    if (name !== undefined && name !== '') return valueElement(scope, name, spans[side][at]!);
  }
  const attribute = node.attributes.find(({ span }) => touches(span, offset));
  if (!attribute) return undefined;
  const span = attributeNameSpan(index.text, attribute);
  if (touches(span, offset)) return { kind: 'attribute', attribute, node, span, scope };
  return reference(index.text, attribute, scope, offset);
}

function reference(text: string, attribute: Attribute, scope: Scope, offset: number): Element | undefined {
  const fn = functionAround(scope);
  if (attribute.value.type !== 'REFERENCE' || !attribute.span || !fn) return undefined;
  const start = text.lastIndexOf('@', attribute.span.end);
  const span = { start, end: attribute.span.end };
  if (!touches(span, offset)) return undefined;
  return { kind: 'functionAttribute', name: attribute.value.value, function: fn, span };
}

function inSignature(index: TextIndex, scope: Scope, offset: number): Element | undefined {
  const { body } = scope;
  for (const side of ['inputs', 'outputs'] as const) {
    const spans = signatureSpans(scope, side);
    const at = spans.findIndex((span) => touches(span, offset));
    const declared = body[side][at];
    const name = typeof declared === 'string' ? declared : declared?.name;
    if (name !== undefined) return valueElement(scope, name, spans[at]!);
  }
  const declared = body.valueInfos.find(({ nameSpan }) => touches(nameSpan, offset));
  if (declared) return valueElement(scope, declared.name, declared.nameSpan!);
  if (!isFunction(body)) {
    const tensor = initializersOf(body).find(({ nameSpan }) => touches(nameSpan, offset));
    return tensor && valueElement(scope, tensor.name, tensor.nameSpan!);
  }
  if (touches(body.nameSpan, offset)) return { kind: 'function', function: body, span: body.nameSpan };
  const place = attributeDeclarations(index, body).find(({ span }) => touches(span, offset));
  return place && { kind: 'functionAttribute', name: place.name, function: body, span: place.span };
}

/** The attributes that a function declares, by name and place. */
export function attributeDeclarations(
  index: TextIndex,
  fn: FunctionProto,
): readonly { readonly name: string; readonly span: TextSpan }[] {
  const plain = fn.attributes.map((name, i) => ({ name, span: fn.spans?.attributes[i] }));
  const withDefault = fn.attributeDefaults.map((attribute) => ({
    name: attribute.name,
    span: attributeNameSpan(index.text, attribute),
  }));
  return [...plain, ...withDefault].flatMap(({ name, span }) => (span ? [{ name, span }] : []));
}

function valueElement(scope: Scope, name: string, span: TextSpan): Element {
  return { kind: 'value', name, span, scope, definedIn: definingScope(scope, name) };
}
