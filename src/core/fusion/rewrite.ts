import type { Attribute, FunctionProto, Model } from '../onnx/model';
import type { TextEdit } from '../text/edit';
import { formatFloat32 } from '../text/numbers';
import { printFunction, quoteIdentifier } from '../text/print';
import { foldedNodes } from './constants';
import type { Finding } from './finding';
import { droppedInputs, fusedForm, type FusedForm } from './fusedForm';
import { FunctionNames, fusedFunction } from './fusedFunction';
import { FUSION_DOMAIN, FUSION_OPSET, fusedOp } from './fusedOps';
import { FUNCTIONS_IR_VERSION, ModelEdits, outermost } from './modelEdits';
import { isOriginal, originalFunction, originalName } from './original';
import { ParameterEdits, type PreparedForm } from './parameterEdits';
import { definingScope, fixedInputs, isFunction, usesOf, type Scope } from './scope';
import { uniqueName } from './uniqueName';

/**
 * The edits that fuse `findings`; those that can't fuse are left out. Each
 * fused node takes the place of the last node it replaces, so that all it
 * reads is computed before. What only the replaced nodes read, such as the
 * convolution's bias, is removed where it is an initializer or Constant that
 * nothing else reads, and so are declarations of values that vanish. Functions,
 * the domain's import and the IR version are added as far as the model lacks
 * them; a function that isn't called keeps what each node replaced, for
 * `unfuseEdits`. The edits don't overlap, and the result doesn't depend on
 * whether findings are fused at once or one by one.
 * @param text what `model` was parsed from.
 */
export function fuseEdits(text: string, model: Model, findings: readonly Finding[]): TextEdit[] {
  const fusable = findings.filter((finding) => finding.fusable);
  if (fusable.length === 0) return [];
  return new Rewrite(text, model).fuse(fusable);
}

/** What fusing changes in the model's header, such as `raises ir_version 7 to 8`; nothing where all is there. */
export function fuseNotes(model: Model): string[] {
  const { irVersion, opsetImports } = model;
  const notes: string[] = [];
  if (irVersion < FUNCTIONS_IR_VERSION) {
    const count = fixedInputs(model).length;
    const inputs =
      count === 1 ? '; its weight is no longer also an input' : `; its ${count} weights are no longer also inputs`;
    notes.push(`raises ir_version ${irVersion} to ${FUNCTIONS_IR_VERSION}${count > 0 ? inputs : ''}`);
  }
  if (!opsetImports.some(({ domain }) => domain === FUSION_DOMAIN)) {
    notes.push(`imports ${FUSION_DOMAIN} ${FUSION_OPSET}`);
  }
  return notes;
}

class Rewrite {
  private readonly edits: ModelEdits;
  private readonly names: FunctionNames;
  private readonly parameters: ParameterEdits;
  private readonly takenNames: Set<string>;

  constructor(text: string, model: Model) {
    this.edits = new ModelEdits(text, model);
    this.names = new FunctionNames(model);
    this.parameters = new ParameterEdits(this.edits);
    this.takenNames = new Set(model.functions.filter(isOriginal).map((fn) => fn.name));
  }

  fuse(findings: readonly Finding[]): TextEdit[] {
    const { edits } = this;
    const functions = new Set<FunctionProto>();
    const dropped = new DroppedUses();
    for (const finding of findings) {
      const scope = edits.scopes.get(finding.scope);
      if (!scope) throw new RangeError(`the finding ${finding.id} belongs to another model`);
      const prepared = this.parameters.prepare(finding, scope, fusedForm(finding));
      const { form, kept } = prepared;
      this.replaceNodes(finding, prepared, scope);
      this.keepOriginal(finding, form, scope);
      const holder = outermost(scope).body;
      if (isFunction(holder)) functions.add(holder);
      for (const name of droppedInputs(finding, form)) {
        const at = kept.has(name) ? undefined : definingScope(scope, name);
        if (at) dropped.add(at, name, at === scope);
      }
    }
    dropped.remove(edits);
    edits.importDomain();
    for (const fn of functions) edits.importDomainIn(fn);
    return edits.finish();
  }

