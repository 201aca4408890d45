import type { Attribute, FunctionProto, Model, Node, Tensor, TextSpan } from '../onnx/model';
import { applyEdits, type TextEdit } from '../text/edit';
import { parseModel } from '../text/parse';
import { printNode } from '../text/print';
import { Printer } from '../text/printer';
import { printInitializer } from '../text/printValue';
import { findFusions } from './find';
import type { FusedNode } from './finding';
import { fusedForm, type FusedForm } from './fusedForm';
import { fusedFunction } from './fusedFunction';
import { FUSION_DOMAIN } from './fusedOps';
import { ModelEdits, outermost } from './modelEdits';
import { isOriginal, originalName, readOriginal, type KeptConstant, type Original } from './original';
import { isStandard } from './trace';
import { definingScope, isDefaultDomain, isFunction, producerOf, usesOf, type Scope } from './scope';
import { uniqueName } from './uniqueName';

/**
 * The edits that turn fused nodes back into the nodes they stand for.
 *
 * Fusing keeps what a node replaced in a function that isn't called (see
 * original.ts), so that fusing and unfusing gives the original graph: its
 * nodes with their names and attributes, the convolution's bias, constants
 * and names of intermediate values. That is used only where fusing its nodes
 * again gives just the fused node as it is now; where there is none, or the
 * node was edited since, the op's own body is written out, which computes the
 * same: a convolution without bias and new names in between.
 *
 * Declared types of intermediate values, what the text doesn't show of the
 * replaced nodes (doc strings, metadata), the order of initializers, the IR
 * version before and inputs that it asked for don't come back.
 * Functions and imports of the fusion domain go with the last node that needs
 * them.
 * @param text what `model` was parsed from.
 * @param fusedNodes of `model`, as `findFused` gives them.
 */
export function unfuseEdits(text: string, model: Model, fusedNodes: readonly FusedNode[]): TextEdit[] {
  if (fusedNodes.length === 0) return [];
  const first = new Unfusing(text, model, new Set(fusedNodes));
  if (first.restored.size === 0) return first.edits;
  const { model: result, errors } = parseModel(applyEdits(text, first.edits));
  const forms = new Map<string, ExpectedForm[]>();
  for (const finding of errors.length > 0 ? [] : findFusions(result)) {
    if (!finding.fusable) continue;
    const form = fusedForm(finding);
    const { scale, bias } = finding.form;
    const made = [scale, bias].flatMap(({ kind }, index) => (kind === 'vector' ? [] : [form.inputs[index + 2]!]));
    const view = finding.form.view;
    forms.set(form.output, [...(forms.get(form.output) ?? []), { form, made, view }]);
  }
  const again = [...first.restored].flatMap(([fused, { output, view }]) => {
    const expected = forms.get(output) ?? [];
    return expected.some((form) => isForm(fused, form) && viewKey(view) === viewKey(form.view)) ? [] : [fused];
  });
  return again.length === 0 ? first.edits : new Unfusing(text, model, new Set(fusedNodes), new Set(again)).edits;
}

interface ExpectedForm {
  readonly form: FusedForm;
  /** Inputs that fusing makes, which are numbered where their names are taken. */
  readonly made: readonly string[];
  readonly view: Node | undefined;
}

/** What a node for which the original was written gave. */
interface Restored {
  readonly output: string;
  /** The node that gave the result its layout, and goes with the fused node. */
  readonly view: Node | undefined;
}

/** Is the node what fusing gives? */
function isForm({ node, op }: FusedNode, { form, made }: ExpectedForm): boolean {
  const inputs = node.inputs.map((name, index) => {
    const expected = form.inputs[index] ?? '';
    const isNumbered = made.includes(expected) && name.startsWith(`${expected}_`);
    return isNumbered && /^\d+$/.test(name.slice(expected.length + 1)) ? expected : name;
  });
  return formKey(op.name, inputs, node.attributes) === formKey(form.op, form.inputs, form.attributes);
}

/** Equal for nodes that give a result the same layout. */
const viewKey = (view: Node | undefined): string =>
  view ? formKey(view.opType, view.inputs.slice(1), view.attributes) : '';

/** Equal for fused nodes that compute the same of the same values. */
function formKey(op: string, inputs: readonly string[], attributes: readonly Attribute[]): string {
  const node = { name: '', domain: '', opType: op, overload: '', inputs, outputs: [] };
  const sorted = [...attributes].sort((a, b) => (a.name < b.name ? -1 : 1));
  return printNode({ ...node, attributes: sorted });
}

