import { initializersOf } from '../onnx/initializers';
import type { FunctionProto, Graph, Model, Node, Tensor } from '../onnx/model';
import type { LookUps } from './lookUps';

/** Something that holds nodes: the main graph, a subgraph, or a function. */
export type Body = Graph | FunctionProto;

export const isFunction = (body: Body): body is FunctionProto => 'overload' in body;

/** Names of a body's inputs. */
export const inputNames = (body: Body): readonly string[] =>
  isFunction(body) ? body.inputs : body.inputs.map((input) => input.name);

/** Names of a body's outputs. */
export const outputNames = (body: Body): readonly string[] =>
  isFunction(body) ? body.outputs : body.outputs.map((output) => output.name);

/** What holds a subgraph. */
export interface Holder {
  readonly scope: Scope;
  readonly node: Node;
  /** Name of the attribute, such as `then_branch`. */
  readonly attribute: string;
}

/** One place where a value is read. */
export interface Use {
  /** The reader; absent when the value is an output of `scope`'s body. */
  readonly node?: Node | undefined;
  /** Position among the node's inputs, or among the body's outputs. */
  readonly index: number;
  /** The scope of the reader, which may be nested in the one that defines the value. */
  readonly scope: Scope;
}

export interface UnresolvedUse extends Use {
  readonly name: string;
}

const NO_USES: readonly Use[] = [];
const NO_NAMES: readonly UnresolvedUse[] = [];

/** A body with its names resolved: who writes each value, and who reads it. */
export class Scope {
  /** Set for a subgraph: the scope and node that hold it. */
  readonly parent: Scope | undefined;
  readonly owner: Node | undefined;
  /** Name of the owner's attribute that holds this subgraph, such as `then_branch`. */
  readonly ownerAttribute: string | undefined;
  /** The values this scope defines. */
  readonly values: Values;
  /** Subgraphs by the node that holds them. */
  readonly children = new Map<Node, Scope[]>();
  private undefinedNames: UnresolvedUse[] | undefined;
  private isComplete = false;

  /**
   * @param opset version of the default operator set in force here.
   * @param fixesInputs does an initializer keep callers from giving the input of its name?
   * @param lookUps is told of every name that is looked up, here and in the model's other bodies.
   */
  constructor(
    readonly model: Model,
    readonly body: Body,
    readonly opset: number | undefined,
    fixesInputs: boolean,
    readonly lookUps: LookUps,
    holder: Holder | undefined,
  ) {
    this.parent = holder?.scope;
    this.owner = holder?.node;
    this.ownerAttribute = holder?.attribute;
    this.values = new Values(this, fixesInputs);
  }

  /** Names read here that neither this scope nor one around it defines. */
  get unresolved(): readonly UnresolvedUse[] {
    this.noteAllReads();
    return this.undefinedNames ?? NO_NAMES;
  }

  /** Notes who reads nodes' outputs, once for a body that no other holds, and for all that it holds. */
  noteReads(): void {
    this.forEachRead(false);
  }

  /** Notes who reads inputs and initializers too, and which names nothing defines: half of all reads, which few ask for. */
  noteAllReads(): void {
    this.parent?.noteAllReads();
    if (this.parent || this.isComplete) return;
    this.isComplete = true;
    this.forEachRead(true);
  }

  private forEachRead(ofDeclared: boolean): void {
    const { body, children } = this;
    for (const node of body.nodes) {
      const { inputs } = node;
      for (let index = 0; index < inputs.length; index++) {
        const name = inputs[index]!;
        if (name !== '') this.noteRead(name, node, index, ofDeclared, this);
      }
      if (children.size > 0) for (const child of children.get(node) ?? []) child.forEachRead(ofDeclared);
    }
    const outputs = outputNames(body);
    for (let index = 0; index < outputs.length; index++) {
      const name = outputs[index]!;
      if (name !== '') this.noteRead(name, undefined, index, ofDeclared, this);
    }
  }

  private noteRead(name: string, node: Node | undefined, index: number, ofDeclared: boolean, reader: Scope): void {
    const { values, parent } = this;
    if (ofDeclared) {
      if (values.computes(name) || values.noteDeclaredRead(name, node, index, reader)) return;
    } else if (values.noteRead(name, node, index, reader) || (parent && values.declares(name))) {
      return;
    }
    if (parent) parent.noteRead(name, node, index, ofDeclared, reader);
    else if (ofDeclared) (reader.undefinedNames ??= []).push({ name, node, index, scope: reader });
  }
}

