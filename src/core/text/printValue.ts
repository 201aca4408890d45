import { DataTypes, dataType, literalCount } from '../onnx/dataTypes';
import type { Attribute, AttributeValue, Dimension, SparseTensor, Tensor, TensorValues, Type } from '../onnx/model';
import { readTensor, storedSize } from '../onnx/tensor';
import { decodeUtf8 } from '../wire/utf8';
import { formatElement, formatFloat32, formatFloat64, formatInt64, formatSize } from './numbers';
import { Pieces } from './pieces';
import type { Printer } from './printer';
import { isIdentifier, startsType } from './quote';
import { messageLocation } from './references';

/** An element type; a number of ONNX versions to come, or UNDEFINED, is `?n`, a form of ours. */
function printElementType(number: number, printer: Printer): string {
  const type = dataType(number);
  if (type !== undefined) return type.name;
  printer.extensions.add('type');
  return `?${number}`;
}

function printTensorType(elementType: number, shape: readonly Dimension[] | undefined, printer: Printer): string {
  const type = printElementType(elementType, printer);
  if (shape === undefined) return `${type}[]`;
  if (shape.length === 0) return type;
  let dimensions = '';
  for (let i = 0; i < shape.length; i++) {
    const dimension = shape[i];
    if (i > 0) dimensions += ',';
    if (dimension === undefined) dimensions += '?';
    else dimensions += typeof dimension === 'number' ? formatSize(dimension) : printer.identifier(dimension);
  }
  return `${type}[${dimensions}]`;
}

/** A type. One that says nothing is `?`, a form of ours, as are `seq()`, `optional()` and `map(key)` without a type. */
export function printType(type: Type, printer: Printer): string {
  let text = printer.types.get(type);
  if (text === undefined) printer.types.set(type, (text = typeText(type, printer)));
  return text;
}

function typeText(type: Type, printer: Printer): string {
  switch (type.kind) {
    case 'tensor':
      return printTensorType(type.elementType, type.shape, printer);
    case 'sparse_tensor':
      return `sparse_tensor(${printTensorType(type.elementType, type.shape, printer)})`;
    case 'sequence':
      return `seq(${printOptionalType(type.elementType, printer)})`;
    case 'optional':
      return `optional(${printOptionalType(type.elementType, printer)})`;
    case 'map': {
      const key = printElementType(type.keyType, printer);
      const value = printOptionalType(type.valueType, printer);
      return value === '' ? `map(${key})` : `map(${key}, ${value})`;
    }
    case 'opaque':
      return printOpaque(type.domain, type.name, printer);
    case 'unset':
      printer.extensions.add('type');
      return '?';
  }
}

function printOptionalType(type: Type | undefined, printer: Printer): string {
  if (type !== undefined) return printType(type, printer);
  printer.extensions.add('type');
  return '';
}

function printOpaque(domain: string, name: string, printer: Printer): string {
  if (domain === '') return name === '' ? 'opaque()' : `opaque(${printDotted(name, printer)})`;
  return `opaque(${printDotted(domain, printer)}, ${printer.bareIdentifier(name)})`;
}

/** Identifiers joined by dots, as domains are; anything else is quoted, a form of ours. */
export function printDotted(name: string, printer: Printer): string {
  if (isIdentifier(name) || name.split('.').every(isIdentifier)) return name;
  printer.extensions.add('names');
  return printer.string(name);
}

/** `type name = data` of an initializer. */
export function printInitializer(tensor: Tensor, printer: Printer): string {
  const out = new Pieces();
  writeInitializer(tensor, printer, out);
  return out.text();
}

/** Write {@link printInitializer}. */
export function writeInitializer(tensor: Tensor, printer: Printer, out: Pieces): void {
  out.push(printTensorType(tensor.dataType, tensor.dims, printer), ' ');
  printer.writeIdentifier(tensor.name, out);
  out.push(' = ');
  writeTensorData(tensor, printer, out);
}

/** `type {…}`, or `type name = data` where the tensor has a name: a tensor that is an attribute's value. */
export function printTensor(tensor: Tensor, printer: Printer): string {
  const type = printTensorType(tensor.dataType, tensor.dims, printer);
  const parts = new Pieces();
  writeTensorData(tensor, printer, parts);
  const data = parts.text();
  if (tensor.name === '') return data.startsWith('{') ? `${type} ${data}` : `${type} = ${data}`;
  const name = printer.identifier(tensor.name);
  if (name !== tensor.name) printer.extensions.add('names');
  return `${type} ${name} = ${data}`;
}

/** Write `{values}`, or `["location": …]` where the data is elsewhere or left in the model file. */
function writeTensorData(tensor: Tensor, printer: Printer, out: Pieces): void {
  const { data } = tensor;
  if (data.kind === 'external') {
    const entries = data.entries.map(({ key, value }) => `${printer.string(key)}: ${printer.string(value)}`);
    if (entries.length === 0) printer.extensions.add('external');
    out.push(`[${entries.join(', ')}]`);
    return;
  }
  if (data.kind === 'none') {
    out.push('{}');
    return;
  }
  const type = dataType(tensor.dataType);
  const small =
    data.kind === 'values' || data.kind === 'bytes' || storedSize(tensor, printer.source) <= printer.elideAbove;
  const values = type !== undefined && small ? readTensor(tensor, printer.source) : undefined;
  if (type !== undefined && values !== undefined) {
    const whole = data.kind !== 'embedded' || values.length === literalCount(type, tensor.dims);
    if (whole) {
      writeValues(type.number, values, printer, out);
      return;
    }
  }
  if (data.kind === 'embedded') {
    writeReference(printer.location(printer.fileName), data.bytes.start, data.bytes.end, out);
  } else if (data.kind === 'typed' && tensor.origin !== undefined) {
    printer.usesMessageReferences = true;
    const location = printer.location(messageLocation(printer.fileName));
    writeReference(location, tensor.origin.start, tensor.origin.end, out);
  } else {
    printer.extensions.add('data');
    out.push('{}');
  }
}

