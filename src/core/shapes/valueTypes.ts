import { ElementTypes } from '../fusion/elementType';
import { constantTensor, definingScope, indexScopes, isFunction, type Scope } from '../fusion/scope';
import { declaredTypes, tensorType, typeText } from '../language/types';
import type { Dimension, Model, Type } from '../onnx/model';
import { outputShape } from './outputShapes';
import { functionKey, type InferredShapes, type ValueShape } from './valueShape';

/** Where knowledge about a type comes from: the file, ONNX Runtime, or the types of the values it is computed from. */
export type TypeOrigin = 'declared' | 'inferred' | 'derived';

export interface KnownType {
  readonly type: Type;
  readonly origin: TypeOrigin;
  /** What the file declares, where that is something else than `type`. */
  readonly declared?: Type | undefined;
}

/**
 * Types and shapes of a model's values: what ONNX Runtime inferred, what the
 * file declares, and, where neither tells (in subgraphs, and where the runtime
 * refuses the model), what follows from the inputs of simple operators.
 */
export class ValueTypes {
  private elementTypes: ElementTypes | undefined;
  private readonly derived = new Map<Scope, ReadonlyMap<string, Type>>();

  /** @param inferred of this model, or of a state of it shortly before; absent while nothing is inferred. */
  constructor(
    private readonly model: Model,
    readonly inferred?: InferredShapes,
  ) {}

  /** What is known of a value that `scope` defines. */
  of(scope: Scope, name: string): KnownType | undefined {
    const known = this.stated(scope, name);
    if (known && isComplete(known.type)) return known;
    const derived = this.derivedIn(scope).get(name);
    return derived ? { type: derived, origin: 'derived', declared: known?.declared ?? known?.type } : known;
  }

  /** The type alone, of a value as seen from `scope`. */
  readonly typeOf = (scope: Scope, name: string): Type | undefined => {
    const at = definingScope(scope, name);
    return at && this.of(at, name)?.type;
  };

  /** The shape of a value as seen from `scope`, as far as it is known. */
  shapeOf(scope: Scope, name: string): readonly Dimension[] | undefined {
    const type = this.typeOf(scope, name);
    return type?.kind === 'tensor' ? type.shape : undefined;
  }

  private stated(scope: Scope, name: string): KnownType | undefined {
    const tensor = constantTensor(scope, name);
    const declared = declaredTypes(scope).get(name) ?? (tensor && tensorType(tensor));
    const inferred = merged(declared, this.inferredIn(scope, name));
    if (!inferred) return declared && { type: declared, origin: 'declared' };
    if (declared && typeText(declared) === typeText(inferred)) return { type: declared, origin: 'declared' };
    return { type: inferred, origin: 'inferred', declared };
  }

  private inferredIn({ parent, body }: Scope, name: string): ValueShape | undefined {
    if (!this.inferred || this.inferred.refusal !== undefined || parent) return undefined;
    if (!isFunction(body)) return this.inferred.shapes.get(name);
    return this.inferred.functions.get(functionKey(body.domain, body.name, body.overload))?.get(name);
  }

  /** Types of a scope's values that only their inputs tell, in one pass over its nodes. */
  private derivedIn(scope: Scope): ReadonlyMap<string, Type> {
    const known = this.derived.get(scope);
    if (known) return known;
    const types = new Map<string, Type>();
    this.derived.set(scope, types);
    this.elementTypes ??= new ElementTypes(indexScopes(this.model));
    const shapeOf = (name: string): readonly Dimension[] | undefined => {
      if (name === '') return undefined;
      const own = scope.values.has(name);
      const type = own ? (this.bestStated(scope, name) ?? types.get(name)) : this.typeOf(scope, name);
      return type?.kind === 'tensor' ? type.shape : undefined;
    };
    for (const node of scope.body.nodes) {
      const name = node.outputs[0];
      if (name === undefined || name === '' || this.bestStated(scope, name)) continue;
      const shape = outputShape(node, node.inputs.map(shapeOf));
      const elementType = this.elementTypes.of(scope, name);
      if (shape && elementType !== undefined) types.set(name, { kind: 'tensor', elementType, shape });
    }
    return types;
  }

  private bestStated(scope: Scope, name: string): Type | undefined {
    const type = this.stated(scope, name)?.type;
    return type && isComplete(type) ? type : undefined;
  }
}

/** Is there nothing to learn about the rank? */
function isComplete(type: Type): boolean {
  return type.kind !== 'tensor' || type.shape !== undefined;
}

/** The inferred type, completed by what is declared. */
function merged(declared: Type | undefined, inferred: ValueShape | undefined): Type | undefined {
  if (!inferred || (declared && declared.kind !== 'tensor')) return undefined;
  const elementType = inferred.elementType ?? declared?.elementType;
  if (elementType === undefined) return undefined;
  const { shape } = inferred;
  const known = declared?.shape;
  if (!shape) return { kind: 'tensor', elementType, shape: known };
  const sameRank = known?.length === shape.length;
  return {
    kind: 'tensor',
    elementType,
    shape: shape.map((size, axis) => size ?? (sameRank ? known[axis] : undefined)),
  };
}
