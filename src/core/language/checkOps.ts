import { fusedOp, FUSION_DOMAIN } from '../fusion/fusedOps';
import { isDefaultDomain } from '../fusion/scope';
import type { AttributeTypeName, AttributeValue, Node, OpsetImport, TextSpan } from '../onnx/model';
import { attributeNameSpan } from './element';
import {
  findOp,
  isRuntimeOp,
  isStandardDomain,
  newestOpset,
  opVersions,
  wasExperimental,
  type OpSignature,
} from './ops';
import type { Problem } from './problem';
import { importsOf, opsetOf, signatureOfFunction } from './signatures';
import type { TextIndex } from './textIndex';

/** Nodes that don't keep to their op's signature, in the operator set that the model imports. */
export function checkOps(index: TextIndex): Problem[] {
  const problems: Problem[] = [];
  checkImports(index.model.opsetImports, problems);
  for (const fn of index.model.functions) checkImports(fn.opsetImports, problems);
  const checkers = new Map<readonly OpsetImport[], NodeChecker>();
  for (const scope of index.scopes) {
    const imports = importsOf(index.model, scope);
    let checker = checkers.get(imports);
    if (!checker) checkers.set(imports, (checker = new NodeChecker(index, imports, problems)));
    for (const node of scope.body.nodes) checker.check(node);
  }
  return problems;
}

/** IR versions before this one have no operator sets. */
const FIRST_IR_WITH_OPSETS = 3;

function checkImports(imports: readonly OpsetImport[], problems: Problem[]): void {
  for (const { domain, version, span } of imports) {
    const newest = newestOpset(domain);
    if (!span || newest === 0 || version <= newest) continue;
    problems.push({
      code: 'unknown-opset',
      severity: 'information',
      message: `Operator set ${version} of ${domainLabel(domain)} is newer than those known here (up to ${newest}); ops aren't checked against it.`,
      span,
    });
  }
}

const domainLabel = (domain: string): string => (isDefaultDomain(domain) ? 'ai.onnx' : domain);

/** What can be said of the use of one op. */
type Verdict =
  { readonly signature: OpSignature } | { readonly problem: (node: Node, span: TextSpan) => Problem } | 'fine';

/** Checks the nodes of bodies that import the same operator sets; each op is looked up once. */
class NodeChecker {
  /** By op; one map for each domain. */
  private readonly verdicts = new Map<string, Map<string, Verdict>>();
  private readonly reportedDomains = new Set<string>();

  constructor(
    private readonly index: TextIndex,
    private readonly imports: readonly OpsetImport[],
    private readonly problems: Problem[],
  ) {}

  check(node: Node): void {
    const { spans, domain } = node;
    if (!spans) return;
    const opset = this.opsetOf(domain);
    if (opset === undefined) {
      // Once for each domain, not for each node.
      if (!this.reportedDomains.has(domain)) this.problems.push(missingOpset(node, spans.domain ?? spans.opType));
      this.reportedDomains.add(domain);
      return;
    }
    const fn = this.index.functionOf(node);
    const verdict: Verdict = fn ? { signature: signatureOfFunction(fn) } : this.verdictOn(node, opset);
    if (verdict === 'fine') return;
    if ('problem' in verdict) this.problems.push(verdict.problem(node, spans.opType));
    else checkSignature(this.index, node, verdict.signature, this.problems);
  }

  private opsetOf(domain: string): number | undefined {
    const implied = this.index.model.irVersion < FIRST_IR_WITH_OPSETS && isDefaultDomain(domain) ? 1 : undefined;
    return opsetOf(this.imports, domain) ?? implied;
  }

  private verdictOn({ domain, opType }: Node, opset: number): Verdict {
    let ofDomain = this.verdicts.get(domain);
    if (!ofDomain) {
      ofDomain = new Map<string, Verdict>();
      this.verdicts.set(domain, ofDomain);
    }
    let verdict = ofDomain.get(opType);
    if (!verdict) ofDomain.set(opType, (verdict = judge(domain, opType, opset)));
    return verdict;
  }
}

function judge(domain: string, opType: string, opset: number): Verdict {
  const unknown = { problem: (node: Node, span: TextSpan) => unknownOp(node, opset, span) };
  if (domain === FUSION_DOMAIN) return fusedOp(opType) ? 'fine' : unknown;
  if (!isStandardDomain(domain) || opset > newestOpset(domain)) return 'fine';
  const signature = findOp(domain, opType, opset);
  if (!signature) return unknown;
  return signature.deprecated ? { problem: (_, span) => deprecatedOp(signature, opset, span) } : { signature };
}

function deprecatedOp({ name, domain, sinceVersion }: OpSignature, opset: number, span: TextSpan): Problem {
  return {
    code: 'deprecated-op',
    severity: 'warning',
    message: `${name} is deprecated in ${domainLabel(domain)} since operator set ${sinceVersion}; this model imports ${opset}.`,
    span,
  };
}

function missingOpset({ domain }: Node, span: TextSpan): Problem {
  return {
    code: 'missing-opset',
    // ONNX Runtime goes without for domains that it knows itself; the specification and the official checker don't.
    severity: isDefaultDomain(domain) ? 'error' : 'warning',
    message: `No operator set of ${domainLabel(domain)} is imported: add "${domain}" with its version to opset_import.`,
    span,
  };
}