  private replaceNodes(finding: Finding, { form, before, after }: PreparedForm, scope: Scope): void {
    const last = finding.nodes.at(-1)!;
    for (const node of finding.nodes) if (node !== last) this.edits.removeNode(scope, node);
    const indent = this.edits.indentAt(last.span?.start ?? 0);
    this.edits.replaceNode(last, [...before, this.fusedNode(form, scope), ...after].join(`\n${indent}`));
  }

  /** The fused node's text. Attributes are written as they were. */
  private fusedNode(form: FusedForm, scope: Scope): string {
    const op = this.functionFor(form.op, scope.opset!);
    const attributes = form.attributes.map((attribute) =>
      attribute.span ? this.edits.slice(attribute) : printedAttribute(attribute),
    );
    const label = form.name === '' ? '' : `[${quoteIdentifier(form.name)}] `;
    const list = attributes.length > 0 ? ` <${attributes.join(', ')}>` : '';
    const inputs = form.inputs.map(quoteIdentifier).join(', ');
    return `${label}${quoteIdentifier(form.output)} = ${FUSION_DOMAIN}.${op}${list} (${inputs})`;
  }

  private keepOriginal(finding: Finding, form: FusedForm, scope: Scope): void {
    const name = uniqueName(originalName(scope, form.output), (other) => this.takenNames.has(other), '#');
    this.takenNames.add(name);
    this.edits.addFunction(name, printFunction(originalFunction(finding, scope, form, name)));
  }

  private functionFor(opName: string, opset: number): string {
    const op = fusedOp(opName);
    if (!op) throw new RangeError(`${opName} isn't a fused op`);
    const chosen = this.names.choose(op, opset);
    if (chosen.isNew) {
      const fn = fusedFunction(op, chosen.name, chosen.opset);
      this.names.add(fn);
      this.edits.addFunction(fn.name, printFunction(fn));
    }
    return chosen.name;
  }
}

/** Counts how often values aren't read any more, and removes those that nothing reads. */
class DroppedUses {
  private readonly counts = new Map<Scope, Map<string, number>>();
  /** Values that a body inside another read. */
  private readonly fromInside = new Set<string>();

  add(scope: Scope, name: string, isLocal: boolean): void {
    const counts = this.counts.get(scope) ?? new Map<string, number>();
    this.counts.set(scope, counts.set(name, (counts.get(name) ?? 0) + 1));
    if (!isLocal) this.fromInside.add(name);
  }

  /** Removes initializers and Constants, and the nodes that compute constants of them, the last ones first. */
  remove(edits: ModelEdits): void {
    const pending = [...this.counts].flatMap(([scope, counts]) => [...counts.keys()].map((name) => ({ scope, name })));
    const removed = new Set<unknown>();
    for (let next = pending.pop(); next; next = pending.pop()) {
      const { scope, name } = next;
      const value = scope.values.get(name);
      if (removed.has(value) || usesOf(scope, name).length !== this.counts.get(scope)?.get(name)) continue;
      removed.add(value);
      const node = this.fromInside.has(name) ? undefined : foldedNodes(scope, name).at(-1);
      if (!node) {
        edits.removeUnused(scope, name);
        continue;
      }
      edits.removeNode(scope, node);
      for (const input of node.inputs) {
        const at = input === '' ? undefined : definingScope(scope, input);
        if (!at) continue;
        this.add(at, input, at === scope);
        pending.push({ scope: at, name: input });
      }
    }
  }
}

function printedAttribute({ name, value }: Attribute): string {
  if (value.type === 'INTS') return `${name} = [${value.value.join(', ')}]`;
  if (value.type === 'FLOAT') return `${name} = ${formatFloat32(value.value)}`;
  throw new RangeError(`a fused node takes ${name} over as it is`);
}
