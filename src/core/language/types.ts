import { isFunction, outputNames, type Scope } from '../fusion/scope';
import { dataType } from '../onnx/dataTypes';
import { initializersOf } from '../onnx/initializers';
import type { Tensor, Type } from '../onnx/model';
import { Printer } from '../text/printer';
import { printType } from '../text/printValue';

/** A type as ONNX text has it. */
export const typeText = (type: Type): string => printType(type, new Printer({}));

/** The type of a tensor's value. */
export const tensorType = ({ dataType: elementType, dims }: Tensor): Type => ({
  kind: 'tensor',
  elementType,
  shape: dims,
});

/** Only the shape, as in `[1,3,N,?]`; for other than tensors, the whole type. */
export function shapeText(type: Type): string {
  if (type.kind !== 'tensor') return typeText(type);
  const name = dataType(type.elementType)?.name ?? `?${type.elementType}`;
  const shape = typeText(type).slice(name.length);
  return shape === '' ? 'scalar' : shape;
}

const declared = new WeakMap<Scope, ReadonlyMap<string, Type>>();

/** What the text declares about the types of values that a body defines, by name. */
export function declaredTypes(scope: Scope): ReadonlyMap<string, Type> {
  const known = declared.get(scope);
  if (known) return known;
  const types = collectTypes(scope);
  declared.set(scope, types);
  return types;
}

function collectTypes({ body }: Scope): ReadonlyMap<string, Type> {
  const types = new Map<string, Type>();
  for (const { name, type } of body.valueInfos) if (type) types.set(name, type);
  if (isFunction(body)) return types;
  for (const { name, type } of [...body.inputs, ...body.outputs]) if (type) types.set(name, type);
  for (const tensor of initializersOf(body)) {
    if (!types.has(tensor.name)) types.set(tensor.name, tensorType(tensor));
  }
  return types;
}

/** Is the value among the body's outputs? */
export const isOutput = (scope: Scope, name: string): boolean => outputNames(scope.body).includes(name);
