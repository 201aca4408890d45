import { initializersOf } from '../onnx/initializers';
import type { Attribute, FunctionProto, Model, Node, TextSpan } from '../onnx/model';
import type { TextEdit } from '../text/edit';
import { formatFloat32 } from '../text/numbers';
import { printFunction, quoteIdentifier } from '../text/print';
import type { Finding, FusedActivation } from './finding';
import { FunctionNames, fusedFunction } from './fusedFunction';
import { FUSION_DOMAIN, FUSION_OPSET, LEGACY_HINT, fusedOp } from './fusedOps';
import { definingScope, indexScopes, isDefaultDomain, isFunction, usesOf, type Body, type Scope } from './scope';
import { endOfSignature, headerValue, removeEntries, removeStatement } from './textParts';

/** The first IR version that has model-local functions. */
const FUNCTIONS_IR_VERSION = 8;

/**
 * The edits that fuse `findings`; those that can't fuse are left out. Each
 * fused node takes the place of the last node it replaces, so that all it
 * reads is computed before. The convolution's bias is dropped, with its
 * initializer or Constant where nothing else reads it, and so are declarations
 * of values that vanish. Functions, the domain's import and the IR version are
 * added as far as the model lacks them. The edits don't overlap, and the
 * result doesn't depend on whether findings are fused at once or one by one.
 * @param text what `model` was parsed from.
 */
export function fuseEdits(text: string, model: Model, findings: readonly Finding[]): TextEdit[] {
  const fusable = findings.filter((finding) => finding.fusable);
  if (fusable.length === 0) return [];
  return new Rewrite(text, model).fuse(fusable);
}

class Rewrite {
  private readonly edits: TextEdit[] = [];
  private readonly scopes: ReadonlyMap<Body, Scope>;
  private readonly names: FunctionNames;
  private readonly added: FunctionProto[] = [];
  private readonly declarations = new Map<Body, Declarations>();

  constructor(
    private readonly text: string,
    private readonly model: Model,
  ) {
    this.scopes = new Map(indexScopes(model).map((scope) => [scope.body, scope]));
    this.names = new FunctionNames(model);
  }

  fuse(findings: readonly Finding[]): TextEdit[] {
    const functions = new Set<FunctionProto>();
    const dropped = new Map<Scope, Map<string, number>>();
    for (const finding of findings) {
      const scope = this.scopes.get(finding.scope);
      if (!scope) throw new RangeError(`the finding ${finding.id} belongs to another model`);
      this.replaceNodes(finding, scope);
      const holder = outermost(scope).body;
      if (isFunction(holder)) functions.add(holder);
      for (const name of droppedInputs(finding)) {
        const at = definingScope(scope, name);
        if (!at) continue;
        const counts = dropped.get(at) ?? new Map<string, number>();
        dropped.set(at, counts.set(name, (counts.get(name) ?? 0) + 1));
      }
    }
    for (const [scope, counts] of dropped) {
      for (const [name, count] of counts) if (usesOf(scope, name).length === count) this.removeUnused(scope, name);
    }
    for (const { all, removed } of this.declarations.values()) {
      if (removed.size > 0) this.edits.push(...removeEntries(this.text, all, removed));
    }
    this.addFunctions();
    this.editModelHeader();
    for (const fn of functions) this.editFunctionHeader(fn);
    return this.edits;
  }

  private replaceNodes(finding: Finding, scope: Scope): void {
    const last = finding.nodes.at(-1)!;
    for (const node of finding.nodes) {
      if (node === last) this.edits.push({ span: spanOf(node), newText: this.fusedNode(finding, scope) });
      else this.removeNode(scope, node);
    }
  }

  private removeNode(scope: Scope, node: Node): void {
    this.edits.push(removeStatement(this.text, spanOf(node)));
    for (const name of node.outputs) this.removeDeclarations(scope.body, name);
  }

  /** Remove what a body's `<…>` list says of `name`: its type, and its data if it has any. */
  private removeDeclarations(body: Body, name: string): void {
    const list = this.declarationsOf(body);
    for (const span of list.byName.get(name) ?? []) list.removed.add(span);
  }

  private declarationsOf(body: Body): Declarations {
    let list = this.declarations.get(body);
    if (!list) this.declarations.set(body, (list = declarations(this.text, body)));
    return list;
  }

  /** Remove the initializer or Constant called `name`, which nothing reads any more. */
  private removeUnused(scope: Scope, name: string): void {
    const value = scope.values.get(name)!;
    if (value.isInput || value.isAmbiguous) return;
    const { producer } = value;
    if (producer) {
      const isConstant = producer.opType === 'Constant' && isDefaultDomain(producer.domain);
      if (isConstant && producer.outputs.length === 1) this.removeNode(scope, producer);
    } else {
      this.removeDeclarations(scope.body, name);
    }
  }

  /** The fused node's text. Attributes are written as they were. */
  private fusedNode(finding: Finding, scope: Scope): string {
    const { convolution, normalization, pad, residual, fusedActivation } = finding;
    const last = finding.nodes.at(-1)!;
    const activation = fusedActivation?.node;
    const named = [convolution, normalization, ...(activation ? [activation] : [])];
    const op = this.functionFor(finding.fusedOp, scope.opset!);
    const name = named.find((node) => node.name !== '')?.name;
    const attributes = [
      ...this.convolutionAttributes(finding),
      ...this.attributesOf(normalization),
      ...(fusedActivation ? this.activationAttributes(fusedActivation) : []),
    ];
    const [x, w] = convolution.inputs;
    const values = [pad?.node.inputs[0] ?? x, w, ...normalization.inputs.slice(1, 3), residual?.value];
    const inputs = values.filter((value) => value !== undefined).map(quoteIdentifier);
    const label = name === undefined ? '' : `[${quoteIdentifier(name)}] `;
    const list = attributes.length > 0 ? ` <${attributes.join(', ')}>` : '';
    return `${label}${quoteIdentifier(last.outputs[0]!)} = ${FUSION_DOMAIN}.${op}${list} (${inputs.join(', ')})`;
  }

