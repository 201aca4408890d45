import { adviceFacts, verdictText } from '../fusion/adviceText';
import { chainOf, describeFusion } from '../fusion/describe';
import type { Finding, FusedNode } from '../fusion/finding';
import { opSequence } from '../fusion/fusedOps';
import { isOriginal } from '../fusion/original';
import {
  constantTensor,
  definingScope,
  indexScopes,
  inputNames,
  isFunction,
  outputNames,
  producerOf,
  usesOf,
  type Body,
  type Scope,
} from '../fusion/scope';
import type { Model, Node, TextSpan, Type, ValueInfo } from '../onnx/model';
import type { ByteSource } from '../wire/source';
import { operatorCategory } from './categories';
import type { Drawing, DrawingFinding, DrawingGraph, DrawingNode, DrawingValue, FusionState } from './drawing';
import { attributeRows, inputName, type Row } from './nodeText';
import { attributeText, shortTypeText, tensorText, typeText } from './valueText';

/** Lines of constants in one box; more are counted, not shown. */
const MOST_ROWS = 6;

export interface DrawingOptions {
  /** The file of a decoded model, so that the values of small constants can be shown. */
  readonly source?: ByteSource | undefined;
  /** Types that are known beyond what the model declares, of values as seen from a scope. */
  readonly typeOf?: ((scope: Scope, name: string) => Type | undefined) | undefined;
}

/**
 * The drawing of a model, decoded or parsed, valid or not: operators and the values between them. Initializers and
 * constants are text in the boxes of the nodes that read them.
 */
export function drawingOf(
  model: Model,
  findings: readonly Finding[],
  fused: readonly FusedNode[],
  options: DrawingOptions = {},
): Drawing {
  // What fused nodes replaced isn't called, and isn't drawn.
  const scopes = indexScopes(model).filter(({ body }) => !isFunction(body) || !isOriginal(body));
  const ids = graphIds(scopes);
  const states = new Map<Node, FusionState>();
  for (const finding of findings) {
    for (const node of finding.nodes) states.set(node, finding.fusable ? 'fusable' : 'blocked');
    if (!finding.fusable) {
      states.set(finding.convolution, 'blocked');
      states.set(finding.normalization, 'blocked');
    }
  }
  for (const { node } of fused) states.set(node, 'fused');
  const drawn = model.functions.filter((fn) => ids.has(fn));
  const functions = new Map(drawn.map((fn) => [`${fn.domain}:${fn.name}`, ids.get(fn)!]));
  const numbers = new Map<Body, { graph: number; nodes: ReadonlyMap<Node, number> }>();
  const graphs = scopes.map((scope, graph) => {
    const builder = new GraphBuilder(scope, ids, functions, states, options.source, options.typeOf);
    numbers.set(scope.body, { graph, nodes: builder.numberOf });
    return builder.build();
  });

  const place = (scope: Body, nodes: readonly Node[]): Pick<DrawingFinding, 'graph' | 'nodes'> => {
    const { graph, nodes: known } = numbers.get(scope)!;
    return { graph, nodes: nodes.map((node) => known.get(node)).filter((number) => number !== undefined) };
  };
  return {
    graphs,
    findings: [
      ...findings.map((finding) => ({
        id: finding.id,
        state: finding.fusable ? ('fusable' as const) : ('blocked' as const),
        chain: chainOf(finding),
        message: describeFusion(finding),
        verdict: verdictText(finding),
        facts: adviceFacts(finding.advice),
        ...place(
          finding.scope,
          finding.nodes.length > 0 ? finding.nodes : [finding.convolution, finding.normalization],
        ),
      })),
      ...fused.map(({ id, node, scope, op }) => ({
        id,
        state: 'fused' as const,
        chain: opSequence(op).join(' → '),
        message: `Fused: ${node.opType}`,
        ...place(scope, [node]),
      })),
    ],
  };
}

/** An id for each body: where it hangs, in names that edits elsewhere don't change. */
function graphIds(scopes: readonly Scope[]): Map<Body, string> {
  const ids = new Map<Body, string>();
  const taken = new UniqueNames();
  for (const { body, parent, owner, ownerAttribute } of scopes) {
    const id =
      parent && owner
        ? `${ids.get(parent.body)!}/${nodeKey(owner)}.${ownerAttribute ?? ''}`
        : isFunction(body)
          ? `function ${[body.domain, body.name, body.overload].filter((part) => part !== '').join('.')}`
          : 'main';
    ids.set(body, taken.unique(id));
  }
  return ids;
}

/** What tells a node from the others: its first output, which valid models have once. */
function nodeKey(node: Node): string {
  return node.outputs.find((output) => output !== '') ?? (node.name || node.opType);
}

