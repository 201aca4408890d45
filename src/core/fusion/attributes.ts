import type { Attribute, Node } from '../onnx/model';

const valueOf = (node: Node, name: string): Attribute['value'] | undefined =>
  node.attributes.find((attribute) => attribute.name === name)?.value;

/** The node's integer attribute, when it is stated. */
export function integer(node: Node, name: string): number | undefined {
  const value = valueOf(node, name);
  return value?.type === 'INT' ? Number(value.value) : undefined;
}

/** The node's list of integers, when it is stated. */
export function integers(node: Node, name: string): readonly number[] | undefined {
  const value = valueOf(node, name);
  return value?.type === 'INTS' ? value.value.map(Number) : undefined;
}
