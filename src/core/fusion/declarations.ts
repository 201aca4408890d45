import type { Dimension, ValueInfo } from '../onnx/model';
import { isFunction, type Body } from './values';

/** By name, of one list of a body. */
type Infos = ReadonlyMap<string, ValueInfo>;

/** The states of a text share these lists while only nodes are edited. */
const byList = new WeakMap<readonly ValueInfo[], Infos>();

function byName(list: readonly ValueInfo[]): Infos {
  let infos = byList.get(list);
  if (!infos) byList.set(list, (infos = new Map(list.map((info) => [info.name, info]))));
  return infos;
}

/** What a body declares of its values' types, the most decisive list first. */
const byBody = new WeakMap<Body, readonly Infos[]>();

function infosOf(body: Body): readonly Infos[] {
  let infos = byBody.get(body);
  if (!infos) {
    const lists = isFunction(body) ? [body.valueInfos] : [body.valueInfos, body.outputs, body.inputs];
    byBody.set(body, (infos = lists.map(byName)));
  }
  return infos;
}

/** The element type that a body declares for a value of its own, a `TensorProto.DataType`. */
export function declaredElementType(body: Body, name: string): number | undefined {
  for (const infos of infosOf(body)) {
    const type = infos.get(name)?.type;
    if (type?.kind === 'tensor' && type.elementType !== 0) return type.elementType;
  }
  return undefined;
}

/** The shape that a body declares for a value of its own. */
export function declaredShape(body: Body, name: string): readonly Dimension[] | undefined {
  for (const infos of infosOf(body)) {
    const type = infos.get(name)?.type;
    if (type?.kind === 'tensor' && type.shape) return type.shape;
  }
  return undefined;
}
