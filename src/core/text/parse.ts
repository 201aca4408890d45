import type { Attribute, FunctionProto, Model, OpsetImport, StringEntry, TextSpan, ValueInfo } from '../onnx/model';
import { parseAttributeAfterName } from './parseAttribute';
import { expectArrow, parseGraph, parseNodes, parseValues, skipSignature } from './parseGraph';
import type { ParsedNode } from './parsedNode';
import { parseEntries, parseTypeIfNext } from './parseTensor';
import { seekElement, seekFunction } from './recover';
import { Reuse, type ParsedText } from './reuse';
import { Char, Scanner, SyntaxFailure } from './scanner';

export type { ParsedText } from './reuse';
export type { ParseError } from './scanner';

/**
 * The model that ONNX text states, by the official grammar (onnx
 * `docs/Syntax.md`) and the forms that `printModel` adds to it. Every element
 * has its place in the text.
 *
 * Never throws: mistakes are listed, and the model has everything that could
 * be read.
 */
export function parseModel(text: string): ParsedText {
  return parse(new Scanner(text));
}

/**
 * The same as {@link parseModel} for a text that is mostly as it was: nodes
 * outside what was edited aren't read again. Those in front of it are the same
 * objects as before, as are the header and the graph's declarations; those
 * behind it are copies with other places.
 */
export function reparseModel(previous: ParsedText, text: string): ParsedText {
  if (previous.text === text) return previous;
  const reuse = new Reuse(previous, text);
  return parse(new Scanner(text, reuse), reuse.head);
}

/** @param before the model as it was, where all in front of its graph's nodes is the same. */
function parse(scanner: Scanner, before?: Model): ParsedText {
  const { text, errors, skipped } = scanner;
  const { graph, ...header } = before ? parseBehind(scanner, before) : parseHead(scanner);
  const functions: FunctionProto[] = [];
  while (scanner.peek() >= 0) {
    const start = scanner.pos;
    try {
      functions.push(parseFunction(scanner));
    } catch (failure) {
      scanner.report(failure);
      seekFunction(scanner, Math.max(scanner.pos, start + 1));
      scanner.skip({ start, end: scanner.pos });
    }
  }
  const model: Model = {
    ...header,
    graph,
    functions,
    span: { start: 0, end: text.length },
    skippedSpans: skipped.length > 0 ? skipped : undefined,
  };
  return { text, model, errors, isHeadWhole: scanner.isHeadWhole };
}

type Head = Omit<Model, 'functions'>;

function parseHead(scanner: Scanner): Head {
  return { ...parseModelHeader(scanner), graph: parseGraph(scanner, 1) };
}

function parseBehind(scanner: Scanner, before: Model): Head {
  const { graph } = before;
  const nodes: ParsedNode[] = [];
  scanner.pos = graph.bodySpan!.start;
  scanner.isHeadWhole = true;
  const bodySpan = parseNodes(scanner, nodes, 1);
  return { ...before, graph: { ...graph, nodes, span: { start: graph.span!.start, end: scanner.pos }, bodySpan } };
}

type Fields = {
  -readonly [Key in Exclude<keyof Model, 'graph' | 'functions' | 'origin' | 'span' | 'skippedSpans'>]: Model[Key];
};

function parseModelHeader(scanner: Scanner): Fields {
  const fields: Fields = {
    irVersion: 0,
    opsetImports: [],
    producerName: '',
    producerVersion: '',
    domain: '',
    modelVersion: 0n,
    docString: '',
    metadataProps: [],
    headerSpan: undefined,
  };
  const metadata: StringEntry[] = [];
  const opsets: OpsetImport[] = [];
  const keys: Record<string, () => void> = {
    ir_version: () => (fields.irVersion = Number(scanner.int64('a version number'))),
    opset_import: () => parseOpsets(scanner, opsets),
    producer_name: () => (fields.producerName = scanner.string('a string')),
    producer_version: () => (fields.producerVersion = scanner.string('a string')),
    domain: () => (fields.domain = scanner.string('a string')),
    model_version: () => (fields.modelVersion = scanner.int64('a version number')),
    doc_string: () => (fields.docString = scanner.string('a string')),
    metadata_props: () => metadata.push(...parseEntries(scanner)),
  };
  fields.headerSpan = parseHeader(scanner, keys, 'model');
  fields.opsetImports = opsets;
  fields.metadataProps = metadata;
  return fields;
}

