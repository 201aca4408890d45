import { indexScopes, isFunction, type Scope, type Value } from '../fusion/scope';
import { initializersOf } from '../onnx/initializers';
import type { FunctionProto, Model, Node, TextSpan } from '../onnx/model';

/** A place where a value's name stands. */
export interface Occurrence {
  readonly span: TextSpan;
  /** `definition`: it gets its value here. `declaration`: only its type is stated. `use`: it is read. */
  readonly role: 'definition' | 'declaration' | 'use';
}

/** A parsed text with its names resolved; everything is worked out when it is first asked for. */
export class TextIndex {
  private functionsByOp: Map<string, FunctionProto> | undefined;

  /** `model` is what `text` was parsed to. */
  constructor(
    readonly text: string,
    readonly model: Model,
  ) {}

  /** Every body with its names, outer before inner. */
  get scopes(): readonly Scope[] {
    return indexScopes(this.model);
  }

  /** The innermost body around `offset`; its signature and declarations count as part of it. */
  scopeAt(offset: number): Scope | undefined {
    let found = this.scopes.find((scope) => !scope.parent && contains(scope.body.span, offset));
    for (let at = found; at;) {
      const node = nodeAt(at, offset);
      const inner: Scope | undefined = node && at.children.get(node)?.find(({ body }) => contains(body.span, offset));
      if (inner) found = inner;
      at = inner;
    }
    return found;
  }

  /** The model's own function that a node calls. */
  functionOf(node: Pick<Node, 'domain' | 'opType' | 'overload'>): FunctionProto | undefined {
    if (this.model.functions.length === 0) return undefined;
    this.functionsByOp ??= new Map(
      this.model.functions.map((fn) => [functionKey(fn.domain, fn.name, fn.overload), fn]),
    );
    return this.functionsByOp.get(functionKey(node.domain, node.opType, node.overload));
  }

  /** Every place in the text where the value of that name that `scope` defines stands, in order. */
  occurrences(scope: Scope, name: string): readonly Occurrence[] {
    const value = scope.values.get(name);
    if (!value) return [];
    const places = [...definitions(scope, name, value), ...declarations(scope, name), ...uses(name, value)];
    const ordered = places.sort((a, b) => a.span.start - b.span.start || ROLES.indexOf(a.role) - ROLES.indexOf(b.role));
    return ordered.filter(({ span }, index) => span.start !== ordered[index - 1]?.span.start);
  }

  /** Where the value of that name that `scope` defines is defined. */
  definitionSpan(scope: Scope, name: string): TextSpan | undefined {
    const value = scope.values.get(name);
    return value && definitions(scope, name, value)[0]?.span;
  }
}

const ROLES = ['definition', 'declaration', 'use'];

/** The node of a scope's body around `offset`. */
export function nodeAt(scope: Scope, offset: number): Node | undefined {
  const node = lastNodeFrom(scope, offset);
  return node?.span && offset <= node.span.end ? node : undefined;
}

/** The last node of a scope's body that starts at or before `offset`. */
export function lastNodeFrom(scope: Scope, offset: number): Node | undefined {
  return scope.body.nodes[lastIndexFrom(scope, offset)];
}

/** Position of {@link lastNodeFrom} among the body's nodes; -1 when there is none. */
export function lastIndexFrom({ body: { nodes } }: Scope, offset: number): number {
  let low = 0;
  let high = nodes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((nodes[middle]!.span?.start ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function contains(span: TextSpan | undefined, offset: number): boolean {
  return span !== undefined && span.start <= offset && offset <= span.end;
}

function functionKey(domain: string, name: string, overload: string): string {
  return `${domain === 'ai.onnx' ? '' : domain}\0${name}\0${overload}`;
}

/** Places of a body's inputs and outputs, beside their names. */
export function signatureSpans(scope: Scope, side: 'inputs' | 'outputs'): readonly (TextSpan | undefined)[] {
  const { body } = scope;
  return isFunction(body) ? (body.spans?.[side] ?? []) : body[side].map(({ nameSpan }) => nameSpan);
}

function definitions(scope: Scope, name: string, value: Value): Occurrence[] {
  const { body } = scope;
  const found: (TextSpan | undefined)[] = [];
  if (value.isInput) {
    const spans = signatureSpans(scope, 'inputs');
    body.inputs.forEach((input, i) => {
      if ((typeof input === 'string' ? input : input.name) === name) found.push(spans[i]);
    });
  }
  if (value.initializer && !isFunction(body)) {
    for (const tensor of initializersOf(body)) if (tensor.name === name) found.push(tensor.nameSpan);
  }
  if (value.producer) {
    for (const node of value.isAmbiguous ? body.nodes : [value.producer]) {
      node.outputs.forEach((output, i) => {
        if (output === name) found.push(node.spans?.outputs[i]);
      });
    }
  }
  return found.flatMap((span) => (span ? [{ span, role: 'definition' as const }] : []));
}

function declarations(scope: Scope, name: string): Occurrence[] {
  return scope.body.valueInfos.flatMap(({ name: declared, nameSpan }) =>
    declared === name && nameSpan ? [{ span: nameSpan, role: 'declaration' as const }] : [],
  );
}

function uses(name: string, value: Value): Occurrence[] {
  return value.uses.flatMap(({ node, index, scope }) => {
    const span = node ? node.spans?.inputs[index] : signatureSpans(scope, 'outputs')[index];
    return span && name !== '' ? [{ span, role: 'use' as const }] : [];
  });
}
