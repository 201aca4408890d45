import { signatureNamed } from './completion';
import { inputListAt } from './context';
import { signatureMarkdown } from './hover';
import { signatureLine } from './signatureText';
import type { TextIndex } from './textIndex';

export interface SignatureHelp {
  readonly label: string;
  /** In Markdown. */
  readonly documentation: string;
  /** Where the inputs stand in `label`. */
  readonly inputs: readonly (readonly [number, number])[];
  readonly activeInput: number;
}

/** The signature of the op whose inputs are being written at `offset`. */
export function signatureHelpAt(index: TextIndex, offset: number): SignatureHelp | undefined {
  const place = inputListAt(index, offset);
  const signature = place && signatureNamed(index, place.scope, place.op);
  if (!signature) return undefined;
  const { label, inputs } = signatureLine(signature);
  const isVariadic = signature.inputs.at(-1)?.option === 'variadic';
  const activeInput = isVariadic ? Math.min(place.position, inputs.length - 1) : place.position;
  return { label, documentation: signatureMarkdown(signature), inputs, activeInput };
}