class Unfusing {
  readonly edits: TextEdit[];
  /** Nodes for which the original was written, not the op's body. */
  readonly restored = new Map<FusedNode, Restored>();
  private readonly change: ModelEdits;
  private readonly originals: readonly Original[];
  private readonly definedIn = new Map<string, Scope[]>();
  /** Names given to constants, so that what several nodes shared is shared again. */
  private readonly restoredConstants = new Map<Scope, Map<string, string>>();
  /** Statements to put first in a body. */
  private readonly leading = new Map<Scope, string[]>();
  private readonly removedFunctions = new Set<FunctionProto>();

  constructor(
    text: string,
    model: Model,
    private readonly fusedNodes: ReadonlySet<FusedNode>,
    withoutOriginal: ReadonlySet<FusedNode> = new Set(),
  ) {
    this.change = new ModelEdits(text, model);
    this.originals = model.functions.filter(isOriginal).flatMap((fn) => readOriginal(fn) ?? []);
    for (const scope of this.change.scopes.values()) for (const name of scope.values.keys()) this.define(scope, name);
    for (const fused of fusedNodes) this.replace(fused, withoutOriginal.has(fused));
    for (const [scope, statements] of this.leading) this.change.addFirst(scope.body, statements);
    this.removeUncalled();
    this.edits = this.change.finish();
  }

  private replace(fused: FusedNode, withoutOriginal: boolean): void {
    const { node } = fused;
    const scope = this.change.scopes.get(fused.scope);
    if (!scope || !node.span) throw new RangeError(`the fused node ${fused.id} belongs to another model`);
    const original = this.originalOf(scope, node);
    let statements: string[] | undefined;
    if (original) {
      this.removeFunction(original.function);
      if (!withoutOriginal) statements = this.restore(scope, node, original);
    }
    if (statements && original) {
      const view = viewOf(scope, node, original);
      this.restored.set(fused, { output: view?.outputs[0] ?? node.outputs[0]!, view });
      this.removeUnread(scope, node, original);
      if (view) this.change.removeStatement(view);
    }
    statements ??= this.writtenOut(scope, fused);
    this.change.replaceNode(node, statements.join(`\n${this.change.indentAt(node.span.start)}`));
  }

  /** What the node replaced, going by the name of its output. */
  private originalOf(scope: Scope, node: Node): Original | undefined {
    const [output = ''] = node.outputs;
    const name = originalName(scope, output);
    const named = this.originals
      .filter(
        ({ function: fn }) => (fn.name === name || fn.name.startsWith(`${name}#`)) && !this.removedFunctions.has(fn),
      )
      .filter((original) => original.output === output || viewOf(scope, node, original) !== undefined);
    const sameInputs = named.find(({ inputs }) => node.inputs.every((input, index) => input === inputs[index]));
    return sameInputs ?? named[0];
  }

  /** The original's statements with the values that the fused node reads now; `undefined` where one isn't there any more. */
  private restore(scope: Scope, node: Node, original: Original): string[] | undefined {
    const names = new Map<string, string>([
      [original.output, viewOf(scope, node, original)?.outputs[0] ?? node.outputs[0]!],
    ]);
    for (const [index, formal] of original.inputs.entries()) {
      const actual = node.inputs[index] ?? formal;
      if (!definingScope(scope, actual)) return undefined;
      names.set(formal, actual);
    }
    const statements = original.constants.flatMap((constant) => this.restoreConstant(scope, constant, names, node));
    for (const name of original.nodes.flatMap((inner) => inner.outputs)) {
      if (name !== '' && !names.has(name)) names.set(name, this.unique(scope, name));
    }
    const rename = (name: string): string => names.get(name) ?? name;
    return [
      ...statements,
      ...original.nodes.map((inner) =>
        printNode({ ...inner, inputs: inner.inputs.map(rename), outputs: inner.outputs.map(rename) }),
      ),
    ];
  }

