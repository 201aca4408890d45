import { isFunction, readerIn, type Scope, type UnresolvedUse, type Value } from '../fusion/scope';
import { initializersOf } from '../onnx/initializers';
import type { Node, TextSpan } from '../onnx/model';
import { findCycles } from './cycles';
import type { Problem } from './problem';
import { signatureSpans, type TextIndex } from './textIndex';

/** Values that are undefined, defined twice, read before they are computed, in circles, or never read. */
export function checkNames(index: TextIndex): Problem[] {
  const problems: Problem[] = [];
  for (const scope of index.scopes) {
    for (const use of scope.unresolved) reportUndefined(use, problems);
    const values = [...scope.values];
    checkOrder(scope, values, problems);
    checkDuplicates(scope, values, index, problems);
    checkUnused(scope, problems);
  }
  return problems;
}

function reportUndefined({ name, node, index, scope }: UnresolvedUse, problems: Problem[]): void {
  const span = node ? node.spans?.inputs[index] : signatureSpans(scope, 'outputs')[index];
  if (!span) return;
  problems.push({
    code: 'undefined-value',
    severity: 'error',
    message: `Nothing defines ${label(name)}: it is neither an input, an initializer nor the output of a node.`,
    span,
  });
}

type NamedValues = readonly (readonly [name: string, value: Value])[];

interface Early {
  readonly name: string;
  readonly span: TextSpan;
  readonly reader: Node;
  readonly producer: Node;
}

function checkOrder(scope: Scope, values: NamedValues, problems: Problem[]): void {
  const early: Early[] = [];
  for (const [name, value] of values) {
    const { producer } = value;
    if (!producer || value.isInput || value.initializer || value.isAmbiguous) continue;
    const from = producer.span?.start ?? 0;
    for (const use of value.uses) {
      const reader = readerIn(scope, use);
      if (!reader || (reader.span?.start ?? 0) > from) continue;
      const span = use.node ? use.node.spans?.inputs[use.index] : signatureSpans(use.scope, 'outputs')[use.index];
      if (span) early.push({ name, span, reader, producer });
    }
  }
  if (early.length === 0) return;
  const inCycle = reportCycles(scope, problems);
  for (const { name, span, reader, producer } of early) {
    if (!(inCycle.has(reader) && inCycle.has(producer))) problems.push(earlyRead(name, span, producer));
  }
}

const label = (name: string): string => `"${name}"`;

function earlyRead(name: string, span: TextSpan, producer: Node): Problem {
  const at = producer.spans?.outputs[producer.outputs.indexOf(name)];
  return {
    code: 'use-before-definition',
    // The specification asks for this order; ONNX Runtime sorts the nodes itself.
    severity: 'warning',
    message: `${label(name)} is read before the node that computes it: ONNX wants nodes in topological order.`,
    span,
    related: at && [{ message: `${label(name)} is computed here`, span: at }],
  };
}

function reportCycles(scope: Scope, problems: Problem[]): ReadonlySet<Node> {
  const inCycle = new Set<Node>();
  for (const cycle of findCycles(scope)) {
    for (const node of cycle) inCycle.add(node);
    const names = cycle.map((node) => node.name || (node.outputs.find((output) => output !== '') ?? node.opType));
    const shown = names.length > 6 ? [...names.slice(0, 5), '…'] : names;
    const span = cycle[0]!.spans?.opType;
    if (!span) continue;
    problems.push({
      code: 'cycle',
      severity: 'error',
      message: `These nodes wait for each other's results: ${[...shown, names[0]!].join(' → ')}.`,
      span,
      related: cycle
        .slice(1, 20)
        .flatMap((node) => (node.spans ? [{ message: 'in the same circle', span: node.spans.opType }] : [])),
    });
  }
  return inCycle;
}

function checkDuplicates(scope: Scope, values: NamedValues, index: TextIndex, problems: Problem[]): void {
  const { body } = scope;
  let tensorNames: Set<string> | undefined;
  const repeated = new Set<string>();
  if (!isFunction(body)) {
    tensorNames = new Set();
    for (const { name } of initializersOf(body)) {
      if (tensorNames.has(name)) repeated.add(name);
      tensorNames.add(name);
    }
  }
  for (const [name, value] of values) {
    if (name === '') continue;
    const isRepeated = repeated.size > 0 && repeated.has(name);
    if (!value.isAmbiguous && !isRepeated) continue;
    const places = index.occurrences(scope, name).filter(({ role }) => role === 'definition');
    for (const { span } of places.slice(1)) {
      problems.push({
        code: 'duplicate-definition',
        severity: 'error',
        message: `${label(name)} is defined more than once.`,
        span,
        related: [{ message: 'first defined here', span: places[0]!.span }],
      });
    }
  }
}

function checkUnused(scope: Scope, problems: Problem[]): void {
  const { body, values } = scope;
  if (isFunction(body)) return;
  for (const { name, nameSpan } of initializersOf(body)) {
    const value = values.get(name);
    if (!nameSpan || !value || value.isRead) continue;
    problems.push({
      code: 'unused-initializer',
      severity: 'hint',
      message: `Nothing reads ${label(name)}.`,
      span: nameSpan,
      unnecessary: true,
    });
  }
}
