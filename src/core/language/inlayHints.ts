import type { Scope } from '../fusion/scope';
import type { Node, TextSpan } from '../onnx/model';
import type { TypeOf } from './hover';
import { lastIndexFrom, type TextIndex } from './textIndex';
import { declaredTypes, shapeText, typeText } from './types';

export interface ShapeHint {
  /** The hint stands behind this offset. */
  readonly offset: number;
  readonly label: string;
  readonly tooltip: string;
}

/** The shapes of the results of the nodes in a range of the text, as far as they are inferred or else declared. */
export function shapeHints(index: TextIndex, range: TextSpan, inferred?: TypeOf): readonly ShapeHint[] {
  const hints: ShapeHint[] = [];
  const addBody = (scope: Scope) => {
    const declared = declaredTypes(scope);
    const { nodes } = scope.body;
    for (let i = Math.max(0, lastIndexFrom(scope, range.start)); i < nodes.length; i++) {
      const node = nodes[i]!;
      if ((node.span?.start ?? 0) >= range.end) break;
      addNode(scope, node, (name) => inferred?.(scope, name) ?? declared.get(name));
    }
  };
  const addNode = (scope: Scope, node: Node, typeOf: (name: string) => ReturnType<TypeOf>) => {
    node.outputs.forEach((name, i) => {
      const span = node.spans?.outputs[i];
      const type = name === '' ? undefined : typeOf(name);
      if (type && span && span.end >= range.start && span.end <= range.end) {
        hints.push({ offset: span.end, label: shapeText(type), tooltip: typeText(type) });
      }
    });
    for (const child of scope.children.get(node) ?? []) addBody(child);
  };
  for (const scope of index.scopes) {
    const { span } = scope.body;
    if (!scope.parent && span && span.end >= range.start && span.start <= range.end) addBody(scope);
  }
  return hints;
}