/** `<key: value, …>`, if it is next; returns its span. Mistakes are reported. */
function parseHeader(scanner: Scanner, keys: Record<string, () => void>, what: string): TextSpan | undefined {
  if (scanner.peek() !== Char.Less && !seekHeader(scanner, keys, what)) return undefined;
  const start = scanner.pos;
  scanner.matches(Char.Less);
  for (;;) {
    scanner.peek();
    const keyStart = scanner.pos;
    const errorsBefore = scanner.errors.length;
    try {
      const key = scanner.identifier();
      const read = Object.hasOwn(keys, key) ? keys[key] : undefined;
      if (read === undefined) {
        scanner.pos = keyStart;
        throw scanner.unexpected(`a key of the ${what}'s header (${Object.keys(keys).join(', ')})`);
      }
      scanner.expect(Char.Colon, `after ${key}`);
      read();
      const code = scanner.peek();
      if (code !== Char.Comma && code !== Char.Greater) {
        const failure = scanner.unexpected("',' or '>' after the value");
        if (!scanner.atLineStart() || !scanner.isIdentifierStart(code)) throw failure;
        if (!Object.hasOwn(keys, scanner.peekIdentifier())) throw failure;
        // Only the comma is missing.
        scanner.report(failure);
        continue;
      }
    } catch (failure) {
      if (!(failure instanceof SyntaxFailure)) throw failure;
      const next = seekElement(scanner, keyStart, Char.Greater, failure, errorsBefore);
      if (next === 'end') return { start, end: scanner.pos };
      if (next === 'element') continue;
    }
    if (scanner.matches(Char.Greater)) {
      const end = scanner.pos;
      if (scanner.peek() !== Char.Comma) {
        scanner.pos = end;
        return { start, end };
      }
      scanner.report(new SyntaxFailure("This '>' ends the header, but it goes on.", { start: end - 1, end }));
    }
    if (!scanner.matches(Char.Comma)) {
      scanner.report(new SyntaxFailure("This '<' isn't closed.", { start, end: start + 1 }));
      return { start, end: scanner.pos };
    }
  }
}

/** Where something else stands in front of a header or in place of its `<`, report it and go to the header. */
function seekHeader(scanner: Scanner, keys: Record<string, () => void>, what: string): boolean {
  const names = Object.keys(keys).join('|');
  const header = new RegExp(`(?:[^\\n<]*(?=<)<\\s*)?(?:${names})\\s*:\\s*(?:\\$?"|\\[|[0-9])`, 'y');
  header.lastIndex = scanner.pos;
  const found = header.exec(scanner.text)?.[0];
  if (found === undefined) return false;
  scanner.report(scanner.unexpected(`'<' before the ${what}'s header`));
  scanner.pos += Math.max(0, found.indexOf('<'));
  return true;
}

/** `["domain": version, …]`. */
function parseOpsets(scanner: Scanner, opsets: OpsetImport[]): void {
  scanner.expect(Char.OpenBracket, 'before the opsets');
  if (scanner.matches(Char.CloseBracket)) return;
  do {
    scanner.peek();
    const start = scanner.pos;
    const domain = scanner.string('a domain in quotes');
    scanner.expect(Char.Colon, 'after the domain');
    const version = Number(scanner.int64('a version number'));
    opsets.push({ domain, version, span: { start, end: scanner.pos } });
  } while (scanner.matches(Char.Comma));
  scanner.expect(Char.CloseBracket, 'after the opsets');
}

