import { isFunction, type Scope } from '../fusion/scope';
import type { Node, TextSpan } from '../onnx/model';
import { findCycles } from './cycles';
import type { Problem } from './problem';
import { signatureSpans, type TextIndex } from './textIndex';

/** Values that are undefined, defined twice, read before they are computed, in circles, or never read. */
export function checkNames(index: TextIndex): Problem[] {
  const problems: Problem[] = [];
  const roots = index.scopes.filter((scope) => !scope.parent);
  for (const scope of roots) checkBody({ scope, known: new Set(), around: undefined }, problems, index);
  for (const scope of index.scopes) {
    checkDuplicates(scope, index, problems);
    checkUnused(scope, problems);
  }
  return problems;
}

/** A body that is being walked through. */
interface Walk {
  readonly scope: Scope;
  /** The names defined so far. */
  readonly known: Set<string>;
  readonly around: Walk | undefined;
}

function checkBody(walk: Walk, problems: Problem[], index: TextIndex): void {
  const { scope, known } = walk;
  const { body } = scope;
  for (const input of body.inputs) known.add(typeof input === 'string' ? input : input.name);
  if (!isFunction(body)) for (const { name } of body.initializers) known.add(name);
  let early: Early[] = [];
  for (const node of body.nodes) {
    const { inputs } = node;
    for (let i = 0; i < inputs.length; i++) {
      const name = inputs[i]!;
      if (name === '' || known.has(name)) continue;
      const span = node.spans?.inputs[i];
      if (span) checkRead(walk, name, span, node, early, problems);
    }
    for (const child of scope.children.get(node) ?? []) {
      checkBody({ scope: child, known: new Set(), around: walk }, problems, index);
    }
    for (const output of node.outputs) known.add(output);
  }
  const spans = signatureSpans(scope, 'outputs');
  body.outputs.forEach((output, i) => {
    const name = typeof output === 'string' ? output : output.name;
    const span = spans[i];
    if (name !== '' && span && !known.has(name)) checkRead(walk, name, span, undefined, early, problems);
  });
  if (early.length === 0) return;
  const inCycle = reportCycles(scope, problems);
  early = early.filter(({ node, producer }) => !(inCycle.has(node) && inCycle.has(producer)));
  for (const { name, span, producer } of early) problems.push(earlyRead(name, span, producer));
}

interface Early {
  readonly name: string;
  readonly span: TextSpan;
  readonly node: Node;
  readonly producer: Node;
}

/** A name read in `walk`'s body that isn't defined there so far. */
function checkRead(
  walk: Walk,
  name: string,
  span: TextSpan,
  node: Node | undefined,
  early: Early[],
  problems: Problem[],
): void {
  const own = walk.scope.values.get(name);
  if (own?.producer) {
    if (node) early.push({ name, span, node, producer: own.producer });
    return;
  }
  for (let at = walk.around; at; at = at.around) {
    if (at.known.has(name)) return;
    const producer = at.scope.values.get(name)?.producer;
    if (producer) {
      problems.push(earlyRead(name, span, producer));
      return;
    }
  }
  problems.push({
    code: 'undefined-value',
    severity: 'error',
    message: `Nothing defines ${label(name)}: it is neither an input, an initializer nor the output of a node.`,
    span,
  });
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

function checkDuplicates(scope: Scope, index: TextIndex, problems: Problem[]): void {
  const { body } = scope;
  let tensorNames: Set<string> | undefined;
  const repeated = new Set<string>();
  if (!isFunction(body)) {
    tensorNames = new Set();
    for (const { name } of body.initializers) {
      if (tensorNames.has(name)) repeated.add(name);
      tensorNames.add(name);
    }
  }
  for (const [name, value] of scope.values) {
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
  for (const { name, nameSpan } of body.initializers) {
    const value = values.get(name);
    if (!nameSpan || !value || value.uses.length > 0) continue;
    problems.push({
      code: 'unused-initializer',
      severity: 'hint',
      message: `Nothing reads ${label(name)}.`,
      span: nameSpan,
      unnecessary: true,
    });
  }
}