function writeReference(location: string, start: number, end: number, out: Pieces): void {
  out.push(location, ', "offset": "', String(start));
  out.push('", "length": "', String(end - start), '"]');
}

function writeValues(elementType: number, values: TensorValues, printer: Printer, out: Pieces): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    out.push(i === 0 ? '{' : ', ');
    if (typeof value === 'string') out.push(printer.string(value));
    else if (typeof value === 'bigint') out.push(formatInt64(value));
    else if (elementType === DataTypes.FLOAT || elementType === 14) out.push(formatFloat32(value));
    else if (elementType === DataTypes.DOUBLE || elementType === 15) out.push(formatFloat64(value));
    else out.push(formatElement(value));
  }
  out.push(values.length === 0 ? '{}' : '}');
}

/** A sparse tensor, which the official grammar lacks: `sparse[dims] (values, indices)`. */
function printSparseTensor(tensor: SparseTensor, printer: Printer): string {
  printer.extensions.add('sparse');
  const { values, indices, dims } = tensor;
  return `sparse[${dims.map(formatSize).join(',')}] (${printTensor(values, printer)}, ${printTensor(indices, printer)})`;
}

/** `sparse[dims] name = (values, indices)` of a sparse initializer, whose name is that of its values. */
export function printSparseInitializer(tensor: SparseTensor, printer: Printer): string {
  printer.extensions.add('sparse');
  const { values, indices, dims } = tensor;
  const content = `(${printTensor({ ...values, name: '' }, printer)}, ${printTensor(indices, printer)})`;
  return `sparse[${dims.map(formatSize).join(',')}] ${printer.identifier(values.name)} = ${content}`;
}

/** Prints a graph that is an attribute's value; given from outside, since graphs contain attributes. */
export type PrintSubgraph = (value: AttributeValue & { type: 'GRAPH' | 'GRAPHS' }) => string;

/**
 * `name = value`, or `name: type = value` where the value doesn't tell the
 * type: empty and rare lists, references.
 */
export function printAttribute(attribute: Attribute, printer: Printer, printSubgraph: PrintSubgraph): string {
  const { name, value } = attribute;
  const known = printer.attributes.get(value);
  if (known?.name === name) return known.text;
  const text = attributeText(printer.bareIdentifier(name), value, printer, printSubgraph);
  // A graph's text depends on where it stands.
  if (value.type !== 'GRAPH' && value.type !== 'GRAPHS') printer.attributes.set(value, { name, text });
  return text;
}

function attributeText(name: string, value: AttributeValue, printer: Printer, printSubgraph: PrintSubgraph): string {
  switch (value.type) {
    case 'REFERENCE': {
      const annotation = value.attributeType === 'UNDEFINED' ? '' : `: ${value.attributeType.toLowerCase()}`;
      return `${name}${annotation} = @${printer.identifier(value.value)}`;
    }
    case 'UNDEFINED':
      printer.extensions.add('undefined');
      return `${name}: undefined`;
    case 'INT':
      return `${name} = ${formatInt64(value.value)}`;
    case 'FLOAT':
      return `${name} = ${formatFloat32(value.value)}`;
    case 'STRING':
      return `${name} = ${printer.string(decodeUtf8(value.value))}`;
    case 'TENSOR':
      return `${name} = ${printTensor(value.value, printer)}`;
    case 'SPARSE_TENSOR':
      return `${name} = ${printSparseTensor(value.value, printer)}`;
    case 'TYPE_PROTO':
      return `${name} = ${printType(value.value, printer)}`;
    case 'GRAPH':
    case 'GRAPHS':
      return value.type === 'GRAPH' ? `${name} = ${printSubgraph(value)}` : `${name}: graphs = ${printSubgraph(value)}`;
    case 'INTS':
      return value.value.length === 0 ? `${name}: ints = []` : `${name} = [${value.value.map(formatInt64).join(', ')}]`;
    case 'FLOATS':
      return value.value.length === 0
        ? `${name}: floats = []`
        : `${name} = [${value.value.map(formatFloat32).join(', ')}]`;
    case 'STRINGS':
      return value.value.length === 0
        ? `${name}: strings = []`
        : `${name} = [${value.value.map((item) => printer.string(decodeUtf8(item))).join(', ')}]`;
    case 'TENSORS':
      return `${name}: tensors = [${value.value.map((item) => printTensor(item, printer)).join(', ')}]`;
    case 'SPARSE_TENSORS':
      return `${name}: sparse_tensors = [${value.value.map((item) => printSparseTensor(item, printer)).join(', ')}]`;
    case 'TYPE_PROTOS':
      return `${name}: type_protos = [${value.value.map((item) => printType(item, printer)).join(', ')}]`;
  }
}

/** A subgraph's name: bare where the official parser takes it for a graph's, else quoted, a form of ours. */
export function printSubgraphName(name: string, printer: Printer): string {
  if (isIdentifier(name) && !startsType(name) && !/^(inf|infinity|nan)$/i.test(name)) return name;
  printer.extensions.add('subgraph');
  return printer.string(name);
}