  /** Brings a constant back where it was; gives its statement where that is beside the node. */
  private restoreConstant(scope: Scope, constant: KeptConstant, names: Map<string, string>, { span }: Node): string[] {
    let target = scope;
    for (let level = 0; level < constant.levels && target.parent; level++) target = target.parent;
    const { body } = target;
    const restored = this.restoredConstants.get(target) ?? new Map<string, string>();
    this.restoredConstants.set(target, restored);
    const key = constantKey(constant, names);
    const known = restored.get(key);
    if (known !== undefined) {
      names.set(constant.name, known);
      return [];
    }
    if (isPresent(scope, constant, names, span)) return [];
    const name = this.unique(target, constant.name);
    restored.set(key, name);
    names.set(constant.name, name);
    if (constant.tensor && !isFunction(body)) {
      this.change.addDeclaration(body, printDeclaration({ ...constant.tensor, name }));
      return [];
    }
    const inputs = constant.node.inputs.map((input) => names.get(input) ?? input);
    const label = constant.tensor ? '' : constant.node.name;
    const statement = printNode({ ...constant.node, name: label, inputs, outputs: [name] });
    if (target === scope) return [statement];
    this.leading.set(target, [...(this.leading.get(target) ?? []), statement]);
    return [];
  }

  /** The op's body, with the node's attributes. */
  private writtenOut(scope: Scope, { node, op }: FusedNode): string[] {
    const [output = 'Y'] = node.outputs;
    const body = fusedFunction(op, op.name, scope.opset ?? 1);
    const names = new Map(body.inputs.map((formal, index) => [formal, node.inputs[index] ?? '']));
    names.set('Y', output);
    const given = new Map(node.attributes.map((attribute) => [attribute.name, attribute]));
    const border = given.get('pads')?.value;
    const { nodes } = op.pad && border?.type === 'INTS' ? withConstantPads(body, border.value) : body;
    return nodes.map((inner) => {
      for (const name of inner.outputs) if (!names.has(name)) names.set(name, this.unique(scope, `${output}_${name}`));
      const rename = (name: string): string => names.get(name) ?? name;
      return printNode({
        ...inner,
        name: inner.opType === op.convolution ? node.name : '',
        inputs: inner.inputs.map(rename),
        outputs: inner.outputs.map(rename),
        attributes: inner.attributes.flatMap((attribute) => {
          if (attribute.value.type !== 'REFERENCE') return [attribute];
          const value = given.get(attribute.value.value)?.value;
          return value ? [{ name: attribute.name, value }] : [];
        }),
      });
    });
  }

  /** A name that stands for nothing else where `scope` sees it, or what is in it. */
  private unique(scope: Scope, wanted: string): string {
    const name = uniqueName(wanted, (other) => this.isTaken(scope, other));
    this.define(scope, name);
    return name;
  }

  private define(scope: Scope, name: string): void {
    const scopes = this.definedIn.get(name);
    if (scopes) scopes.push(scope);
    else this.definedIn.set(name, [scope]);
  }

  private isTaken(scope: Scope, name: string): boolean {
    return this.definedIn.get(name)?.some((other) => isWithin(scope, other) || isWithin(other, scope)) ?? false;
  }

  /** Removes what only fusing had made for the node: constants that it reads and the original doesn't. */
  private removeUnread(scope: Scope, node: Node, { inputs, nodes }: Original): void {
    const read = new Set(nodes.flatMap((inner) => inner.inputs));
    node.inputs.forEach((name, index) => {
      if (!read.has(inputs[index] ?? '')) this.removeIfUnread(scope, name, node, read);
    });
  }

  /** @param read what the original reads. */
  private removeIfUnread(scope: Scope, name: string, reader: Node, read: ReadonlySet<string>): void {
    const at = definingScope(scope, name);
    if (!at || usesOf(at, name).some((use) => use.node !== reader)) return;
    const producer = producerOf(at, name);
    const isHelper = producer?.opType === 'Reshape' && isDefaultDomain(producer.domain);
    if (!isHelper) {
      this.change.removeUnused(at, name);
      return;
    }
    this.change.removeNode(at, producer);
    for (const input of producer.inputs) if (!read.has(input)) this.removeIfUnread(at, input, producer, read);
  }

  private removeFunction(fn: FunctionProto): void {
    if (this.removedFunctions.has(fn)) return;
    this.removedFunctions.add(fn);
    this.change.removeFunction(fn);
  }

