import type { Dimension, Model, ValueInfo } from '../core/onnx/model';

/** Sizes for dimensions that the model leaves open, by symbol (`batch`) or by input and axis (`input.0`). */
export type DimensionSizes = ReadonlyMap<string, number>;

/** A dimension of a graph input that the model leaves open. */
export interface OpenDimension {
  readonly input: string;
  readonly axis: number;
  /** The model's name for it, if it has one; the same symbol means the same size. */
  readonly symbol?: string | undefined;
  /** How to name it in {@link DimensionSizes}: the symbol, or `INPUT.AXIS`. */
  readonly key: string;
}

/** The model leaves dimensions open that no size was given for. */
export class OpenDimensionsError extends Error {
  override readonly name = 'OpenDimensionsError';

  constructor(readonly dimensions: readonly OpenDimension[]) {
    const keys = [...new Set(dimensions.map((dimension) => dimension.key))];
    super(
      `The model leaves ${keys.length === 1 ? 'a dimension' : 'dimensions'} open: ${keys.join(', ')}. ` +
        `Give ${keys.length === 1 ? 'it a size' : 'them sizes'}, such as ${keys.map((key) => `--dim ${key}=N`).join(' ')}.`,
    );
  }
}

/**
 * The graph's inputs with sizes: the model's own, else from `sizes`, of which
 * `INPUT.AXIS` goes before the symbol; and the dimensions that stay open.
 */
export function resolveInputs(
  model: Model,
  sizes: DimensionSizes,
): { readonly inputs: readonly ValueInfo[]; readonly open: readonly OpenDimension[] } {
  const open: OpenDimension[] = [];
  const defaults = new Set(model.graph.initializers.map((tensor) => tensor.name));
  const inputs = model.graph.inputs.map((input): ValueInfo => {
    const { name, type } = input;
    if (type?.kind !== 'tensor' || !type.shape || defaults.has(name)) return input;
    const shape = type.shape.map((size, axis): Dimension => {
      const symbol = typeof size === 'string' && size !== '' ? size : undefined;
      const own = typeof size === 'number' && size > 0 ? size : undefined;
      const given = own ?? sizes.get(`${name}.${axis}`) ?? (symbol === undefined ? undefined : sizes.get(symbol));
      if (given === undefined) open.push({ input: name, axis, symbol, key: symbol ?? `${name}.${axis}` });
      return given ?? symbol;
    });
    return { name, type: { ...type, shape } };
  });
  return { inputs, open };
}

/** The dimensions of graph inputs that the model leaves open and `sizes` doesn't give. */
export function openDimensions(model: Model, sizes: DimensionSizes = new Map()): readonly OpenDimension[] {
  return resolveInputs(model, sizes).open;
}

/**
 * The shapes of the graph's inputs, those with an initializer left out.
 * @throws OpenDimensionsError when a size is missing.
 */
export function inputShapes(model: Model, sizes: DimensionSizes): Record<string, readonly number[]> {
  const { inputs, open } = resolveInputs(model, sizes);
  if (open.length > 0) throw new OpenDimensionsError(open);
  const defaults = new Set(model.graph.initializers.map((tensor) => tensor.name));
  return Object.fromEntries(
    inputs.flatMap(({ name, type }) =>
      type?.kind === 'tensor' && type.shape && !defaults.has(name) ? [[name, type.shape as number[]]] : [],
    ),
  );
}
