import type { Attribute, FunctionProto, Graph, Model, Node, OpsetImport, ValueInfo } from '../onnx/model';
import type { ByteSource } from '../wire/source';
import { extensionsComment } from './extensions';
import { formatSize } from './numbers';
import { Printer, type PartOptions, type PrintOptions } from './printer';
import {
  printAttribute,
  printDotted,
  printInitializer,
  printSparseInitializer,
  printSubgraphName,
  printType,
} from './printValue';

export { quoteIdentifier, quoteString } from './quote';
export type { PartOptions, PrintOptions } from './printer';

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
  let text = printModelHeader(model, printer);
  text += printGraph(model.graph, printer.identifier(model.graph.name), '', printer);
  text += '\n';
  for (const fn of model.functions) text += `\n${functionText(fn, '', printer)}\n`;
  if (printer.usesMessageReferences) text = MESSAGES_COMMENT + text;
  return printer.extensions.size > 0 ? extensionsComment(printer.extensions) + text : text;
}

/** One node, without indentation before it or a newline after it. */
export function printNode(node: Node, options: PartOptions = {}): string {
  return nodeText(node, options.indent ?? '', new Printer(options));
}

/** One function with its header, without a newline after it. */
export function printFunction(fn: FunctionProto, options: PartOptions = {}): string {
  return functionText(fn, options.indent ?? '', new Printer(options));
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
  return printHeader(lines, '');
}

function printHeader(lines: readonly string[], indent: string): string {
  return `<\n${lines.map((line) => `${indent}${STEP}${line}`).join(',\n')}\n${indent}>\n`;
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

function printValueInfo(value: ValueInfo, printer: Printer): string {
  const name = printer.identifier(value.name);
  return value.type === undefined ? name : `${printType(value.type, printer)} ${name}`;
}

function printValueInfos(values: readonly ValueInfo[], printer: Printer): string[] {
  return values.map((value) => printValueInfo(value, printer));
}

function printGraph(graph: Graph, name: string, indent: string, printer: Printer): string {
  let text = `${name} ${printList(printValueInfos(graph.inputs, printer), indent)}`;
  text += ` => ${printList(printValueInfos(graph.outputs, printer), indent)}\n`;
  const declared = graph.initializers.map((tensor) => printInitializer(tensor, printer));
  for (const tensor of graph.sparseInitializers ?? []) declared.push(printSparseInitializer(tensor, printer));
  for (const value of graph.valueInfos) declared.push(printValueInfo(value, printer));
  return text + printDeclarations(declared, indent) + printNodes(graph.nodes, indent, printer);
}

/** The `<…>` of a graph or function, one declaration a line; nothing when there is none. */
function printDeclarations(declared: readonly string[], indent: string): string {
  if (declared.length === 0) return '';
  return `${indent}<\n${indent}${STEP}${declared.join(`,\n${indent}${STEP}`)}\n${indent}>\n`;
}

function printNodes(nodes: readonly Node[], indent: string, printer: Printer): string {
  const inner = indent + STEP;
  let text = `${indent}{\n`;
  for (const node of nodes) text += `${inner}${nodeText(node, inner, printer)}\n`;
  return `${text}${indent}}`;
}

function nodeText(node: Node, indent: string, printer: Printer): string {
  let text = node.name === '' ? '' : `[${printer.identifier(node.name)}] `;
  const outputs = printer.identifiers(node.outputs);
  text += outputs === '' ? '= ' : `${outputs} = `;
  text += printOperator(node, printer);
  const inputs = ` (${printer.identifiers(node.inputs)})`;
  if (node.attributes.length === 0) return text + inputs;
  if (node.attributes.some(({ value }) => value.type === 'GRAPH' || value.type === 'GRAPHS')) {
    const inner = indent + STEP;
    const attributes = node.attributes.map((attribute) => inner + attributeText(attribute, inner, printer));
    return `${text}${inputs} <\n${attributes.join(',\n')}\n${indent}>`;
  }
  const attributes = node.attributes.map((attribute) => attributeText(attribute, indent, printer));
  return `${text} <${attributes.join(', ')}>${inputs}`;
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
    const print = (graph: Graph, at: string) => printGraph(graph, printSubgraphName(graph.name, printer), at, printer);
    if (value.type === 'GRAPH') return print(value.value, indent);
    const inner = indent + STEP;
    if (value.value.length === 0) return '[]';
    return `[\n${value.value.map((graph) => inner + print(graph, inner)).join(',\n')}\n${indent}]`;
  });
}

function functionText(fn: FunctionProto, indent: string, printer: Printer): string {
  const lines = [`domain: ${printer.string(fn.domain)}`];
  if (fn.overload !== '') lines.push(`overload: ${printer.string(fn.overload)}`);
  lines.push(`opset_import: ${printOpsets(fn.opsetImports, printer)}`);
  if (fn.docString !== '') lines.push(`doc_string: ${printer.string(fn.docString)}`);
  const attributes = fn.attributes.map((name) => printer.identifier(name));
  for (const attribute of fn.attributeDefaults) attributes.push(attributeText(attribute, indent, printer));
  let text = printHeader(lines, indent) + indent + printer.identifier(fn.name) + ' ';
  if (attributes.length > 0) text += `<${attributes.join(', ')}> `;
  text += printList(
    [...fn.inputs].map((name) => printer.identifier(name)),
    indent,
  );
  text += ` => ${printList(
    [...fn.outputs].map((name) => printer.identifier(name)),
    indent,
  )}\n`;
  text += printDeclarations(printValueInfos(fn.valueInfos, printer), indent);
  return text + printNodes(fn.nodes, indent, printer);
}
