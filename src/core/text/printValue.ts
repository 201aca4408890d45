import { DataTypes, dataType, literalCount } from '../onnx/dataTypes';
import type { Attribute, AttributeValue, Dimension, SparseTensor, Tensor, TensorValues, Type } from '../onnx/model';
import { readTensor, storedSize } from '../onnx/tensor';
import { decodeUtf8 } from '../wire/utf8';
import { formatElement, formatFloat32, formatFloat64, formatSize } from './numbers';
import type { Printer } from './printer';
import { isIdentifier, quoteString, startsType } from './quote';
import { messageLocation } from './references';

/** An element type; a number of ONNX versions to come, or UNDEFINED, is `?n`, a form of ours. */
function printElementType(number: number, printer: Printer): string {
  const type = dataType(number);
  if (type !== undefined) return type.name;
  printer.extensions.add('type');
  return `?${number}`;
}

function printDimension(dimension: Dimension, printer: Printer): string {
  if (dimension === undefined) return '?';
  return typeof dimension === 'number' ? formatSize(dimension) : printer.identifier(dimension);
}

function printTensorType(elementType: number, shape: readonly Dimension[] | undefined, printer: Printer): string {
  const element = printElementType(elementType, printer);
  if (shape === undefined) return `${element}[]`;
  if (shape.length === 0) return element;
  return `${element}[${shape.map((dimension) => printDimension(dimension, printer)).join(',')}]`;
}

/** A type. One that says nothing is `?`, a form of ours, as are `seq()`, `optional()` and `map(key)` without a type. */
export function printType(type: Type, printer: Printer): string {
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
  const type = printTensorType(tensor.dataType, tensor.dims, printer);
  return `${type} ${printer.identifier(tensor.name)} = ${printTensorData(tensor, printer)}`;
}

/** `type {…}`, or `type name = data` where the tensor has a name: a tensor that is an attribute's value. */
export function printTensor(tensor: Tensor, printer: Printer): string {
  const type = printTensorType(tensor.dataType, tensor.dims, printer);
  const data = printTensorData(tensor, printer);
  if (tensor.name === '') return data.startsWith('{') ? `${type} ${data}` : `${type} = ${data}`;
  const name = printer.identifier(tensor.name);
  if (name !== tensor.name) printer.extensions.add('names');
  return `${type} ${name} = ${data}`;
}

/** `{values}`, or `["location": …]` where the data is elsewhere or left in the model file. */
function printTensorData(tensor: Tensor, printer: Printer): string {
  const { data } = tensor;
  if (data.kind === 'external') {
    const entries = data.entries.map(({ key, value }) => `${printer.string(key)}: ${printer.string(value)}`);
    if (entries.length > 0) return `[${entries.join(', ')}]`;
    printer.extensions.add('external');
    return '[]';
  }
  if (data.kind === 'none') return '{}';
  const type = dataType(tensor.dataType);
  const small =
    data.kind === 'values' || data.kind === 'bytes' || storedSize(tensor, printer.source) <= printer.elideAbove;
  const values = type !== undefined && small ? readTensor(tensor, printer.source) : undefined;
  if (type !== undefined && values !== undefined) {
    const whole = data.kind !== 'embedded' || values.length === literalCount(type, tensor.dims);
    if (whole) return `{${printValues(type.number, values, printer)}}`;
  }
  if (data.kind === 'embedded') return printReference(printer.fileName, data.bytes.start, data.bytes.end);
  if (data.kind === 'typed' && tensor.origin !== undefined) {
    printer.usesMessageReferences = true;
    return printReference(messageLocation(printer.fileName), tensor.origin.start, tensor.origin.end);
  }
  printer.extensions.add('data');
  return '{}';
}

function printReference(location: string, start: number, end: number): string {
  return `["location": ${quoteString(location)}, "offset": "${start}", "length": "${end - start}"]`;
}

function printValues(elementType: number, values: TensorValues, printer: Printer): string {
  let text = '';
  for (let i = 0; i < values.length; i++) {
    if (i > 0) text += ', ';
    const value = values[i]!;
    if (typeof value === 'string') text += printer.string(value);
    else if (typeof value === 'bigint') text += value.toString();
    else if (elementType === DataTypes.FLOAT || elementType === 14) text += formatFloat32(value);
    else if (elementType === DataTypes.DOUBLE || elementType === 15) text += formatFloat64(value);
    else text += formatElement(value);
  }
  return text;
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
  const name = printer.bareIdentifier(attribute.name);
  const { value } = attribute;
  switch (value.type) {
    case 'REFERENCE': {
      const annotation = value.attributeType === 'UNDEFINED' ? '' : `: ${value.attributeType.toLowerCase()}`;
      return `${name}${annotation} = @${printer.identifier(value.value)}`;
    }
    case 'UNDEFINED':
      printer.extensions.add('undefined');
      return `${name}: undefined`;
    case 'INT':
      return `${name} = ${value.value}`;
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
      return value.value.length === 0 ? `${name}: ints = []` : `${name} = [${value.value.join(', ')}]`;
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
