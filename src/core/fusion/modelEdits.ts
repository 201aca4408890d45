import { initializersOf } from '../onnx/initializers';
import type { FunctionProto, Graph, Model, Node, OpsetImport, Tensor, TextSpan } from '../onnx/model';
import type { TextEdit } from '../text/edit';
import { FUSION_DOMAIN, FUSION_OPSET } from './fusedOps';
import { fixedInputs, indexScopes, isDefaultDomain, isFunction, type Body, type Scope } from './scope';
import { endOfSignature, headerValue, removeEntries, removeStatement } from './textParts';

/** The first IR version that has model-local functions. */
export const FUNCTIONS_IR_VERSION = 8;

const IMPORT = `"${FUSION_DOMAIN}": ${FUSION_OPSET}`;

/** Gathers edits of a model's text that don't overlap, each of a part of the model: a node, a declaration, a function. */
export class ModelEdits {
  readonly scopes: ReadonlyMap<Body, Scope>;
  private readonly edits: TextEdit[] = [];
  private readonly declarations = new Map<Body, Declarations>();
  private readonly addedFunctions: { readonly name: string; readonly text: string }[] = [];
  private readonly removedNodes = new Set<Node>();
  /** Inputs of the main graph that go. */
  private readonly removedInputs = new Set<string>();

  /** @param text what `model` was parsed from. */
  constructor(
    readonly text: string,
    readonly model: Model,
  ) {
    this.scopes = new Map(indexScopes(model).map((scope) => [scope.body, scope]));
  }

  slice({ span }: { readonly span?: TextSpan | undefined }): string {
    return this.text.slice(placed(span).start, placed(span).end);
  }

  replaceNode(node: Node, newText: string): void {
    this.edits.push({ span: placed(node.span), newText });
  }

  /** Removes a part of a statement. */
  remove(span: TextSpan): void {
    this.edits.push({ span, newText: '' });
  }

  /** Removes the node, whose outputs another one gives now. */
  removeStatement(node: Node): void {
    if (this.removedNodes.has(node)) return;
    this.removedNodes.add(node);
    this.edits.push(removeStatement(this.text, placed(node.span)));
  }

  /** Removes the node, and what its body declares of its outputs. */
  removeNode(scope: Scope, node: Node): void {
    if (this.removedNodes.has(node)) return;
    this.removeStatement(node);
    for (const name of node.outputs) this.removeDeclarations(scope.body, name);
  }

  /** Puts statements at the start of a body's nodes. */
  addFirst(body: Body, statements: readonly string[]): void {
    const at = placed(body.bodySpan).start + 1;
    const indent = this.indentAt(placed(body.bodySpan).start);
    const newText = statements.map((statement) => `\n${indent}  ${statement}`).join('');
    this.edits.push({ span: { start: at, end: at }, newText });
  }

  /** The indentation of the line that `offset` is on. */
  indentAt(offset: number): string {
    const line = this.text.lastIndexOf('\n', offset - 1) + 1;
    return /^[ \t]*/.exec(this.text.slice(line, offset))![0];
  }

  /** Removes the initializer or Constant called `name`, which nothing reads any more, unless a caller may set it. */
  removeUnused(scope: Scope, name: string): void {
    const value = scope.values.get(name)!;
    if (value.isSettable || value.isAmbiguous) return;
    const { producer } = value;
    if (producer) {
      const isConstant = producer.opType === 'Constant' && isDefaultDomain(producer.domain);
      if (isConstant && producer.outputs.length === 1) this.removeNode(scope, producer);
    } else {
      this.removeDeclarations(scope.body, name);
      if (value.isInput) this.removedInputs.add(name);
    }
  }

  /** Removes what a body's `<…>` list says of `name`: its type, and its data if it has any. */
  removeDeclarations(body: Body, name: string): void {
    const list = this.declarationsOf(body);
    for (const span of list.byName.get(name) ?? []) list.removed.add(span);
  }