  /** Removes the ops' functions that nothing calls any more, and imports that nothing needs. */
  private removeUncalled(): void {
    const { model, scopes } = this.change;
    const unfused = new Set([...this.fusedNodes].map(({ node }) => node));
    const gone = new Set([...unfused].map((node) => node.opType));
    const holders = new Set([...this.fusedNodes].map((fused) => outermost(scopes.get(fused.scope)!).body));
    const needed = new Set<unknown>();
    let used = false;
    for (const [body, scope] of scopes) {
      for (const node of body.nodes) {
        if (node.domain !== FUSION_DOMAIN || unfused.has(node)) continue;
        gone.delete(node.opType);
        needed.add(outermost(scope).body);
        used = true;
      }
    }
    for (const fn of model.functions) {
      if (fn.domain === FUSION_DOMAIN && gone.has(fn.name)) this.removeFunction(fn);
    }
    // A function of the user's in that domain needs the import as well.
    const isDefined = model.functions.some((fn) => fn.domain === FUSION_DOMAIN && !this.removedFunctions.has(fn));
    if (!used && !isDefined) this.change.dropImport(model.opsetImports);
    for (const body of holders) if (isFunction(body) && !needed.has(body)) this.change.dropImport(body.opsetImports);
  }
}

/** The node that gives the fused node's result the layout that the replaced nodes gave it, where there is one. */
function viewOf(scope: Scope, { outputs: [output = ''] }: Node, original: Original): Node | undefined {
  if (original.output === output) return undefined;
  const [use, ...others] = usesOf(scope, output);
  const view = use?.scope === scope && use.index === 0 && others.length === 0 ? use.node : undefined;
  return view && isStandard(scope, view) && view.outputs.join() === original.output ? view : undefined;
}

/** The body with its Pad's amounts written out as one constant. */
function withConstantPads(body: FunctionProto, border: readonly bigint[]): Pick<FunctionProto, 'nodes'> {
  const pad = body.nodes.find((node) => node.opType === 'Pad')!;
  const half = border.length / 2;
  const pads = [0n, 0n, ...border.slice(0, half), 0n, 0n, ...border.slice(half)];
  const constant: Node = {
    ...pad,
    opType: 'Constant',
    inputs: [],
    outputs: [pad.inputs[1]!],
    attributes: [{ name: 'value_ints', value: { type: 'INTS', value: pads } }],
  };
  return { nodes: [constant, ...body.nodes.slice(body.nodes.indexOf(pad))] };
}

function isWithin(scope: Scope, around: Scope): boolean {
  for (let at: Scope | undefined = scope; at; at = at.parent) if (at === around) return true;
  return false;
}

const printDeclaration = (tensor: Tensor): string => printInitializer(tensor, new Printer({}));

/** Equal for what was one constant. Data in the file isn't compared: two copies of it lie in different places. */
function constantKey({ name, tensor, node }: KeptConstant, names: ReadonlyMap<string, string>): string {
  const data = tensor ?? tensorOf(node);
  const inputs = node.inputs.map((input) => names.get(input) ?? input).join();
  const kind = `${tensor ? 'initializer' : node.opType} ${name} ${inputs}\n`;
  return kind + (data?.data.kind === 'external' ? `${data.dataType} ${data.dims.join()}` : printNode(node));
}

/** Is the constant still there, in front of the node at `reader`? */
function isPresent(
  scope: Scope,
  { name, tensor, node }: KeptConstant,
  names: ReadonlyMap<string, string>,
  reader: TextSpan | undefined,
): boolean {
  const value = definingScope(scope, name)?.values.get(name);
  if (!value || value.isSettable || (value.producer !== undefined) === (tensor !== undefined)) return false;
  if (value.producer?.span && reader && value.producer.span.start > reader.start) return false;
  if (node.inputs.length > 0 || value.producer?.inputs.length) {
    const inputs = node.inputs.map((input) => names.get(input) ?? input);
    return value.producer !== undefined && printNode(value.producer) === printNode({ ...node, inputs });
  }
  const kept = tensor ?? tensorOf(node);
  const present = value.initializer ?? (value.producer && tensorOf(value.producer));
  if (!kept || !present) return value.producer !== undefined && printNode(value.producer) === printNode(node);
  if (present.dataType !== kept.dataType || present.dims.join() !== kept.dims.join()) return false;
  if (present.data.kind === 'external' && kept.data.kind === 'external') return true;
  return printDeclaration({ ...present, name }) === printDeclaration({ ...kept, name });
}

function tensorOf({ attributes }: Node): Tensor | undefined {
  const value = attributes[0]?.value;
  return value?.type === 'TENSOR' ? value.value : undefined;
}
