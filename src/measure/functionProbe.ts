import { indexScopes } from '../core/fusion/scope';
import type { FunctionProto, Model, Node } from '../core/onnx/model';
import { commonShape, functionKey, type ValueShape } from '../core/shapes/valueShape';

/** More values than this aren't asked for: a function of many nodes that is called many times. */
const MOST_VALUES = 20_000;

const keyOfCall = (node: Node): string => functionKey(node.domain, node.opType, node.overload);
const keyOfFunction = (fn: FunctionProto): string => functionKey(fn.domain, fn.name, fn.overload);

/**
 * Makes the values inside functions visible from outside: each function hands
 * out every value of its body as a further output, and each call in the main
 * graph, or in a function that it calls, passes them on. The runtime inlines
 * the calls, so their shapes are those of each call.
 */
export class FunctionProbe {
  private readonly functions = new Map<string, FunctionProto>();
  /** Names that calls of a function hand out beyond its outputs. */
  private readonly names = new Map<FunctionProto, readonly string[]>();

  constructor(private readonly model: Model) {
    if (model.functions.length === 0) return;
    for (const fn of model.functions) this.functions.set(keyOfFunction(fn), fn);
    this.hideCalledInSubgraphs();
    let count = 0;
    for (const node of model.graph.nodes) {
      const fn = this.functions.get(keyOfCall(node));
      if (fn) count += this.namesOf(fn).length;
    }
    if (count > MOST_VALUES) this.functions.clear();
  }

  /** Is there a function that the main graph calls and that can be looked into? */
  get isUseful(): boolean {
    return this.model.graph.nodes.some((node) => this.functions.has(keyOfCall(node)));
  }

  /** The nodes of a body, their calls with the further outputs; `nodes` may be edited copies, in the same order. */
  callsIn(nodes: readonly Node[]): Node[] {
    return nodes.map((node, index) => {
      const fn = this.functions.get(keyOfCall(node));
      if (!fn) return node;
      const unused = new Array<string>(Math.max(0, fn.outputs.length - node.outputs.length)).fill('');
      const further = this.namesOf(fn).map((name) => prefixOf(index) + name);
      return { ...node, outputs: [...node.outputs, ...unused, ...further] };
    });
  }

  /** The functions with the further outputs. */
  functionsOf(functions: readonly FunctionProto[]): FunctionProto[] {
    return functions.map((fn) => {
      const original = this.functions.get(keyOfFunction(fn));
      if (!original) return fn;
      return { ...fn, outputs: [...fn.outputs, ...this.namesOf(original)], nodes: this.callsIn(fn.nodes) };
    });
  }

  /**
   * Shapes of the values in functions' bodies, by function.
   * @param shapes of all values of the probe's main graph.
   */
  shapesIn(shapes: ReadonlyMap<string, ValueShape>): Map<string, ReadonlyMap<string, ValueShape>> {
    const found = new Map<string, Map<string, ValueShape>>();
    const note = (fn: FunctionProto, name: string, shape: ValueShape): void => {
      const known = found.get(keyOfFunction(fn)) ?? new Map<string, ValueShape>();
      found.set(keyOfFunction(fn), known);
      const before = known.get(name);
      known.set(name, before ? commonShape(before, shape) : shape);
    };
    const visitCalls = (nodes: readonly Node[], prefix: string, of: (name: string) => ValueShape): void => {
      nodes.forEach((node, index) => {
        const fn = this.functions.get(keyOfCall(node));
        if (!fn) return;
        const inner = prefix + prefixOf(index);
        const outside = new Map<string, string>();
        fn.outputs.forEach((name, position) => outside.set(name, node.outputs[position] ?? ''));
        fn.inputs.forEach((name, position) => outside.set(name, node.inputs[position] ?? ''));
        const ofInner = (name: string): ValueShape => {
          const passed = outside.get(name);
          return (passed === undefined ? shapes.get(inner + name) : of(passed)) ?? {};
        };
        for (const name of [...fn.inputs, ...fn.outputs, ...bodyValues(fn)]) note(fn, name, ofInner(name));
        visitCalls(fn.nodes, inner, ofInner);
      });
    };
    visitCalls(this.model.graph.nodes, '', (name) => shapes.get(name) ?? {});
    return found;
  }

  /** Names that a call hands out beyond the function's outputs: its body's values, and those of the calls in it. */
  private namesOf(fn: FunctionProto): readonly string[] {
    const known = this.names.get(fn);
    if (known) return known;
    // Functions can't call themselves, but a broken model may say so.
    this.names.set(fn, []);
    const names = [...bodyValues(fn)];
    fn.nodes.forEach((node, index) => {
      const called = this.functions.get(keyOfCall(node));
      if (called && names.length <= MOST_VALUES) {
        for (const name of this.namesOf(called)) names.push(prefixOf(index) + name);
      }
    });
    this.names.set(fn, names);
    return names;
  }

  /** Values can't be handed out of a subgraph: functions called there, and what those call, are left alone. */
  private hideCalledInSubgraphs(): void {
    const hide = (node: Node): void => {
      const key = keyOfCall(node);
      const fn = this.functions.get(key);
      if (!fn) return;
      this.functions.delete(key);
      fn.nodes.forEach(hide);
    };
    for (const scope of indexScopes(this.model)) if (scope.parent) scope.body.nodes.forEach(hide);
  }
}

/** Of the values that the node at `index` of a body hands out. */
const prefixOf = (index: number): string => `#${index}.`;

function bodyValues(fn: FunctionProto): readonly string[] {
  const outputs = new Set(fn.outputs);
  return fn.nodes.flatMap((node) => node.outputs.filter((name) => name !== '' && !outputs.has(name)));
}