  /** Adds `float[4] name = {…}` to a graph's `<…>` list. */
  addDeclaration(graph: Graph, declaration: string): void {
    this.declarationsOf(graph).added.push(declaration);
  }

  private declarationsOf(body: Body): Declarations {
    let list = this.declarations.get(body);
    if (!list) this.declarations.set(body, (list = declarations(this.text, body)));
    return list;
  }

  /** Adds a function of the fusion domain: in order of name among the domain's functions, else at the end. */
  addFunction(name: string, text: string): void {
    this.addedFunctions.push({ name, text });
  }

  /** Removes a function with the white space before it. */
  removeFunction(fn: FunctionProto): void {
    const { start, end } = placed(fn.span);
    this.edits.push({ span: { start: this.text.slice(0, start).trimEnd().length, end }, newText: '' });
  }

  /**
   * Lets the model's graph use the fusion domain and functions. Initializers
   * that had to be inputs as well are inputs no longer: callers could set them
   * from IR version 4 on, so that runtimes wouldn't take them as constants.
   */
  importDomain(): void {
    const { headerSpan, irVersion, opsetImports, graph } = this.model;
    if (!headerSpan) {
      const start = graph.span?.start ?? graph.nameSpan?.start ?? 0;
      const newText = `<\n  ir_version: ${FUNCTIONS_IR_VERSION},\n  opset_import: [${IMPORT}]\n>\n`;
      this.edits.push({ span: { start, end: start }, newText });
      return;
    }
    for (const { name } of fixedInputs(this.model)) this.endInput(name);
    if (irVersion < FUNCTIONS_IR_VERSION) {
      const value = headerValue(this.text, headerSpan, 'ir_version');
      if (value) this.edits.push({ span: value, newText: String(FUNCTIONS_IR_VERSION) });
      else this.insertEntry(headerSpan.start, `ir_version: ${FUNCTIONS_IR_VERSION}`);
    }
    if (!importsDomain(opsetImports)) this.addImport(opsetImports, headerSpan);
  }

  /** Leaves the input's initializer alone, moved out of the signature if it stands there. */
  private endInput(name: string): void {
    if (this.removedInputs.has(name)) return;
    this.removedInputs.add(name);
    const tensor = this.inSignature().get(name);
    if (tensor) this.addDeclaration(this.model.graph, this.slice(tensor));
  }

  /** Initializers that are written as inputs: `float[1] a = {2}`. */
  private inSignature(): ReadonlyMap<string, Tensor> {
    const { graph } = this.model;
    const end = endOfSignature(this.text, graph.span?.start ?? 0);
    return new Map(
      graph.initializers.flatMap((tensor) => (placed(tensor.span).end < end ? [[tensor.name, tensor]] : [])),
    );
  }

  private inputEdits(): TextEdit[] {
    if (this.removedInputs.size === 0) return [];
    const inside = this.inSignature();
    const inputs = this.model.graph.inputs.map(({ name, span }) => {
      const { start, end } = placed(span);
      return { name, span: { start, end: inside.get(name)?.span?.end ?? end } };
    });
    const removed = inputs.flatMap(({ name, span }) => (this.removedInputs.has(name) ? [span] : []));
    return removeEntries(
      this.text,
      inputs.map(({ span }) => span),
      new Set(removed),
    );
  }

  /** Lets a function use the fusion domain. */
  importDomainIn(fn: FunctionProto): void {
    if (importsDomain(fn.opsetImports) || !fn.span || !fn.nameSpan) return;
    this.addImport(fn.opsetImports, { start: fn.span.start, end: fn.nameSpan.start });
  }

  /** Takes the fusion domain's import away, unless it is the only one. */
  dropImport(imports: readonly OpsetImport[]): void {
    const spans = imports.flatMap(({ span }) => span ?? []);
    const ours = imports.flatMap(({ domain, span }) => (domain === FUSION_DOMAIN && span ? [span] : []));
    if (spans.length === imports.length && ours.length < spans.length) {
      this.edits.push(...removeEntries(this.text, spans, new Set(ours)));
    }
  }

