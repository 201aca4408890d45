import type { AttributeTypeName } from '../onnx/model';
import facts from './opFacts.json';

/** Whether an input or output has to be there, may be left out, or stands for any number of values at the end. */
export type FormalOption = 'required' | 'optional' | 'variadic';

export interface Formal {
  readonly name: string;
  readonly option: FormalOption;
  /** A type such as `tensor(int64)`, or the name of one of the op's type constraints; `''` when unknown. */
  readonly type: string;
}

export interface AttributeFact {
  readonly name: string;
  readonly type: AttributeTypeName;
  readonly required: boolean;
  readonly default?: AttributeDefault | undefined;
}

export type AttributeDefault = string | number | readonly (string | number)[];

/** What an op takes and gives, at one version of its domain's operator set. */
export interface OpSignature {
  /** `''` is the default domain, ai.onnx. */
  readonly domain: string;
  readonly name: string;
  /** The operator set that this signature came with. */
  readonly sinceVersion: number;
  readonly deprecated: boolean;
  readonly inputs: readonly Formal[];
  readonly outputs: readonly Formal[];
  readonly attributes: readonly AttributeFact[];
  /** Fewest and most inputs and outputs; `Infinity` where there is no limit. */
  readonly minInputs: number;
  readonly maxInputs: number;
  readonly minOutputs: number;
  readonly maxOutputs: number;
  /** Types that each type constraint allows, by its name. */
  readonly types: ReadonlyMap<string, readonly string[]>;
}

/**
 * The form of opFacts.json. A formal is `"name type"`, its name followed by
 * `?` (optional) or `*` (variadic); an attribute `[name, type, required,
 * default]`; a version `[since, deprecated, inputs, outputs, attributes,
 * [fewest inputs, most inputs, fewest outputs, most outputs], types]`, where
 * numbers point into the lists beside it and -1 is no limit.
 */
interface Facts {
  readonly onnx: string;
  readonly typeLists: readonly string[];
  readonly formals: readonly string[];
  readonly attributes: readonly (readonly [string, AttributeTypeName, (0 | 1)?, AttributeDefault?])[];
  readonly domains: Readonly<Record<string, { readonly opset: number; readonly ops: Record<string, VersionFact[]> }>>;
}

type VersionFact = readonly [
  since: number,
  deprecated: number,
  inputs: readonly number[],
  outputs: readonly number[],
  attributes: readonly number[],
  arity: readonly [number, number, number, number],
  types: Readonly<Record<string, number>>,
];

const { typeLists, formals, attributes, domains } = facts as unknown as Facts;
const signatures = new Map<VersionFact, OpSignature>();

/** The domain's name in the facts: ai.onnx is the empty one. */
const canonical = (domain: string): string => (domain === 'ai.onnx' ? '' : domain);

/** Whether the ONNX standard defines the domain. */
export function isStandardDomain(domain: string): boolean {
  return Object.hasOwn(domains, canonical(domain));
}

/** The newest operator set of a standard domain that the facts know; 0 for other domains. */
export function newestOpset(domain: string): number {
  return isStandardDomain(domain) ? domains[canonical(domain)]!.opset : 0;
}

/** The op as the domain's operator set `opset` has it; `undefined` when it hasn't. Removed ops are there, as deprecated. */
export function findOp(domain: string, name: string, opset: number): OpSignature | undefined {
  const versions = versionsOf(domain, name);
  const fact = versions.findLast(([since]) => since <= opset);
  return fact && signatureOf(canonical(domain), name, fact);
}

/** Operator sets in which the op came or changed, oldest first; empty for an op that never was. */
export function opVersions(domain: string, name: string): readonly number[] {
  return versionsOf(domain, name).map(([since]) => since);
}

/** Names of the ops of a domain's operator set, deprecated ones left out. */
export function opNames(domain: string, opset: number): readonly string[] {
  if (!isStandardDomain(domain)) return [];
  return Object.entries(domains[canonical(domain)]!.ops).flatMap(([name, versions]) => {
    const fact = versions.findLast(([since]) => since <= opset);
    return fact?.[1] === 0 ? [name] : [];
  });
}

/** Ops that ONNX had on trial, and took away in version 1.5; they never were part of an operator set. */
const experimental: ReadonlySet<string> = new Set([
  'ATen',
  'Affine',
  'ConstantFill',
  'Crop',
  'DynamicSlice',
  'GRUUnit',
  'GivenTensorFill',
  'ImageScaler',
  'ParametricSoftplus',
  'Scale',
  'ScaledTanh',
]);

/** Ops that ONNX Runtime adds to the default domain, in operator sets that don't have them. */
const runtimeOnly: ReadonlySet<string> = new Set(['LayerNormalization', 'SimplifiedLayerNormalization']);

/** Whether the name is that of a former experimental op of the default domain. */
export const wasExperimental = (domain: string, name: string): boolean =>
  canonical(domain) === '' && experimental.has(name);

/** Whether ONNX Runtime has an op in the default domain whatever the operator set. */
export const isRuntimeOp = (domain: string, name: string): boolean => canonical(domain) === '' && runtimeOnly.has(name);

/** The op's page in the official documentation. */
export function opPage(domain: string, name: string): string {
  return `https://onnx.ai/onnx/operators/onnx_${canonical(domain).replaceAll('.', '')}_${name}.html`;
}

function versionsOf(domain: string, name: string): readonly VersionFact[] {
  if (!isStandardDomain(domain)) return [];
  const { ops } = domains[canonical(domain)]!;
  return Object.hasOwn(ops, name) ? ops[name]! : [];
}

function signatureOf(domain: string, name: string, fact: VersionFact): OpSignature {
  const known = signatures.get(fact);
  if (known) return known;
  const [sinceVersion, deprecated, inputs, outputs, attributeNumbers, arity, types] = fact;
  const [minInputs, maxInputs, minOutputs, maxOutputs] = arity.map((count) => (count < 0 ? Infinity : count));
  const signature: OpSignature = {
    domain,
    name,
    sinceVersion,
    deprecated: deprecated === 1,
    inputs: inputs.map(formal),
    outputs: outputs.map(formal),
    attributes: attributeNumbers.map((number) => {
      const [attribute, type, required, value] = attributes[number]!;
      return { name: attribute, type, required: required === 1, default: value };
    }),
    minInputs: minInputs!,
    maxInputs: maxInputs!,
    minOutputs: minOutputs!,
    maxOutputs: maxOutputs!,
    types: new Map(Object.entries(types).map(([constraint, list]) => [constraint, typeLists[list]!.split(' ')])),
  };
  signatures.set(fact, signature);
  return signature;
}

const options: Readonly<Record<string, FormalOption>> = { '?': 'optional', '*': 'variadic' };

function formal(number: number): Formal {
  const [, name, mark, type] = /^(.*?)([?*]?) (.*)$/.exec(formals[number]!)!;
  return { name: name!, option: options[mark!] ?? 'required', type: type! };
}
