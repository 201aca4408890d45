import type {
  Attribute,
  AttributeValue,
  Graph,
  Node,
  NodeSpans,
  SparseTensor,
  Tensor,
  TextSpan,
  ValueInfo,
} from '../onnx/model';
import { ParsedTensor, ParsedValue } from './parsedValue';
import { spanAt, spansAt } from './places';

/** The parts of a node that a pair of numbers in its places tells, before those of its outputs and inputs. */
export const Part = { Name: 0, Domain: 2, OpType: 4, Attributes: 6, InputList: 8, Names: 10 } as const;

/** What stands in `places` for a part that the node doesn't have. */
export const ABSENT = -1;

/** A node read from text. Its spans are worked out when they are asked for, which few ever are. */
export class ParsedNode implements Node {
  private known: NodeSpans | undefined;

  /**
   * @param start where its text starts.
   * @param length how long its text is.
   * @param reach how far behind `start` the next token is; 0 where the node has a mistake. A node without one depends
   *   on nothing but the text up to there, the first character of that token included.
   * @param places holds at `at` the spans of its parts, relative to `start`: see `Part`, outputs, inputs.
   */
  constructor(
    readonly name: string,
    readonly domain: string,
    readonly opType: string,
    readonly overload: string,
    readonly inputs: readonly string[],
    readonly outputs: readonly string[],
    readonly attributes: readonly Attribute[],
    readonly start: number,
    private readonly length: number,
    readonly reach: number,
    private readonly places: Int32Array,
    private readonly at: number,
    readonly isIncomplete: true | undefined,
  ) {}

  get span(): TextSpan {
    return { start: this.start, end: this.start + this.length };
  }

  get spans(): NodeSpans {
    return (this.known ??= this.readSpans());
  }

  private readSpans(): NodeSpans {
    const { places, at, start, outputs, inputs } = this;
    const part = (which: number) => (places[at + which] === ABSENT ? undefined : spanAt(places, at + which, start));
    return {
      name: part(Part.Name),
      domain: part(Part.Domain),
      opType: spanAt(places, at + Part.OpType, start),
      attributes: part(Part.Attributes),
      inputList: part(Part.InputList),
      inputs: spansAt(places, at + Part.Names + 2 * outputs.length, inputs.length, start),
      outputs: spansAt(places, at + Part.Names, outputs.length, start),
    };
  }

  /** The same node `by` characters further on in the text. */
  shifted(by: number): ParsedNode {
    return this.copy(this.start + by, shiftAll(this.attributes, by, shiftAttribute), this.reach, this.isIncomplete);
  }

  /** Was it read when the other was, so that they differ at most in their place? */
  isCopyOf({ places, at, isIncomplete }: ParsedNode): boolean {
    return places === this.places && at === this.at && isIncomplete === this.isIncomplete;
  }

  /** The same node, of which only a part was read. */
  incomplete(): ParsedNode {
    return this.copy(this.start, this.attributes, 0, true);
  }

  private copy(start: number, attributes: readonly Attribute[], reach: number, isIncomplete: true | undefined) {
    const { name, domain, opType, overload, inputs, outputs, length, places, at } = this;
    return new ParsedNode(
      name,
      domain,
      opType,
      overload,
      inputs,
      outputs,
      attributes,
      start,
      length,
      reach,
      places,
      at,
      isIncomplete,
    );
  }
}

/** An attribute read from text. */
export class ParsedAttribute implements Attribute {
  constructor(
    readonly name: string,
    readonly value: AttributeValue,
    readonly start: number,
    readonly end: number,
  ) {}

  get span(): TextSpan {
    return { start: this.start, end: this.end };
  }

  /** The same attribute `by` characters further on in the text. */
  shifted(by: number): ParsedAttribute {
    return new ParsedAttribute(this.name, shiftValue(this.value, by), this.start + by, this.end + by);
  }
}

function shiftAll<T>(list: readonly T[], by: number, shift: (item: T, by: number) => T): readonly T[] {
  if (list.length === 0) return list;
  const shifted = list.slice();
  for (let i = 0; i < shifted.length; i++) shifted[i] = shift(shifted[i]!, by);
  return shifted;
}

function shiftAttribute(attribute: Attribute, by: number): Attribute {
  return attribute instanceof ParsedAttribute ? attribute.shifted(by) : attribute;
}

function shiftValue(value: AttributeValue, by: number): AttributeValue {
  switch (value.type) {
    case 'TENSOR':
      return { type: value.type, value: shiftTensor(value.value, by) };
    case 'TENSORS':
      return { type: value.type, value: shiftAll(value.value, by, shiftTensor) };
    case 'SPARSE_TENSOR':
      return { type: value.type, value: shiftSparse(value.value, by) };
    case 'SPARSE_TENSORS':
      return { type: value.type, value: shiftAll(value.value, by, shiftSparse) };
    case 'GRAPH':
      return { type: value.type, value: shiftGraph(value.value, by) };
    case 'GRAPHS':
      return { type: value.type, value: shiftAll(value.value, by, shiftGraph) };
    default:
      return value;
  }
}

function shiftSpan(span: TextSpan | undefined, by: number): TextSpan | undefined {
  return span && { start: span.start + by, end: span.end + by };
}

function shiftTensor(tensor: Tensor, by: number): Tensor {
  if (tensor instanceof ParsedTensor) return tensor.shifted(by);
  return { ...tensor, span: shiftSpan(tensor.span, by), nameSpan: shiftSpan(tensor.nameSpan, by) };
}

function shiftSparse(tensor: SparseTensor, by: number): SparseTensor {
  const { values, indices, span } = tensor;
  return {
    ...tensor,
    values: shiftTensor(values, by),
    indices: shiftTensor(indices, by),
    span: shiftSpan(span, by),
  };
}

function shiftValueInfo(value: ValueInfo, by: number): ValueInfo {
  if (value instanceof ParsedValue) return value.shifted(by);
  return { ...value, span: shiftSpan(value.span, by), nameSpan: shiftSpan(value.nameSpan, by) };
}

function shiftNode(node: Node, by: number): Node {
  return node instanceof ParsedNode ? node.shifted(by) : node;
}

function shiftGraph(graph: Graph, by: number): Graph {
  const { sparseInitializers } = graph;
  return {
    ...graph,
    inputs: shiftAll(graph.inputs, by, shiftValueInfo),
    outputs: shiftAll(graph.outputs, by, shiftValueInfo),
    valueInfos: shiftAll(graph.valueInfos, by, shiftValueInfo),
    initializers: shiftAll(graph.initializers, by, shiftTensor),
    ...(sparseInitializers && { sparseInitializers: shiftAll(sparseInitializers, by, shiftSparse) }),
    nodes: shiftAll(graph.nodes, by, shiftNode),
    span: shiftSpan(graph.span, by),
    nameSpan: shiftSpan(graph.nameSpan, by),
    bodySpan: shiftSpan(graph.bodySpan, by),
  };
}
