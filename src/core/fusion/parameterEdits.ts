import type { Node } from '../onnx/model';
import { formatFloat32 } from '../text/numbers';
import { quoteIdentifier } from '../text/print';
import type { Finding } from './finding';
import type { FusedForm } from './fusedForm';
import type { ModelEdits } from './modelEdits';
import type { Parameter } from './normalization';
import { isFunction, usesOf, type Scope } from './scope';
import { uniqueName } from './uniqueName';

/** Reshape has its target as an input since this operator set. */
const RESHAPE_INPUT = 5;

/** A fused node with what it needs around it. */
export interface PreparedForm {
  readonly form: FusedForm;
  /** Statements to put before the node. */
  readonly before: readonly string[];
  /** Statements to put after the node. */
  readonly after: readonly string[];
  /** Values that are still read though the replaced nodes go. */
  readonly kept: ReadonlySet<string>;
}

/**
 * Gives a fused node the scale and bias of shape [M] that it reads where the
 * model writes them otherwise: a copy in that shape of an initializer that
 * goes, a Reshape of a value that stays, or numbers where there was no value.
 */
export class ParameterEdits {
  private readonly taken: Set<string>;

  constructor(private readonly edits: ModelEdits) {
    this.taken = new Set([...edits.scopes.values()].flatMap(({ values }) => [...values.keys()]));
  }

  prepare(finding: Finding, scope: Scope, given: FusedForm): PreparedForm {
    const { form: normalization, nodes } = finding;
    const inputs = [...given.inputs];
    const before: string[] = [];
    const kept = new Set<string>();
    for (const [index, parameter] of [normalization.scale, normalization.bias].entries()) {
      if (parameter.kind === 'vector') continue;
      const name = this.unique(inputs[index + 2]!);
      inputs[index + 2] = name;
      const channels = normalization.channels!;
      if (parameter.kind === 'filled') before.push(...this.filled(scope, name, parameter.value, channels));
      else if (!this.copied(scope, nodes, name, parameter)) {
        before.push(...this.reshaped(scope, name, parameter.name));
        kept.add(parameter.name);
      }
    }
    const { view } = normalization;
    if (!view) return { form: { ...given, inputs }, before, after: [], kept };
    const output = this.unique(`${given.output}_planes`);
    for (const name of view.inputs.slice(1)) kept.add(name);
    const attributes = view.attributes.map((attribute) => this.edits.slice(attribute)).join(', ');
    const list = attributes === '' ? '' : ` <${attributes}>`;
    const read = [output, ...view.inputs.slice(1)].map(quoteIdentifier).join(', ');
    const after = [`${quoteIdentifier(given.output)} = ${view.opType}${list} (${read})`];
    return { form: { ...given, inputs, output }, before, after, kept };
  }

  private unique(base: string): string {
    const name = uniqueName(base, (other) => this.taken.has(other));
    this.taken.add(name);
    return name;
  }

  private filled(scope: Scope, name: string, value: number, channels: number): string[] {
    const data = `{${new Array<string>(channels).fill(formatFloat32(Math.fround(value))).join(', ')}}`;
    if (isFunction(scope.body)) {
      return [`${quoteIdentifier(name)} = Constant <value = float[${channels}] ${data}> ()`];
    }
    this.edits.addDeclaration(scope.body, `float[${channels}] ${quoteIdentifier(name)} = ${data}`);
    return [];
  }

  /** Declares the initializer, which goes with the replaced nodes, anew as a vector. Its data is written as it was. */
  private copied(
    scope: Scope,
    nodes: readonly Node[],
    name: string,
    parameter: Extract<Parameter, { kind: 'reshaped' }>,
  ): boolean {
    const value = scope.values.get(parameter.name);
    const tensor = value?.initializer;
    if (!value || !tensor?.span || !tensor.nameSpan || value.isSettable || value.isAmbiguous || isFunction(scope.body))
      return false;
    const uses = usesOf(scope, parameter.name);
    if (uses.length !== 1 || !uses[0]!.node || !nodes.includes(uses[0]!.node)) return false;
    const data = this.edits.slice({ span: { start: tensor.nameSpan.end, end: tensor.span.end } });
    const length = parameter.dims.reduce((product, size) => product * size, 1);
    this.edits.addDeclaration(scope.body, `float[${length}] ${quoteIdentifier(name)}${data}`);
    return true;
  }

  private reshaped(scope: Scope, name: string, from: string): string[] {
    const output = quoteIdentifier(name);
    if ((scope.opset ?? 0) < RESHAPE_INPUT) return [`${output} = Reshape <shape = [-1]> (${quoteIdentifier(from)})`];
    const shape = quoteIdentifier(this.unique(`${name}_shape`));
    return [
      `${shape} = Constant <value = int64[1] {-1}> ()`,
      `${output} = Reshape (${quoteIdentifier(from)}, ${shape})`,
    ];
  }
}
