import { ParsedAttribute, ParsedNode } from '../../../src/core/text/parsedNode';

/** All that a model that was read from text, or a part of it, says, places included. */
export function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Uint8Array) return [...value];
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof ParsedNode) {
    const { name, domain, opType, overload, inputs, outputs, attributes, span, spans, reach, isIncomplete } = value;
    const parts = { name, domain, opType, overload, inputs, outputs, attributes, span, spans, reach, isIncomplete };
    return plain(parts);
  }
  if (value instanceof ParsedAttribute) return { name: value.name, value: plain(value.value), span: value.span };
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}