  private attributesOf(node: Node): string[] {
    return node.attributes.filter(({ name }) => name !== LEGACY_HINT).map((attribute) => this.slice(attribute));
  }

  /** The convolution's attributes, with the border that a Pad adds. */
  private convolutionAttributes({ convolution, pad }: Finding): string[] {
    if (!pad) return this.attributesOf(convolution);
    const kept = convolution.attributes.filter(({ name }) => name !== 'auto_pad' && name !== 'pads');
    const pads = `pads = [${pad.pads.join(', ')}]`;
    return [...this.attributesOf({ ...convolution, attributes: kept }), pads];
  }

  private activationAttributes({ node, type, alpha }: FusedActivation): string[] {
    if (alpha !== undefined) return [`alpha = ${formatFloat32(Math.fround(alpha))}`];
    return node.opType === type ? this.attributesOf(node) : [];
  }

  private slice(attribute: Attribute): string {
    if (!attribute.span) throw new RangeError(`attribute ${attribute.name} has no place in the text`);
    return this.text.slice(attribute.span.start, attribute.span.end);
  }

  private functionFor(opName: string, opset: number): string {
    const op = fusedOp(opName);
    if (!op) throw new RangeError(`${opName} isn't a fused op`);
    const chosen = this.names.choose(op, opset);
    if (chosen.isNew) {
      const fn = fusedFunction(op, chosen.name, chosen.opset);
      this.names.add(fn);
      this.added.push(fn);
    }
    return chosen.name;
  }

  /** New functions go in order of name among the domain's functions, else at the end. */
  private addFunctions(): void {
    const { functions, graph } = this.model;
    const end = functions.at(-1)?.span?.end ?? graph.bodySpan?.end ?? this.text.length;
    const byName = (a: FunctionProto, b: FunctionProto): number => (a.name < b.name ? -1 : 1);
    for (const fn of [...this.added].sort(byName)) {
      const next = functions.find(
        (other) => other.domain === FUSION_DOMAIN && other.span && fn.name < other.name,
      )?.span;
      const text = printFunction(fn);
      if (next) this.edits.push({ span: { start: next.start, end: next.start }, newText: `${text}\n\n` });
      else this.edits.push({ span: { start: end, end }, newText: `\n\n${text}` });
    }
  }

  private editModelHeader(): void {
    const { headerSpan, irVersion, opsetImports, graph } = this.model;
    const needsImport = !opsetImports.some((entry) => entry.domain === FUSION_DOMAIN);
    if (!headerSpan) {
      const start = graph.span?.start ?? graph.nameSpan?.start ?? 0;
      const newText = `<\n  ir_version: ${FUNCTIONS_IR_VERSION},\n  opset_import: [${IMPORT}]\n>\n`;
      this.edits.push({ span: { start, end: start }, newText });
      return;
    }
    if (irVersion < FUNCTIONS_IR_VERSION) {
      const value = headerValue(this.text, headerSpan, 'ir_version');
      if (value) this.edits.push({ span: value, newText: String(FUNCTIONS_IR_VERSION) });
      else this.insertEntry(headerSpan.start, `ir_version: ${FUNCTIONS_IR_VERSION}`);
    }
    if (needsImport) this.addImport(opsetImports, headerSpan);
  }

  private editFunctionHeader(fn: FunctionProto): void {
    if (fn.opsetImports.some((entry) => entry.domain === FUSION_DOMAIN) || !fn.span || !fn.nameSpan) return;
    this.addImport(fn.opsetImports, { start: fn.span.start, end: fn.nameSpan.start });
  }

  private addImport(imports: Model['opsetImports'], header: TextSpan): void {
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
}

const IMPORT = `"${FUSION_DOMAIN}": ${FUSION_OPSET}`;

/**
 * What the replaced nodes read and the fused one doesn't, once for each use:
 * the convolution's bias, amounts of padding, slopes and bounds, and inputs
 * beyond the first of links.
 */
function droppedInputs({ convolution, normalization, pad, residual, nodes }: Finding): string[] {
  const kept = new Set([pad?.node.inputs[0], ...convolution.inputs.slice(0, 2), ...normalization.inputs.slice(0, 3)]);
  kept.add(residual?.value);
  const inside = new Set(nodes.flatMap((node) => node.outputs));
  return nodes.flatMap((node) => node.inputs.filter((name) => name !== '' && !kept.has(name) && !inside.has(name)));
}

/** What a body declares in its `<…>` list; types in the signature aren't among them. */
export interface Declarations {
  readonly all: readonly TextSpan[];
  readonly byName: ReadonlyMap<string, readonly TextSpan[]>;
  /** Those to remove. */
  readonly removed: Set<TextSpan>;
}

export function declarations(text: string, body: Body): Declarations {
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
  return { all, byName, removed: new Set() };
}

function outermost(scope: Scope): Scope {
  let at = scope;
  while (at.parent) at = at.parent;
  return at;
}

function spanOf(node: Node): TextSpan {
  if (!node.span) throw new RangeError(`${node.opType} ${node.name} has no place in the text`);
  return node.span;
}
