import { isDefaultDomain } from '../fusion/scope';
import type { AttributeFact, Formal, OpSignature } from './ops';

/** An attribute as `name: type = default`. */
export function attributeText({ name, type, required, default: value }: AttributeFact): string {
  const annotation = type === 'UNDEFINED' ? '' : `: ${type.toLowerCase()}`;
  if (required) return `${name}${annotation} (required)`;
  return value === undefined ? `${name}${annotation}` : `${name}${annotation} = ${JSON.stringify(value)}`;
}

/** An input or output as `name: type`, with `?` when optional and `…` when variadic. */
export function formalText({ name, option, type }: Formal): string {
  const mark = option === 'optional' ? '?' : option === 'variadic' ? '…' : '';
  return type === '' ? `${name}${mark}` : `${name}${mark}: ${type}`;
}

/** The op's name as a node calls it. */
export const qualifiedName = ({ domain, name }: { readonly domain: string; readonly name: string }): string =>
  isDefaultDomain(domain) ? name : `${domain}.${name}`;

/** `Op (inputs) => (outputs)`, and where the inputs stand in it. */
export function signatureLine(signature: OpSignature): {
  readonly label: string;
  readonly inputs: readonly (readonly [number, number])[];
} {
  let label = `${qualifiedName(signature)} (`;
  const inputs = signature.inputs.map((input, i): readonly [number, number] => {
    if (i > 0) label += ', ';
    const start = label.length;
    label += formalText(input);
    return [start, label.length];
  });
  label += `) => (${signature.outputs.map(formalText).join(', ')})`;
  return { label, inputs };
}

/** The types that the signature's constraints allow, a line each: `T: float16, float`. */
export function constraintLines({ types }: OpSignature): readonly string[] {
  return [...types].map(([name, allowed]) => `${name}: ${summary(allowed)}`);
}

function summary(types: readonly string[]): string {
  const short = types.every((type) => type.startsWith('tensor(')) ? types.map((type) => type.slice(7, -1)) : types;
  return short.join(', ');
}