class UniqueNames {
  private readonly taken = new Map<string, number>();

  unique(name: string): string {
    const count = (this.taken.get(name) ?? 0) + 1;
    this.taken.set(name, count);
    return count === 1 ? name : `${name}#${count}`;
  }
}

/** A constant as its readers show it. */
interface ShownConstant {
  readonly text: string;
  readonly span?: TextSpan | undefined;
}

class GraphBuilder {
  /** The number of each operator that has a box. */
  readonly numberOf = new Map<Node, number>();
  private readonly nodes: DrawingNode[] = [];
  private readonly values: DrawingValue[] = [];
  private readonly sources: number[] = [];
  private readonly targets: number[] = [];
  private readonly edgeValues: number[] = [];
  private readonly implicitEdges: number[] = [];
  /** Where each value comes from: a box and a value number. */
  private readonly origins = new Map<string, { node: number; value: number }>();
  private readonly types = new Map<string, Type | undefined>();
  private readonly keys = new UniqueNames();
  private readonly constants = new Map<string, ShownConstant | null>();

  constructor(
    private readonly scope: Scope,
    private readonly ids: ReadonlyMap<Body, string>,
    private readonly functions: ReadonlyMap<string, string>,
    private readonly states: ReadonlyMap<Node, FusionState>,
    private readonly source: ByteSource | undefined,
    private readonly inferred: DrawingOptions['typeOf'],
  ) {}

  build(): DrawingGraph {
    const { body, parent, owner, ownerAttribute } = this.scope;
    const infos: readonly ValueInfo[] = isFunction(body)
      ? body.valueInfos
      : [...body.valueInfos, ...body.outputs, ...body.inputs];
    for (const info of infos) if (info.type) this.types.set(info.name, info.type);

    this.addInputs();
    for (const node of body.nodes) if (!this.isFolded(node)) this.addOperator(node);
    for (const node of body.nodes) {
      const target = this.numberOf.get(node);
      if (target === undefined) continue;
      for (const name of node.inputs) this.connect(name, target, false);
    }
    this.connectCaptures();
    this.addOutputs();

    const ownTitle = isFunction(body) ? body.name : body.name || 'main graph';
    return {
      id: this.ids.get(body)!,
      title: owner ? `${owner.name || nodeKey(owner)} › ${ownerAttribute ?? 'body'}` : ownTitle,
      kind: owner ? 'subgraph' : isFunction(body) ? 'function' : 'graph',
      ...(parent && { parent: this.ids.get(parent.body)! }),
      nodes: this.nodes,
      values: this.values,
      sources: this.sources,
      targets: this.targets,
      edgeValues: this.edgeValues,
      implicitEdges: this.implicitEdges,
    };
  }

  private addInputs(): void {
    const { body } = this.scope;
    inputNames(body).forEach((name, index) => {
      // Up to IR version 3 initializers had to be inputs as well.
      if (this.scope.values.get(name)?.initializer) return;
      const info = isFunction(body) ? undefined : body.inputs[index];
      this.define(name, this.addValueBox('input', name, info?.nameSpan ?? info?.span));
    });
  }

  private addOutputs(): void {
    const { body } = this.scope;
    outputNames(body).forEach((name, index) => {
      const info = isFunction(body) ? undefined : body.outputs[index];
      const target = this.addValueBox('output', name, info?.nameSpan ?? info?.span);
      this.connect(name, target, true);
    });
  }

  private addOperator(node: Node): void {
    const { scope } = this;
    const folded: TextSpan[] = [];
    const rows: Row[] = [];
    let more = 0;
    node.inputs.forEach((name, index) => {
      const tensor = name === '' ? undefined : this.constantOf(name);
      if (!tensor) return;
      if (tensor.span) folded.push(tensor.span);
      if (rows.length < MOST_ROWS) {
        rows.push({ name: inputName(node, index) ?? `input ${index}`, text: tensor.text });
      } else more++;
    });
    if (more > 0) rows.push({ text: `… ${more} more` });
    const isConvolution =
      node.opType === 'Conv' || node.opType === 'ConvTranspose' || this.states.get(node) === 'fused';
    const weight = isConvolution ? constantTensor(scope, node.inputs[1] ?? '') : undefined;
    const children = scope.children.get(node)?.map((child) => this.ids.get(child.body)!) ?? [];
    const called = this.functions.get(`${node.domain}:${node.opType}`);
    const graphs = called === undefined ? children : [called, ...children];
    const fusion = this.states.get(node);
    const number = this.nodes.length;
    this.numberOf.set(node, number);
    this.nodes.push({
      id: this.keys.unique(nodeKey(node)),
      kind: 'operator',
      label: node.opType,
      name: node.name,
      domain: node.domain,
      category: fusion === 'fused' ? 'layer' : operatorCategory(node.domain, node.opType),
      rows: [...attributeRows(node, weight, this.source), ...rows],
      attributes: node.attributes.map((attribute) => [attribute.name, attributeText(attribute, this.source)] as const),
      ...(fusion && { fusion }),
      ...(graphs.length > 0 && { graphs }),
      ...(node.span && { span: node.span }),
      ...(folded.length > 0 && { foldedSpans: folded }),
    });
    for (const output of node.outputs) if (output !== '') this.define(output, number);
  }

