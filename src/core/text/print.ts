import type { Attribute, FunctionProto, Graph, Located, Model, Node, OpsetImport, ValueInfo } from '../onnx/model';
import type { ByteSource } from '../wire/source';
import { extensionsComment } from './extensions';
import { formatSize } from './numbers';
import { Pieces } from './pieces';
import { Printer, type PartOptions, type PrintOptions } from './printer';
import {
  printAttribute,
  printDotted,
  printSparseInitializer,
  printSubgraphName,
  printType,
  writeInitializer,
} from './printValue';

export { quoteIdentifier, quoteString } from './quote';
export type { Notes, PartOptions, PrintOptions } from './printer';

const STEP = '  ';
/** Signatures longer than this are broken, one value a line. */
const LONGEST_LINE = 110;

const MESSAGES_COMMENT =
  '# Data at a location ending in "#TensorProto" is left in typed fields of the model, where the official loader does not look.\n';

/**
 * The model in the ONNX textual syntax. Tensors larger than
 * `options.elideAbove` bytes are written as references into the model file.
 * Where the official grammar can't say something, a form of ours is printed
 * that `parseModel` reads, and a comment at the top says so.
 */
export function printModel(model: Model, source: ByteSource, options: PrintOptions): string {
  const printer = new Printer({ ...options, source });
  const out = new Pieces();
  out.push(printModelHeader(model, printer));
  printer.writeNotes(model.graph, '', out);
  writeGraph(model.graph, printer.identifier(model.graph.name), '', printer, out);
  out.push('\n');
  for (const fn of model.functions) {
    out.push('\n');
    writeFunction(fn, '', printer, out);
    out.push('\n');
  }
  const extensions = printer.extensions.size > 0 ? extensionsComment(printer.extensions) : '';
  return out.text(extensions + (printer.usesMessageReferences ? MESSAGES_COMMENT : ''));
}

/** One node, without indentation before it or a newline after it. */
export function printNode(node: Node, options: PartOptions = {}): string {
  const out = new Pieces();
  writeNode(node, options.indent ?? '', new Printer(options), out);
  return out.text();
}

/** One function with its header, without a newline after it. */
export function printFunction(fn: FunctionProto, options: PartOptions = {}): string {
  const out = new Pieces();
  writeFunction(fn, options.indent ?? '', new Printer(options), out);
  return out.text();
}

function printModelHeader(model: Model, printer: Printer): string {
  const lines = [
    `ir_version: ${formatSize(model.irVersion)}`,
    `opset_import: ${printOpsets(model.opsetImports, printer)}`,
  ];
  if (model.producerName !== '') lines.push(`producer_name: ${printer.string(model.producerName)}`);
  if (model.producerVersion !== '') lines.push(`producer_version: ${printer.string(model.producerVersion)}`);
  if (model.domain !== '') lines.push(`domain: ${printer.string(model.domain)}`);
  if (model.modelVersion !== 0n) lines.push(`model_version: ${model.modelVersion}`);
  if (model.docString !== '') lines.push(`doc_string: ${printer.string(model.docString)}`);
  if (model.metadataProps.length > 0) {
    const entries = model.metadataProps.map(({ key, value }) => `${printer.string(key)}: ${printer.string(value)}`);
    lines.push(`metadata_props: [${entries.join(', ')}]`);
  }
  return printHeader(model, lines, '', printer);
}

function printHeader(element: Located, lines: readonly string[], indent: string, printer: Printer): string {
  const out = new Pieces();
  out.push(`<\n${indent}${STEP}`);
  printer.writeNotes(element, indent + STEP, out);
  out.push(lines.join(`,\n${indent}${STEP}`), `\n${indent}>\n`);
  return out.text();
}

function printOpsets(opsets: readonly OpsetImport[], printer: Printer): string {
  return `[${opsets.map(({ domain, version }) => `${printer.string(domain)}: ${formatSize(version)}`).join(', ')}]`;
}

/** `(a, b)`, broken into lines where it is long. */
function printList(items: readonly string[], indent: string): string {
  const line = `(${items.join(', ')})`;
  if (line.length <= LONGEST_LINE) return line;
  return `(\n${items.map((item) => `${indent}${STEP}${item}`).join(',\n')}\n${indent})`;
}

function printValueInfos(values: readonly ValueInfo[], printer: Printer): string[] {
  return values.map((value) => {
    const out = new Pieces();
    writeValueInfo(value, printer, out);
    return out.text();
  });
}

function writeValueInfo(value: ValueInfo, printer: Printer, out: Pieces): void {
  if (value.type !== undefined) out.push(printType(value.type, printer), ' ');
  printer.writeIdentifier(value.name, out);
}

function writeGraph(graph: Graph, name: string, indent: string, printer: Printer, out: Pieces): void {
  out.push(name, ' ', printList(printValueInfos(graph.inputs, printer), indent));
  out.push(' => ', printList(printValueInfos(graph.outputs, printer), indent), '\n');
  const { initializers, sparseInitializers = [], valueInfos } = graph;
  const declarations = new Declarations(indent, printer, out);
  for (const tensor of initializers) writeInitializer(tensor, printer, declarations.next(tensor));
  for (const tensor of sparseInitializers) declarations.next(tensor).push(printSparseInitializer(tensor, printer));
  for (const value of valueInfos) writeValueInfo(value, printer, declarations.next(value));
  declarations.end();
  writeNodes(graph.nodes, indent, printer, out);
}

