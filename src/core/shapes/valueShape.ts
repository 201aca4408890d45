import type { Dimension } from '../onnx/model';

/** A value's element type (`TensorProto.DataType`) and shape, as far as they are known. */
export interface ValueShape {
  readonly elementType?: number | undefined;
  /** `undefined`: unknown. The runtime doesn't tell a scalar from an unknown rank; both are unknown here. */
  readonly shape?: readonly Dimension[] | undefined;
}

/** What the runtime found out about a model. */
export interface InferredShapes {
  /** Of the main graph's values, by name. */
  readonly shapes: ReadonlyMap<string, ValueShape>;
  /**
   * Of the values in functions' bodies, by {@link functionKey} and name: what holds in every call. A function is
   * left out when a call of it could not be looked into.
   */
  readonly functions: ReadonlyMap<string, ReadonlyMap<string, ValueShape>>;
  /** Set when the runtime refused the model, in its words: then `shapes` has what the model declares. */
  readonly refusal?: string | undefined;
}

/** What a node's op and a function have in common when the node calls it. */
export function functionKey(domain: string, name: string, overload: string): string {
  return `${domain === 'ai.onnx' ? '' : domain}\0${name}\0${overload}`;
}

/** What holds for both: dimensions that differ are unknown. */
export function commonShape(a: ValueShape, b: ValueShape): ValueShape {
  const elementType = a.elementType === b.elementType ? a.elementType : undefined;
  if (!a.shape || a.shape.length !== b.shape?.length) return { elementType };
  return { elementType, shape: a.shape.map((size, axis) => (size === b.shape![axis] ? size : undefined)) };
}