/**
 * The values that a body defines, by name: its inputs, its initializers, then
 * its nodes' outputs. A large graph has tens of thousands, of which few are
 * asked for, and typing indexes it anew with each letter: until they are asked
 * for they are numbers in flat lists.
 */
export class Values implements Iterable<[string, Value]> {
  private readonly declared: DeclaredValues;
  /** Numbers of the nodes' outputs, counted on from those of the declared values. */
  private readonly outputs = new Map<string, number>();
  private readonly producers: Node[] = [];
  private readonly ambiguous: Set<number>;
  /** By value: its first and its last use, 0 where it has none. */
  private readonly firstUses: Int32Array;
  private readonly lastUses: Int32Array;
  /** By use, from 1 on: the next one of the same value, the reader, and the position in it. */
  private readonly nextUses = [0];
  private readonly readers: (Node | undefined)[] = [undefined];
  private readonly positions = [0];
  /** The scopes of uses in nested bodies. */
  private readonly innerScopes = new Map<number, Scope>();
  private readonly made: (Value | undefined)[];

  /**
   * @param scope that of the body itself.
   * @param fixesInputs does an initializer keep callers from giving the input of its name?
   */
  constructor(
    private readonly scope: Scope,
    private readonly fixesInputs: boolean,
  ) {
    const { outputs, producers } = this;
    const declared = (this.declared = declaredValues(scope.body));
    const ambiguous = (this.ambiguous = new Set(declared.repeatedInputs));
    for (const node of scope.body.nodes) {
      for (const name of node.outputs) {
        if (name === '') continue;
        const number = declared.numbers.size + producers.length;
        const known = outputs.size;
        outputs.set(name, number);
        if (outputs.size === known) ambiguous.add(number);
        producers.push(node);
      }
    }
    this.count = declared.numbers.size + producers.length;
    this.firstUses = new Int32Array(this.count);
    this.lastUses = new Int32Array(this.count);
    this.made = new Array<undefined>(this.count);
  }

  /** All numbers of values are less than that. */
  readonly count: number;

  has(name: string): boolean {
    return this.computes(name) || this.declares(name);
  }

  /** Is it an output of a node? */
  computes(name: string): boolean {
    this.scope.lookUps.note(name);
    return this.outputs.has(name);
  }

  /** Is it an input or an initializer? */
  declares(name: string): boolean {
    this.scope.lookUps.note(name);
    return this.declared.numbers.has(name);
  }

  get(name: string): Value | undefined {
    this.scope.lookUps.note(name);
    const number = this.outputs.get(name) ?? this.declared.numbers.get(name);
    return number === undefined ? undefined : this.numbered(name, number);
  }

  /** The names. */
  *keys(): Generator<string> {
    for (const [name] of this) yield name;
  }

  [Symbol.iterator](): Iterator<[string, Value]> {
    const all: [string, Value][] = [];
    for (const [name, number] of this.declared.numbers) {
      if (!this.outputs.has(name)) all.push([name, this.numbered(name, number)]);
    }
    for (const [name, number] of this.outputs) all.push([name, this.numbered(name, number)]);
    return all[Symbol.iterator]();
  }

  /**
   * Notes that a node's output is read.
   * @param node the reader; absent for an output of the body.
   * @param scope that of the reader, which may be nested in this one.
   * @returns whether it is one.
   */
  noteRead(name: string, node: Node | undefined, index: number, scope: Scope): boolean {
    const number = this.outputs.get(name);
    if (number !== undefined) this.addUse(number, node, index, scope);
    return number !== undefined;
  }

  /** The same of an input or an initializer. */
  noteDeclaredRead(name: string, node: Node | undefined, index: number, scope: Scope): boolean {
    const number = this.declared.numbers.get(name);
    if (number !== undefined) this.addUse(number, node, index, scope);
    return number !== undefined;
  }

  /** The readers of the value of that number, in order. */
  usesOf(number: number): readonly Use[] {
    if (number < this.declared.numbers.size) this.scope.noteAllReads();
    let use = this.firstUses[number]!;
    if (use === 0) return NO_USES;
    const uses: Use[] = [];
    for (; use !== 0; use = this.nextUses[use]!) {
      const scope = this.innerScopes.get(use) ?? this.scope;
      uses.push({ node: this.readers[use], index: this.positions[use]!, scope });
    }
    return uses;
  }

