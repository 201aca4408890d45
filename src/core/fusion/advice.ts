import type { Dimension } from '../onnx/model';
import { concrete, convolutionGeometry, hasAttributeReferences } from './convolution';
import type { Advice, Finding } from './finding';
import { constantTensor, definingScope, isFunction, type Scope } from './scope';

/** Shapes of the main graph's values. */
export type ValueShapes = ReadonlyMap<string, readonly Dimension[]>;

const FLOAT_BYTES = 4;

/** Shapes as far as they are declared, or passed for the main graph's values. */
export class Shapes {
  private readonly declared = new Map<Scope, Map<string, readonly Dimension[]>>();

  constructor(private readonly passed?: ValueShapes) {}

  /** The shape of `name` as seen from `scope`, or `undefined` when it isn't known. */
  of(scope: Scope, name: string): readonly Dimension[] | undefined {
    const at = definingScope(scope, name);
    if (!at) return undefined;
    const passed = at.parent === undefined && !isFunction(at.body) ? this.passed?.get(name) : undefined;
    return passed ?? constantTensor(at, name)?.dims ?? this.declarationsOf(at).get(name);
  }

  private declarationsOf(scope: Scope): ReadonlyMap<string, readonly Dimension[]> {
    let shapes = this.declared.get(scope);
    if (!shapes) {
      shapes = new Map();
      const { body } = scope;
      const infos = isFunction(body) ? body.valueInfos : [...body.inputs, ...body.outputs, ...body.valueInfos];
      for (const { name, type } of infos) {
        if (type?.kind === 'tensor' && type.shape) shapes.set(name, type.shape);
      }
      this.declared.set(scope, shapes);
    }
    return shapes;
  }
}

/**
 * What fusing gains, from shapes: the convolution's multiply-adds, and the
 * bytes of intermediate activations that are no longer written and read back
 * (each one once). Fields are `undefined` while a dimension is unknown.
 */
export function advise(
  finding: Pick<Finding, 'convolution' | 'normalization' | 'activation' | 'fusable'>,
  scope: Scope,
  shapes: Shapes,
): Advice {
  const { convolution, normalization, activation } = finding;
  const weights = concrete(shapes.of(scope, convolution.inputs[1] ?? ''));
  const input = concrete(shapes.of(scope, convolution.inputs[0] ?? ''));
  let output: readonly number[] | undefined;
  for (const node of [convolution, normalization, activation]) {
    output ??= node && concrete(shapes.of(scope, node.outputs[0] ?? ''));
  }
  if (!output && input && weights && !hasAttributeReferences(convolution)) {
    output = convolutionGeometry(convolution, input, weights)?.outputShape;
  }
  const count = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
  let multiplyAdds: number | undefined;
  if (weights && convolution.opType === 'Conv' && output) {
    // Each output element takes one product for each weight of its channel.
    multiplyAdds = count(output) * count(weights.slice(1));
  } else if (weights && convolution.opType === 'ConvTranspose' && input) {
    // Each input element meets every weight of its channel.
    multiplyAdds = count(input) * count(weights.slice(1));
  }
  const vanishing = activation ? 2 : 1;
  const bytesSaved = output && finding.fusable ? 2 * FLOAT_BYTES * vanishing * count(output) : undefined;
  return { multiplyAdds, bytesSaved };
}