  /** Is the node a constant that its readers show? */
  private isFolded(node: Node): boolean {
    if (node.opType !== 'Constant' || node.outputs.length !== 1) return false;
    const name = node.outputs[0]!;
    if (producerOf(this.scope, name) !== node || !constantText(node, this.source)) return false;
    const uses = usesOf(this.scope, name);
    return uses.length > 0 && uses.every((use) => use.node !== undefined);
  }

  /** The constant that a name stands for, if its reader is to show it. */
  private constantOf(name: string): ShownConstant | undefined {
    let constant = this.constants.get(name);
    if (constant === undefined) this.constants.set(name, (constant = this.findConstant(name)));
    return constant ?? undefined;
  }

  private findConstant(name: string): ShownConstant | null {
    const scope = definingScope(this.scope, name);
    if (!scope) return null;
    const producer = producerOf(scope, name);
    if (!producer) {
      const tensor = scope.values.get(name)?.initializer;
      return tensor ? { text: tensorText(tensor, this.source), span: tensor.span } : null;
    }
    if (producer.opType !== 'Constant') return null;
    const text = constantText(producer, this.source);
    if (text === undefined || usesOf(scope, name).some((use) => use.node === undefined)) return null;
    return { text, span: producer.span };
  }

  /** An edge for a value that a node reads, or that is an output. */
  private connect(name: string, target: number, isOutput: boolean): void {
    if (name === '' || (!isOutput && this.constantOf(name))) return;
    let origin = this.origins.get(name);
    if (!origin) {
      const scope = definingScope(this.scope, name);
      const kind = scope ? (scope === this.scope ? 'constant' : 'captured') : 'undefined';
      this.define(name, this.addValueBox(kind, name, undefined));
      origin = this.origins.get(name)!;
    }
    this.sources.push(origin.node);
    this.targets.push(target);
    this.edgeValues.push(origin.value);
  }

  /** Edges for the values that nodes read only inside the subgraphs they hold. */
  private connectCaptures(): void {
    if (this.scope.children.size === 0) return;
    for (const [name, value] of this.scope.values) {
      const readers = new Set<Node>();
      for (const use of value.uses) {
        let at: Scope | undefined = use.scope;
        while (at && at.parent !== this.scope) at = at.parent;
        if (at?.owner && !at.owner.inputs.includes(name)) readers.add(at.owner);
      }
      for (const reader of readers) this.connectImplicit(name, reader);
    }
  }

  private connectImplicit(name: string, reader: Node): void {
    const target = this.numberOf.get(reader);
    if (target === undefined) return;
    const before = this.sources.length;
    this.connect(name, target, false);
    if (this.sources.length > before) this.implicitEdges.push(before);
  }

  private addValueBox(
    kind: Exclude<DrawingNode['kind'], 'operator'>,
    name: string,
    span: TextSpan | undefined,
  ): number {
    const type = this.typeOf(name);
    this.nodes.push({
      id: this.keys.unique(`${kind} ${name}`),
      kind,
      label: name,
      name: '',
      domain: '',
      category: kind === 'constant' ? 'constant' : 'value',
      rows: type ? [{ text: typeText(type) }] : kind === 'undefined' ? [{ text: 'not defined' }] : [],
      attributes: [],
      ...(span && { span }),
    });
    return this.nodes.length - 1;
  }

  private define(name: string, node: number): void {
    if (this.origins.has(name)) return;
    this.origins.set(name, { node, value: this.values.length });
    this.values.push({ name, label: shortTypeText(this.typeOf(name)) });
  }

  private typeOf(name: string): Type | undefined {
    return this.inferred?.(this.scope, name) ?? this.types.get(name);
  }
}

/** The value of a Constant node in one line. */
function constantText(node: Node, source: ByteSource | undefined): string | undefined {
  const attribute = node.attributes.find(({ name }) => name.startsWith('value') || name === 'sparse_value');
  return attribute && attributeText(attribute, source);
}
