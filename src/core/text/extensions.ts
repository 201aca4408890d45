/**
 * What a model can contain that the official grammar (onnx `docs/Syntax.md`, as
 * its parser reads it) has no form for. Each has a form of ours, which
 * `parseModel` reads; docs/onnx-text.md lists them.
 */
export const EXTENSIONS = {
  names: 'a name that is no identifier where the grammar has no quotes',
  subgraph: "a subgraph's name that is no identifier or reads as a type",
  sparse: 'a sparse tensor',
  type: 'a type without its element type, or with an unknown one',
  undefined: 'an attribute without a value',
  bytes: 'a string with NUL, CR or ESC, or with bytes that are not UTF-8',
  external: 'external data that says nothing of where it is',
  data: "data that doesn't agree with the tensor's type",
} as const;

export type Extension = keyof typeof EXTENSIONS;

const START = '# Beyond the official ONNX grammar: ';

/** The comment line at the top of a text that uses these, in the order of {@link EXTENSIONS}. */
export function extensionsComment(used: ReadonlySet<Extension>): string {
  const all = Object.keys(EXTENSIONS) as Extension[];
  const phrases = all.filter((extension) => used.has(extension)).map((extension) => EXTENSIONS[extension]);
  return `${START}${phrases.join('; ')}.\n`;
}
