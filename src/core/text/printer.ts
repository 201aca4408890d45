import type { AttributeValue, Located, Type } from '../onnx/model';
import { blockSource } from '../wire/blocks';
import { bytesSource, type ByteSource } from '../wire/source';
import type { Extension } from './extensions';
import type { Pieces } from './pieces';
import { isIdentifier, needsEscapes, needsQuotesOnly, quoteIdentifier, quoteString } from './quote';

/** How models are printed. */
export interface PrintOptions {
  /** Name of the model file, in which elided tensors are said to lie. */
  readonly fileName: string;
  /** Tensors whose data is larger than this many bytes are elided; 128 when not given. */
  readonly elideAbove?: number | undefined;
  /**
   * Comments to put before elements, one a line and without the `#`, by the
   * offset at which the element's message starts: the model's (0), a
   * function's, the main graph's, a node's, or that of an initializer or value
   * declared between `<` and `>`.
   */
  readonly notes?: Notes | undefined;
}

export type Notes = ReadonlyMap<number, readonly string[]>;

/** How a part of a model is printed. */
export interface PartOptions extends Partial<PrintOptions> {
  /** The file that embedded and typed tensors lie in. */
  readonly source?: ByteSource | undefined;
  /** White space in front of continued lines. */
  readonly indent?: string | undefined;
}

export const DEFAULT_ELIDE_ABOVE = 128;

/** What the printing functions share. */
export class Printer {
  readonly source: ByteSource;
  readonly fileName: string;
  readonly elideAbove: number;
  /** What has been printed in forms that the official parser rejects. */
  readonly extensions = new Set<Extension>();
  /** Set once a typed tensor is referred to, whose data the official loader can't find. */
  usesMessageReferences = false;
  private readonly notes: Notes | undefined;

  /** Texts of types and attributes: a decoded model has one object for those that are equal. */
  readonly types = new Map<Type, string>();
  readonly attributes = new Map<AttributeValue, { readonly name: string; readonly text: string }>();
  /** `["location": …` of elided tensors. */
  private readonly locations = new Map<string, string>();

  constructor(options: PartOptions) {
    this.source = options.source === undefined ? bytesSource(new Uint8Array(0)) : blockSource(options.source);
    this.fileName = options.fileName ?? 'model.onnx';
    this.elideAbove = options.elideAbove ?? DEFAULT_ELIDE_ABOVE;
    this.notes = options.notes;
  }

  /** Write the comments on an element, each with a newline and `indent` behind it. */
  writeNotes(element: Located, indent: string, out: Pieces): void {
    if (this.notes === undefined || element.origin === undefined) return;
    for (const note of this.notes.get(element.origin.start) ?? []) {
      out.push('# ', note, '\n');
      out.push(indent);
    }
  }

  string(text: string): string {
    if (needsEscapes(text)) this.extensions.add('bytes');
    return quoteString(text);
  }

  /** `["location": …`, of the location of elided tensors. */
  location(location: string): string {
    let text = this.locations.get(location);
    if (text === undefined) this.locations.set(location, (text = `["location": ${quoteString(location)}`));
    return text;
  }

  identifier(name: string): string {
    const text = quoteIdentifier(name);
    if (text.startsWith('$')) this.extensions.add('bytes');
    return text;
  }

  /** Write {@link identifier}s, separated by commas. */
  writeIdentifiers(names: readonly string[], out: Pieces): void {
    for (let i = 0; i < names.length; i++) {
      if (i > 0) out.push(', ');
      this.writeIdentifier(names[i]!, out);
    }
  }

  /** Write an {@link identifier}. Its parts apart take less memory than a string of them. */
  writeIdentifier(name: string, out: Pieces): void {
    if (needsQuotesOnly(name)) out.push('"', name, '"');
    else out.push(this.identifier(name));
  }

  /** A name where the official grammar has no quoted form. */
  bareIdentifier(name: string): string {
    if (isIdentifier(name)) return name;
    this.extensions.add('names');
    return this.string(name);
  }
}
