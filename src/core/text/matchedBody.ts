import type { Node, SparseTensor, Tensor, ValueInfo } from '../onnx/model';
import type { Matching } from './pairing';

/** Elements that define values, and which of the base's they are. */
export interface MatchedList<T> {
  readonly edited: readonly T[];
  readonly base: readonly T[];
  readonly matching: Matching;
}

/** What defines the values of a graph or function. */
export interface MatchedBody {
  readonly nodes: MatchedList<Node>;
  readonly inputs: MatchedList<ValueInfo | string>;
  /** By place. */
  readonly outputs: MatchedList<ValueInfo | string>;
  readonly initializers?: MatchedList<Tensor> | undefined;
  readonly sparseInitializers?: MatchedList<SparseTensor> | undefined;
}

/** Visit every element that was in the base. */
export function forEachMatch<T>(list: MatchedList<T> | undefined, visit: (edited: T, base: T) => void): void {
  if (list === undefined) return;
  const { edited, base, matching } = list;
  for (let i = 0; i < edited.length; i++) {
    const index = matching[i]!;
    if (index >= 0) visit(edited[i]!, base[index]!);
  }
}

export const nameOf = (value: ValueInfo | string): string => (typeof value === 'string' ? value : value.name);