  /** Has the value of that number readers? */
  isRead(number: number): boolean {
    if (number < this.declared.numbers.size) this.scope.noteAllReads();
    return this.firstUses[number] !== 0;
  }

  private numbered(name: string, number: number): Value {
    return (this.made[number] ??= this.make(name, number));
  }

  private addUse(number: number, node: Node | undefined, index: number, scope: Scope): void {
    const use = this.nextUses.push(0) - 1;
    this.readers.push(node);
    this.positions.push(index);
    if (scope !== this.scope) this.innerScopes.set(use, scope);
    const before = this.lastUses[number]!;
    if (before === 0) this.firstUses[number] = use;
    else this.nextUses[before] = use;
    this.lastUses[number] = use;
  }

  private make(name: string, number: number): Value {
    const { numbers, inputCount, initializers } = this.declared;
    const producer = number < numbers.size ? undefined : this.producers[number - numbers.size];
    // An output may have the name of a declared value.
    const declared = producer ? numbers.get(name) : number;
    const initializer = declared === undefined ? undefined : initializers[declared];
    const isInput = declared !== undefined && declared < inputCount;
    const isSettable = isInput && !(this.fixesInputs && initializer);
    const isAmbiguous = this.ambiguous.has(number) || (producer !== undefined && declared !== undefined);
    return new Value(this.scope, number, isInput, isSettable, isAmbiguous, producer, initializer);
  }
}

/** A value by name: what defines it, and who reads it. */
export class Value {
  private known: readonly Use[] | undefined;

  constructor(
    /** The scope that defines it. */
    readonly scope: Scope,
    /** From 0 on among the scope's values: for lists of what is known of each. */
    readonly number: number,
    readonly isInput: boolean,
    /** May a caller give it? So it is with inputs, but for those that `fixedInputs` gives. */
    readonly isSettable: boolean,
    /** Is the name defined more than once, as valid models never do? */
    readonly isAmbiguous: boolean,
    /** The node that computes it; the last one, should there be several. */
    readonly producer: Node | undefined,
    /** Its data, or the default of an input. */
    readonly initializer: Tensor | undefined,
  ) {}

  get isRead(): boolean {
    return this.scope.values.isRead(this.number);
  }

  /** Readers, those in nested subgraphs included. */
  get uses(): readonly Use[] {
    return (this.known ??= this.scope.values.usesOf(this.number));
  }
}

/** What a body says of values before its nodes: inputs, and initializers, whose numbers follow. */
interface DeclaredValues {
  readonly numbers: ReadonlyMap<string, number>;
  readonly inputCount: number;
  /** Inputs whose name another has too. */
  readonly repeatedInputs: readonly number[];
  /** By number. */
  readonly initializers: readonly (Tensor | undefined)[];
}

interface Known {
  readonly graph: Graph;
  readonly values: DeclaredValues;
}

/** By the list of initializers, which the states of a text share while only nodes are edited. */
const declaredByGraph = new WeakMap<readonly Tensor[], Known>();

function declaredValues(body: Body): DeclaredValues {
  if (isFunction(body)) return readDeclared(body.inputs, []);
  const known = declaredByGraph.get(body.initializers);
  const isSame = known?.graph.inputs === body.inputs && known.graph.sparseInitializers === body.sparseInitializers;
  if (known && isSame) return known.values;
  const values = readDeclared(inputNames(body), initializersOf(body));
  declaredByGraph.set(body.initializers, { graph: body, values });
  return values;
}

function readDeclared(inputs: readonly string[], tensors: readonly Tensor[]): DeclaredValues {
  const numbers = new Map<string, number>();
  const repeatedInputs: number[] = [];
  for (const name of inputs) {
    const before = numbers.get(name);
    if (before === undefined) numbers.set(name, numbers.size);
    else repeatedInputs.push(before);
  }
  const inputCount = numbers.size;
  const initializers: (Tensor | undefined)[] = new Array<undefined>(inputCount).fill(undefined);
  for (const tensor of tensors) {
    const number = numbers.get(tensor.name) ?? numbers.size;
    if (number === numbers.size) numbers.set(tensor.name, number);
    initializers[number] = tensor;
  }
  return { numbers, inputCount, repeatedInputs, initializers };
}