/** The `<…>` of a graph or function, one declaration a line; nothing when there is none. */
class Declarations {
  private readonly separator: string;
  private isEmpty = true;

  constructor(
    private readonly indent: string,
    private readonly printer: Printer,
    private readonly out: Pieces,
  ) {
    this.separator = `,\n${indent}${STEP}`;
  }

  /** Go to where the next declaration, which is that of `element`, is to be written. */
  next(element: Located): Pieces {
    this.out.push(this.isEmpty ? `${this.indent}<\n${this.indent}${STEP}` : this.separator);
    this.isEmpty = false;
    this.printer.writeNotes(element, this.indent + STEP, this.out);
    return this.out;
  }

  end(): void {
    if (!this.isEmpty) this.out.push(`\n${this.indent}>\n`);
  }
}

function writeNodes(nodes: readonly Node[], indent: string, printer: Printer, out: Pieces): void {
  const inner = indent + STEP;
  out.push(indent, '{\n');
  for (const node of nodes) {
    out.push(inner);
    printer.writeNotes(node, inner, out);
    writeNode(node, inner, printer, out);
    out.push('\n');
  }
  out.push(indent, '}');
}

function writeNode(node: Node, indent: string, printer: Printer, out: Pieces): void {
  if (node.name !== '') {
    out.push('[');
    printer.writeIdentifier(node.name, out);
    out.push('] ');
  }
  printer.writeIdentifiers(node.outputs, out);
  out.push(node.outputs.length === 0 ? '= ' : ' = ', printOperator(node, printer));
  const { attributes } = node;
  const hasGraphs = attributes.some(({ value }) => value.type === 'GRAPH' || value.type === 'GRAPHS');
  if (attributes.length > 0 && !hasGraphs) writeAttributes(attributes, ' <', ', ', '>', indent, printer, out);
  out.push(' (');
  printer.writeIdentifiers(node.inputs, out);
  out.push(')');
  if (!hasGraphs) return;
  const inner = indent + STEP;
  writeAttributes(attributes, ` <\n${inner}`, `,\n${inner}`, `\n${indent}>`, inner, printer, out);
}

function writeAttributes(
  attributes: readonly Attribute[],
  before: string,
  between: string,
  after: string,
  indent: string,
  printer: Printer,
  out: Pieces,
): void {
  for (let i = 0; i < attributes.length; i++) {
    out.push(i === 0 ? before : between, attributeText(attributes[i]!, indent, printer));
  }
  out.push(after);
}

/** `domain.Op:overload`. */
function printOperator(node: Node, printer: Printer): string {
  let text = node.domain === '' ? '' : `${printDotted(node.domain, printer)}.`;
  // The official parser takes an absent op type, but not after a domain.
  if (node.opType !== '' || node.domain !== '') text += printer.bareIdentifier(node.opType);
  return node.overload === '' ? text : `${text}:${printer.bareIdentifier(node.overload)}`;
}

function attributeText(attribute: Attribute, indent: string, printer: Printer): string {
  return printAttribute(attribute, printer, (value) => {
    const print = (graph: Graph, at: string) => {
      const out = new Pieces();
      writeGraph(graph, printSubgraphName(graph.name, printer), at, printer, out);
      return out.text();
    };
    if (value.type === 'GRAPH') return print(value.value, indent);
    const inner = indent + STEP;
    if (value.value.length === 0) return '[]';
    return `[\n${value.value.map((graph) => inner + print(graph, inner)).join(',\n')}\n${indent}]`;
  });
}

function writeFunction(fn: FunctionProto, indent: string, printer: Printer, out: Pieces): void {
  const lines = [`domain: ${printer.string(fn.domain)}`];
  if (fn.overload !== '') lines.push(`overload: ${printer.string(fn.overload)}`);
  lines.push(`opset_import: ${printOpsets(fn.opsetImports, printer)}`);
  if (fn.docString !== '') lines.push(`doc_string: ${printer.string(fn.docString)}`);
  const attributes = fn.attributes.map((name) => printer.identifier(name));
  for (const attribute of fn.attributeDefaults) attributes.push(attributeText(attribute, indent, printer));
  out.push(printHeader(fn, lines, indent, printer), indent);
  out.push(printer.identifier(fn.name), ' ');
  if (attributes.length > 0) out.push(`<${attributes.join(', ')}> `);
  const names = (list: readonly string[]) => list.map((name) => printer.identifier(name));
  out.push(printList(names(fn.inputs), indent), ' => ');
  out.push(printList(names(fn.outputs), indent), '\n');
  const declarations = new Declarations(indent, printer, out);
  for (const value of fn.valueInfos) writeValueInfo(value, printer, declarations.next(value));
  declarations.end();
  writeNodes(fn.nodes, indent, printer, out);
}
