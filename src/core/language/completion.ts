import { isDefaultDomain, isFunction, type Scope } from '../fusion/scope';
import { dataTypes } from '../onnx/dataTypes';
import { initializersOf } from '../onnx/initializers';
import type { Node, OpsetImport, TextSpan } from '../onnx/model';
import { isIdentifier, quoteIdentifier, quoteString } from '../text/quote';
import { contextAt, type Context, type OpName, type Slot } from './context';
import { functionAround } from './element';
import { signatureMarkdown } from './hover';
import { isStandardDomain, newestOpset, opNames, type OpSignature } from './ops';
import { builtInSignature, importsOf, opsetOf, signatureOfFunction } from './signatures';
import { attributeText, qualifiedName, signatureLine } from './signatureText';
import { lastIndexFrom, type TextIndex } from './textIndex';
import { declaredTypes, typeText } from './types';

export interface CompletionItem {
  readonly label: string;
  readonly kind: 'op' | 'function' | 'attribute' | 'value' | 'input' | 'initializer' | 'type' | 'constant' | 'key';
  readonly detail: string;
  readonly insertText: string;
  /** Items are shown in the order of these. */
  readonly sortText: string;
  /** In Markdown; worked out when it is shown. */
  readonly documentation?: (() => string) | undefined;
}

export interface Completion {
  readonly items: readonly CompletionItem[];
  /** What an item replaces. */
  readonly span: TextSpan;
  /** More items would match than are listed: ask again as more is typed. */
  readonly isIncomplete: boolean;
}

/** Values beyond this many are left out; those defined last come first. */
const MOST_VALUES = 500;

/** What may be written at `offset`. */
export function completionAt(index: TextIndex, offset: number): Completion | undefined {
  const context = contextAt(index, offset);
  if (!context) return undefined;
  const { span, slot, scope } = context;
  if (slot.kind === 'input') return scope && valueCompletion(index, scope, context, offset);
  return { items: itemsFor(index, scope, slot), span, isIncomplete: false };
}

function itemsFor(
  index: TextIndex,
  scope: Scope | undefined,
  slot: Exclude<Slot, { kind: 'input' }>,
): CompletionItem[] {
  switch (slot.kind) {
    case 'op':
      return scope ? opItems(index, scope, slot.domain) : [];
    case 'attribute':
      return scope ? attributeItems(index, scope, slot) : [];
    case 'attributeValue':
      return scope ? attributeValueItems(index, scope, slot) : [];
    case 'type':
      return typeItems();
    case 'headerKey':
      return HEADER_KEYS.filter((key) => !slot.given.includes(key)).map((key) =>
        item(key, 'key', '', { insertText: `${key}: ` }),
      );
  }
}

const HEADER_KEYS = [
  'ir_version',
  'opset_import',
  'producer_name',
  'producer_version',
  'domain',
  'model_version',
  'doc_string',
  'metadata_props',
];

function item(
  label: string,
  kind: CompletionItem['kind'],
  detail: string,
  more: Partial<Pick<CompletionItem, 'insertText' | 'sortText' | 'documentation'>> = {},
): CompletionItem {
  return { label, kind, detail, insertText: label, sortText: label, ...more };
}

function opItems(index: TextIndex, scope: Scope, domain: string): CompletionItem[] {
  const imports = importsOf(index.model, scope);
  const items: CompletionItem[] = [];
  const add = (signature: OpSignature, kind: 'op' | 'function', rank: number) => {
    const { name } = signature;
    const label = domain === '' ? qualifiedName(signature) : name;
    const bare = isIdentifier(name) ? name : quoteString(name);
    const insertText = domain === '' && !isDefaultDomain(signature.domain) ? `${signature.domain}.${bare}` : bare;
    const documentation = () => signatureMarkdown(signature);
    items.push(
      item(label, kind, signatureLine(signature).label, { insertText, sortText: `${rank}${label}`, documentation }),
    );
  };
  for (const fn of index.model.functions) {
    if (domain === '' || fn.domain === domain) add(signatureOfFunction(fn), 'function', 1);
  }
  const domains = domain === '' ? ['', ...imports.map((entry) => entry.domain)] : [domain];
  for (const each of new Set(domains.map((name) => (isDefaultDomain(name) ? '' : name)))) {
    if (!isStandardDomain(each)) continue;
    const opset = opsetOf(imports, each) ?? newestOpset(each);
    for (const name of opNames(each, opset)) {
      const signature = builtInSignature(imports, each, name);
      if (signature) add(signature, 'op', each === '' ? 0 : 2);
    }
  }
  return items;
}