  private addImport(imports: readonly OpsetImport[], header: TextSpan): void {
    const last = imports.at(-1)?.span?.end;
    const list = headerValue(this.text, header, 'opset_import');
    if (last !== undefined) this.edits.push({ span: { start: last, end: last }, newText: `, ${IMPORT}` });
    else if (list) this.edits.push({ span: list, newText: `[${IMPORT}]` });
    else this.insertEntry(header.start, `opset_import: [${IMPORT}]`);
  }

  /** Puts an entry first in the header that opens at `open`. */
  private insertEntry(open: number, entry: string): void {
    const isEmpty = /^<\s*>/.test(this.text.slice(open, open + 80));
    this.edits.push({ span: { start: open + 1, end: open + 1 }, newText: isEmpty ? entry : `${entry}, ` });
  }

  /** All edits gathered. */
  finish(): TextEdit[] {
    this.edits.push(...this.inputEdits());
    for (const [body, list] of this.declarations) this.edits.push(...this.declarationEdits(body, list));
    const { functions, graph } = this.model;
    const end = functions.at(-1)?.span?.end ?? graph.bodySpan?.end ?? this.text.length;
    for (const { name, text } of this.addedFunctions.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const next = functions.find((other) => other.domain === FUSION_DOMAIN && other.span && name < other.name)?.span;
      if (next) this.edits.push({ span: { start: next.start, end: next.start }, newText: `${text}\n\n` });
      else this.edits.push({ span: { start: end, end }, newText: `\n\n${text}` });
    }
    return this.edits;
  }

  private declarationEdits(body: Body, { all, removed, added }: Declarations): TextEdit[] {
    const removals = removed.size > 0 ? removeEntries(this.text, all, removed) : [];
    if (added.length === 0) return removals;
    const ordered = [...all].sort((a, b) => a.start - b.start);
    const last = ordered.findLast((span) => !removed.has(span));
    if (last) {
      const separator = `,\n${this.indentAt(ordered[0]!.start)}`;
      const newText = added.map((declaration) => separator + declaration).join('');
      return [{ span: { start: last.end, end: last.end }, newText }, ...removals];
    }
    if (ordered.length > 0) {
      const span = { start: ordered[0]!.start, end: ordered.at(-1)!.end };
      return [{ span, newText: added.join(`,\n${this.indentAt(span.start)}`) }];
    }
    const start = endOfSignature(this.text, body.span?.start ?? 0);
    const indent = this.indentAt(body.span?.start ?? 0);
    const newText = `\n${indent}<\n${indent}  ${added.join(`,\n${indent}  `)}\n${indent}>`;
    return [{ span: { start, end: start }, newText }];
  }
}

const importsDomain = (imports: readonly OpsetImport[]): boolean =>
  imports.some((entry) => entry.domain === FUSION_DOMAIN);

/** The model or function at the root of a scope. */
export function outermost(scope: Scope): Scope {
  let at = scope;
  while (at.parent) at = at.parent;
  return at;
}

/** What a body declares in its `<…>` list; types in the signature aren't among them. */
interface Declarations {
  readonly all: readonly TextSpan[];
  readonly byName: ReadonlyMap<string, readonly TextSpan[]>;
  readonly removed: Set<TextSpan>;
  readonly added: string[];
}

function declarations(text: string, body: Body): Declarations {
  const declared = isFunction(body) ? body.valueInfos : [...initializersOf(body), ...body.valueInfos];
  const start = endOfSignature(text, body.span?.start ?? 0);
  const all: TextSpan[] = [];
  const byName = new Map<string, TextSpan[]>();
  for (const { name, span } of declared) {
    if (!span || span.start < start) continue;
    all.push(span);
    const same = byName.get(name);
    if (same) same.push(span);
    else byName.set(name, [span]);
  }
  return { all, byName, removed: new Set(), added: [] };
}

function placed(span: TextSpan | undefined): TextSpan {
  if (!span) throw new RangeError('a part of the model has no place in the text');
  return span;
}