function unknownOp({ domain, opType }: Node, opset: number, span: TextSpan): Problem {
  if (wasExperimental(domain, opType)) {
    const message = `${opType} was an experimental op, which ONNX 1.5 removed; few runtimes still have it.`;
    return { code: 'deprecated-op', severity: 'warning', message, span };
  }
  const versions = opVersions(domain, opType);
  const message =
    versions.length > 0
      ? `${opType} came with operator set ${versions[0]!} of ${domainLabel(domain)}; this model imports ${opset}.`
      : `${opType} isn't an op of ${domainLabel(domain)}.`;
  if (isRuntimeOp(domain, opType)) {
    return { code: 'unknown-op', severity: 'warning', message: `${message} Only ONNX Runtime has it here.`, span };
  }
  return { code: 'unknown-op', severity: 'error', message, span };
}

function checkSignature(index: TextIndex, node: Node, signature: OpSignature, problems: Problem[]): void {
  checkCounts(node, signature, problems);
  checkAttributes(index, node, signature, problems);
}

function checkCounts(node: Node, signature: OpSignature, problems: Problem[]): void {
  const { spans, opType } = node;
  if (!spans) return;
  const { minInputs, maxInputs, minOutputs, maxOutputs } = signature;
  const inputs = node.inputs.length;
  const outputs = node.outputs.length;
  // Without outputs nothing comes of the node, and ONNX Runtime leaves it out.
  const severity = outputs === 0 ? 'warning' : 'error';
  if (inputs > maxInputs || inputs < minInputs) {
    problems.push({
      code: 'input-count',
      severity,
      message: `${opType} takes ${countOf(minInputs, maxInputs, 'input')}, not ${inputs}.`,
      span: inputs > maxInputs ? spans.inputs[maxInputs]! : (spans.inputList ?? spans.opType),
    });
  }
  signature.inputs.forEach(({ name, option }, i) => {
    const span = spans.inputs[i];
    if (option !== 'required' || node.inputs[i] !== '' || !span) return;
    problems.push({
      code: 'input-count',
      severity,
      message: `${opType} needs its input ${name}.`,
      span: span.end > span.start ? span : (spans.inputList ?? spans.opType),
    });
  });
  if (outputs > maxOutputs || outputs < minOutputs) {
    problems.push({
      code: 'output-count',
      severity,
      message: `${opType} has ${countOf(minOutputs, maxOutputs, 'output')}, not ${outputs}.`,
      span: outputs > maxOutputs ? spans.outputs[maxOutputs]! : spans.opType,
    });
  }
}

function countOf(low: number, high: number, what: string): string {
  const plural = (count: number) => (count === 1 ? what : `${what}s`);
  if (low === high) return `${low} ${plural(low)}`;
  return high === Infinity ? `at least ${low} ${plural(low)}` : `${low} to ${high} ${plural(high)}`;
}

function checkAttributes(index: TextIndex, node: Node, signature: OpSignature, problems: Problem[]): void {
  const isFunction = signature.sinceVersion === 0;
  const { attributes, spans, opType } = node;
  for (const [i, attribute] of attributes.entries()) {
    const at = () => attributeNameSpan(index.text, attribute) ?? spans!.opType;
    if (attributes.findIndex(({ name }) => name === attribute.name) < i) {
      problems.push({
        code: 'duplicate-attribute',
        severity: 'error',
        message: `The attribute ${attribute.name} is given twice.`,
        span: at(),
      });
      continue;
    }
    const fact = signature.attributes.find(({ name }) => name === attribute.name);
    if (!fact) {
      // Names with two underscores in front are for a runtime's own use, and pass the official checker.
      if (attribute.name.startsWith('__')) continue;
      problems.push({
        code: 'unknown-attribute',
        // What a function doesn't declare is ignored.
        severity: isFunction ? 'warning' : 'error',
        message: unknownAttribute(attribute.name, signature),
        span: at(),
      });
    } else if (!fits(attribute.value, fact.type)) {
      problems.push({
        code: 'attribute-type',
        severity: 'error',
        message: `${attribute.name} of ${opType} is ${typeLabel(fact.type)}, not ${typeLabel(typeOf(attribute.value))}.`,
        span: attribute.span ?? at(),
      });
    }
  }
  for (const { name, required } of signature.attributes) {
    if (!required || attributes.some((attribute) => attribute.name === name)) continue;
    problems.push({
      code: 'missing-attribute',
      severity: 'error',
      message: `${opType} needs the attribute ${name}.`,
      span: spans!.opType,
    });
  }
}

function unknownAttribute(name: string, { name: op, domain, sinceVersion }: OpSignature): string {
  const since = sinceVersion > 0 ? ` in operator set ${sinceVersion}` : '';
  const other = opVersions(domain, op).filter((version) =>
    findOp(domain, op, version)?.attributes.some((attribute) => attribute.name === name),
  );
  if (other.length === 0) return `${op} has no attribute ${name}.`;
  return `${op} has no attribute ${name}${since}; it has in ${other.join(', ')}.`;
}

function typeOf(value: AttributeValue): AttributeTypeName {
  return value.type === 'REFERENCE' ? value.attributeType : value.type;
}

function fits(value: AttributeValue, expected: AttributeTypeName): boolean {
  const type = typeOf(value);
  return type === 'UNDEFINED' || expected === 'UNDEFINED' || type === expected;
}

function typeLabel(type: AttributeTypeName): string {
  return type.toLowerCase();
}