/** The signature of the op named in a statement that may not parse yet. */
export function signatureNamed(index: TextIndex, scope: Scope, op: OpName): OpSignature | undefined {
  const fn = index.functionOf(op);
  if (fn) return signatureOfFunction(fn);
  const imports: readonly OpsetImport[] = importsOf(index.model, scope);
  return builtInSignature(imports, op.domain, op.opType);
}

function attributeItems(
  index: TextIndex,
  scope: Scope,
  { op, given }: Extract<Slot, { kind: 'attribute' }>,
): CompletionItem[] {
  const attributes = signatureNamed(index, scope, op)?.attributes ?? [];
  return attributes
    .filter(({ name }) => !given.includes(name))
    .map((fact) =>
      item(fact.name, 'attribute', attributeText(fact), {
        insertText: `${isIdentifier(fact.name) ? fact.name : quoteString(fact.name)} = `,
        sortText: `${fact.required ? 0 : 1}${fact.name}`,
      }),
    );
}

function attributeValueItems(
  index: TextIndex,
  scope: Scope,
  { op, attribute }: Extract<Slot, { kind: 'attributeValue' }>,
): CompletionItem[] {
  const items: CompletionItem[] = [];
  const fact = signatureNamed(index, scope, op)?.attributes.find(({ name }) => name === attribute);
  if (fact?.default !== undefined) {
    const text = JSON.stringify(fact.default);
    const isFloat = fact.type === 'FLOAT' && Number.isInteger(fact.default);
    items.push(item(isFloat ? `${text}.0` : text, 'constant', 'default', { sortText: '0' }));
  }
  const fn = functionAround(scope);
  if (fn) {
    const names = [...fn.attributes, ...fn.attributeDefaults.map(({ name }) => name)];
    for (const name of names) {
      items.push(
        item(`@${name}`, 'attribute', `of ${fn.name}`, { insertText: `@${quoteIdentifier(name)}`, sortText: '1' }),
      );
    }
  }
  return fact === undefined ||
    fact.type.startsWith('TENSOR') ||
    fact.type.startsWith('TYPE') ||
    fact.type === 'UNDEFINED'
    ? [...items, ...typeItems()]
    : items;
}

function typeItems(): CompletionItem[] {
  const elements = dataTypes().map(({ name, number }) =>
    item(name, 'type', 'element type', { sortText: String(number).padStart(2, '0') }),
  );
  const others = ['seq', 'map', 'optional', 'sparse_tensor', 'opaque'];
  return [...elements, ...others.map((name) => item(name, 'type', '', { insertText: `${name}(`, sortText: '99' }))];
}

function valueCompletion(index: TextIndex, scope: Scope, { span, statement }: Context, offset: number): Completion {
  const typed = index.text.slice(span.start, offset).replace(/^\$?"/, '').toLowerCase();
  const items: CompletionItem[] = [];
  const seen = new Set<string>();
  let isIncomplete = false;
  const add = (at: Scope, name: string, kind: CompletionItem['kind'], detail: string) => {
    if (name === '' || seen.has(name) || !matches(name.toLowerCase(), typed)) return;
    seen.add(name);
    if (items.length >= MOST_VALUES) {
      isIncomplete = true;
      return;
    }
    const type = declaredTypes(at).get(name);
    const sortText = String(items.length).padStart(5, '0');
    items.push(item(name, kind, type ? typeText(type) : detail, { insertText: quoteIdentifier(name), sortText }));
  };
  for (let at: Scope | undefined = scope, before = statement; at; at = at.parent) {
    for (const node of nodesBefore(at, before)) {
      for (const output of node.outputs) add(at, output, 'value', node.opType);
    }
    const { body } = at;
    for (const input of body.inputs) add(at, typeof input === 'string' ? input : input.name, 'input', 'input');
    if (!isFunction(body)) for (const { name } of initializersOf(body)) add(at, name, 'initializer', 'initializer');
    before = at.owner?.span?.start ?? before;
  }
  return { items, span, isIncomplete };
}

/** Whether the letters typed occur in the name in their order, as the editor filters. */
function matches(name: string, typed: string): boolean {
  let at = 0;
  for (const character of typed) {
    at = name.indexOf(character, at) + 1;
    if (at === 0) return false;
  }
  return true;
}

/** The nodes that end at `offset` or before, the last first. */
function* nodesBefore(scope: Scope, offset: number): Generator<Node> {
  const { nodes } = scope.body;
  for (let i = lastIndexFrom(scope, offset); i >= 0; i--) {
    const node = nodes[i]!;
    if ((node.span?.end ?? 0) <= offset) yield node;
  }
}