/** `<header> name <attributes> (inputs) => (outputs) <values> {nodes}`. */
function parseFunction(scanner: Scanner): FunctionProto {
  scanner.peek();
  const start = scanner.pos;
  let domain = '';
  let domainSpan: TextSpan | undefined;
  let overload = '';
  let docString = '';
  const opsetImports: OpsetImport[] = [];
  parseHeader(
    scanner,
    {
      domain: () => {
        scanner.peek();
        const at = scanner.pos;
        domain = scanner.string('a string');
        domainSpan = { start: at, end: scanner.pos };
      },
      overload: () => (overload = scanner.string('a string')),
      opset_import: () => parseOpsets(scanner, opsetImports),
      doc_string: () => (docString = scanner.string('a string')),
    },
    'function',
  );
  scanner.peek();
  const nameStart = scanner.pos;
  const name = scanner.name("a function's header or name");
  const nameSpan = { start: nameStart, end: scanner.pos };
  const attributes: string[] = [];
  const attributeDefaults: Attribute[] = [];
  const attributeSpans: TextSpan[] = [];
  const valueInfos: ValueInfo[] = [];
  const inputs: string[] = [];
  const outputs: string[] = [];
  const inputSpans: TextSpan[] = [];
  const outputSpans: TextSpan[] = [];
  const errorsBefore = scanner.errors.length;
  try {
    if (scanner.matches(Char.Less)) parseFormalAttributes(scanner, attributes, attributeSpans, attributeDefaults);
    parseFormals(scanner, inputs, valueInfos, inputSpans);
    expectArrow(scanner);
    parseFormals(scanner, outputs, valueInfos, outputSpans);
    if (scanner.peek() === Char.Less) parseValues(scanner, valueInfos, [], Char.Greater, 'value');
  } catch (failure) {
    skipSignature(scanner, nameStart, failure, errorsBefore);
    if (scanner.peek() === Char.Less) parseValues(scanner, valueInfos, [], Char.Greater, 'value');
  }
  const nodes: ParsedNode[] = [];
  const bodySpan = parseNodes(scanner, nodes, 1);
  return {
    name,
    domain,
    overload,
    docString,
    opsetImports,
    inputs,
    outputs,
    attributes,
    attributeDefaults,
    valueInfos,
    nodes,
    span: { start, end: scanner.pos },
    nameSpan,
    bodySpan,
    spans: { domain: domainSpan, inputs: inputSpans, outputs: outputSpans, attributes: attributeSpans },
  };
}

function parseFormalAttributes(scanner: Scanner, names: string[], spans: TextSpan[], defaults: Attribute[]): void {
  if (scanner.matches(Char.Greater)) return;
  do {
    scanner.peek();
    const start = scanner.pos;
    const name = scanner.name("an attribute's name");
    const end = scanner.pos;
    const code = scanner.peek();
    if (code === Char.Colon || code === Char.Equals) {
      defaults.push(parseAttributeAfterName(scanner, name, start, 2, parseGraph));
    } else {
      names.push(name);
      spans.push({ start, end });
    }
  } while (scanner.matches(Char.Comma));
  if (!scanner.matches(Char.Greater)) throw scanner.unexpected("',' or '>' after an attribute");
}

/** `(type? name, …)` of a function, added to `names`; the types are added to `valueInfos`. */
function parseFormals(scanner: Scanner, names: string[], valueInfos: ValueInfo[], spans: TextSpan[]): void {
  scanner.expect(Char.OpenParen, 'before the names');
  if (scanner.matches(Char.CloseParen)) return;
  do {
    scanner.peek();
    const start = scanner.pos;
    const type = parseTypeIfNext(scanner);
    scanner.peek();
    const nameStart = scanner.pos;
    const name = scanner.name('a name');
    const end = scanner.pos;
    names.push(name);
    const nameSpan = { start: nameStart, end };
    spans.push(nameSpan);
    if (type !== undefined) {
      valueInfos.push({ name, type, span: { start, end }, nameSpan });
    }
  } while (scanner.matches(Char.Comma));
  if (!scanner.matches(Char.CloseParen)) throw scanner.unexpected("',' or ')' after a name");
}
