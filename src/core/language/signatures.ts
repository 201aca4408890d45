import { FUSION_DOMAIN, fusedAttributes, fusedInputs, fusedOp } from '../fusion/fusedOps';
import { isDefaultDomain, type Scope } from '../fusion/scope';
import type { AttributeValue, FunctionProto, Model, Node, OpsetImport } from '../onnx/model';
import { decodeUtf8 } from '../wire/utf8';
import { functionAround } from './element';
import { findOp, isStandardDomain, newestOpset, type AttributeDefault, type Formal, type OpSignature } from './ops';
import type { TextIndex } from './textIndex';

/** The operator sets in force in a body: its function's, or the model's. */
export function importsOf(model: Model, scope: Scope): readonly OpsetImport[] {
  return functionAround(scope)?.opsetImports ?? model.opsetImports;
}

/** The version of a domain among the imports; the default domain may be written out. */
export function opsetOf(imports: readonly OpsetImport[], domain: string): number | undefined {
  const isDefault = isDefaultDomain(domain);
  return imports.find((entry) => (isDefault ? isDefaultDomain(entry.domain) : entry.domain === domain))?.version;
}

/** The signature of the op that a node of the scope calls: a function of the model, a standard op or a fused one. */
export function signatureOf(index: TextIndex, scope: Scope, node: Node): OpSignature | undefined {
  const fn = index.functionOf(node);
  return fn ? signatureOfFunction(fn) : builtInSignature(importsOf(index.model, scope), node.domain, node.opType);
}

/** A standard or fused op by name, as the imports have it; with no import of its domain, the newest. */
export function builtInSignature(
  imports: readonly OpsetImport[],
  domain: string,
  name: string,
): OpSignature | undefined {
  if (domain === FUSION_DOMAIN) return fusedSignature(name);
  if (!isStandardDomain(domain)) return undefined;
  return findOp(domain, name, opsetOf(imports, domain) ?? newestOpset(domain));
}

const NOTHING = { sinceVersion: 0, deprecated: false, types: new Map<string, readonly string[]>() };
const formals = (names: readonly string[], type: string): Formal[] =>
  names.map((name) => ({ name, option: 'required', type }));

function fusedSignature(name: string): OpSignature | undefined {
  const op = fusedOp(name);
  if (!op) return undefined;
  return {
    ...NOTHING,
    domain: FUSION_DOMAIN,
    name,
    sinceVersion: 1,
    inputs: formals(fusedInputs(op), 'tensor(float)'),
    outputs: formals(['Y'], 'tensor(float)'),
    attributes: fusedAttributes(op).map((attribute) => ({
      ...attribute,
      required: op.pad !== undefined && attribute.name === 'pads',
    })),
    minInputs: fusedInputs(op).length,
    maxInputs: fusedInputs(op).length,
    minOutputs: 1,
    maxOutputs: 1,
  };
}

/** The signature that a function of the model declares. A caller may leave out its last inputs and outputs. */
export function signatureOfFunction(fn: FunctionProto): OpSignature {
  return {
    ...NOTHING,
    domain: fn.domain,
    name: fn.name,
    inputs: fn.inputs.map((name) => ({ name, option: 'optional', type: '' })),
    outputs: fn.outputs.map((name) => ({ name, option: 'optional', type: '' })),
    attributes: [
      // The function doesn't say of what type its attributes are, and none has to be given.
      ...fn.attributes.map((name) => ({ name, type: 'UNDEFINED' as const, required: false })),
      ...fn.attributeDefaults.map(({ name, value }) => ({
        name,
        type: value.type === 'REFERENCE' ? value.attributeType : value.type,
        required: false,
        default: defaultOf(value),
      })),
    ],
    minInputs: 0,
    maxInputs: fn.inputs.length,
    minOutputs: 0,
    maxOutputs: fn.outputs.length,
  };
}

function defaultOf(value: AttributeValue): AttributeDefault | undefined {
  switch (value.type) {
    case 'INT':
      return Number(value.value);
    case 'FLOAT':
      return value.value;
    case 'STRING':
      return decodeUtf8(value.value);
    case 'INTS':
      return value.value.map(Number);
    case 'FLOATS':
      return value.value;
    case 'STRINGS':
      return value.value.map((item) => decodeUtf8(item));
    default:
      return undefined;
  }
}
