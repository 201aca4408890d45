import type { TextSpan } from '../onnx/model';
import type { Category } from './categories';
import type { Row } from './nodeText';

/** What there is to draw of a model: plain data that can be sent to a webview. */
export interface Drawing {
  /** The main graph first, then its subgraphs and the functions. */
  readonly graphs: readonly DrawingGraph[];
  readonly findings: readonly DrawingFinding[];
}

export interface DrawingGraph {
  /** Stable while the model is edited elsewhere. */
  readonly id: string;
  readonly title: string;
  readonly kind: 'graph' | 'subgraph' | 'function';
  /** The graph that a subgraph is nested in. */
  readonly parent?: string | undefined;
  readonly nodes: readonly DrawingNode[];
  readonly values: readonly DrawingValue[];
  /** Edge `e` leads from node `sources[e]` to node `targets[e]` and carries value `edgeValues[e]`. */
  readonly sources: readonly number[];
  readonly targets: readonly number[];
  readonly edgeValues: readonly number[];
  /** Edges into a node that holds a subgraph which reads the value. */
  readonly implicitEdges: readonly number[];
}

export interface DrawingNode {
  /** Unique in its graph; the same for a model's file and its text. */
  readonly id: string;
  /**
   * An operator, or a value: an input or output of the graph, one captured from the graph around it, a constant
   * that is an output, or one that nothing defines.
   */
  readonly kind: 'operator' | 'input' | 'output' | 'captured' | 'constant' | 'undefined';
  /** The operator's type, or the value's name. */
  readonly label: string;
  /** The node's name, `''` where it has none. */
  readonly name: string;
  readonly domain: string;
  readonly category: Category;
  readonly rows: readonly Row[];
  /** All attributes, names and values in one line each. */
  readonly attributes: readonly (readonly [name: string, value: string])[];
  readonly fusion?: FusionState | undefined;
  /** Graphs to go to from here: the bodies the node holds, or the function it calls. */
  readonly graphs?: readonly string[] | undefined;
  readonly span?: TextSpan | undefined;
  /** Places of the constants that are shown in this node's box. */
  readonly foldedSpans?: readonly TextSpan[] | undefined;
}

/** A value that some node reads. */
export interface DrawingValue {
  readonly name: string;
  /** Its shape, and its element type where it isn't float; `''` where unknown. */
  readonly label: string;
}

export type FusionState = 'fusable' | 'blocked' | 'fused';

/** A pair, or a node that is fused already. */
export interface DrawingFinding {
  /** The finding's id; for a fused node the fused node's. */
  readonly id: string;
  readonly state: FusionState;
  /** Such as `Conv → InstanceNormalization → Relu`. */
  readonly chain: string;
  /** The whole sentence: what fusing saves, or why it can't be done. */
  readonly message: string;
  /** In one line by estimate, is fusing worth it? */
  readonly verdict?: string | undefined;
  /** What fusing saves and costs: names and figures. */
  readonly facts?: readonly (readonly [name: string, figure: string])[] | undefined;
  /** Index of its graph, and of its nodes in that graph, from top to bottom. */
  readonly graph: number;
  readonly nodes: readonly number[];
}

/** A node of a drawing, named so that it is found in a later drawing of the same model too. */
export interface NodeReference {
  readonly graph: string;
  readonly node: string;
}

/** The node a reference means, if it is still there. */
export function findNode(drawing: Drawing, reference: NodeReference): DrawingNode | undefined {
  const graph = drawing.graphs.find((candidate) => candidate.id === reference.graph);
  return graph?.nodes.find((candidate) => candidate.id === reference.node);
}

/** The innermost node whose text, or the text of a constant shown in it, holds the offset. */
export function nodeAtOffset(drawing: Drawing, offset: number): NodeReference | undefined {
  let found: NodeReference | undefined;
  let length = Number.POSITIVE_INFINITY;
  for (const graph of drawing.graphs) {
    for (const node of graph.nodes) {
      for (const span of node.span ? [node.span, ...(node.foldedSpans ?? [])] : (node.foldedSpans ?? [])) {
        if (span.start <= offset && offset <= span.end && span.end - span.start < length) {
          found = { graph: graph.id, node: node.id };
          length = span.end - span.start;
        }
      }
    }
  }
  return found;
}

/** How many pairs can fuse, can't, and are fused. */
export function countFindings(drawing: Drawing): Readonly<Record<FusionState, number>> {
  const counts = { fusable: 0, blocked: 0, fused: 0 };
  for (const finding of drawing.findings) counts[finding.state]++;
  return counts;
}
