import { fusedOp, FUSION_DOMAIN } from '../fusion/fusedOps';
import { nodeLabel } from '../fusion/describe';
import { isFunction, type Scope } from '../fusion/scope';
import type { FunctionProto, Node, TextSpan, Type } from '../onnx/model';
import { elementAt } from './element';
import { isStandardDomain, opPage, type OpSignature } from './ops';
import { signatureOf, signatureOfFunction } from './signatures';
import { attributeText, constraintLines, signatureLine } from './signatureText';
import type { TextIndex } from './textIndex';
import { declaredTypes, isOutput, typeText } from './types';

export interface Hover {
  readonly span: TextSpan;
  /** In Markdown. */
  readonly markdown: string;
}

/** The type of a value that the text doesn't declare, where something else knows it. */
export type TypeOf = (scope: Scope, name: string) => Type | undefined;

/** What is known of a value's type, and a sentence in Markdown on how; `undefined` to have what the text declares. */
export type DescribeType = (
  scope: Scope,
  name: string,
) => { readonly type?: Type | undefined; readonly markdown: string } | undefined;

/** What is known about the op, value, attribute or function at `offset`. */
export function hoverAt(index: TextIndex, offset: number, known?: DescribeType): Hover | undefined {
  const element = elementAt(index, offset);
  switch (element?.kind) {
    case 'op':
    case 'nodeName': {
      const markdown = describeOp(index, element.scope, element.node);
      return markdown === undefined ? undefined : { span: element.span, markdown };
    }
    case 'value': {
      if (!element.definedIn) return undefined;
      return { span: element.span, markdown: describeValue(index, element.definedIn, element.name, known) };
    }
    case 'attribute': {
      const fact = signatureOf(index, element.scope, element.node)?.attributes.find(
        ({ name }) => name === element.attribute.name,
      );
      return fact && { span: element.span, markdown: code(attributeText(fact)) };
    }
    case 'function':
      return { span: element.span, markdown: describeFunction(element.function) };
    case 'functionAttribute': {
      const fact = signatureOfFunction(element.function).attributes.find(({ name }) => name === element.name);
      const of = `Attribute of the function ${escapeMarkdown(element.function.name)}.`;
      return fact && { span: element.span, markdown: `${code(attributeText(fact))}\n${of}` };
    }
    case undefined:
      return undefined;
  }
}

/** An op's signature in Markdown: inputs and outputs, since when, a link to its page, attributes and types. */
export function signatureMarkdown(signature: OpSignature): string {
  const { domain, name, sinceVersion, attributes, deprecated } = signature;
  let markdown = code(signatureLine(signature).label);
  if (isStandardDomain(domain) && sinceVersion > 0) {
    const since = `${deprecated ? 'Deprecated since' : 'Since'} operator set ${sinceVersion}`;
    markdown += `\n${since} of ${domain === '' ? 'ai.onnx' : domain} · [Documentation](${opPage(domain, name)})\n\n`;
  }
  const parts = [attributes.map(attributeText).join('\n'), constraintLines(signature).join('\n')];
  const details = parts.filter((part) => part !== '').join('\n\n');
  return details === '' ? markdown : markdown + code(details);
}

function describeOp(index: TextIndex, scope: Scope, node: Node): string | undefined {
  const signature = signatureOf(index, scope, node);
  if (!signature) return undefined;
  const fused = node.domain === FUSION_DOMAIN ? describeFused(node.opType) : '';
  const isOwn = index.functionOf(node) !== undefined;
  return signatureMarkdown(signature) + (fused || (isOwn ? '\nA function of this model.' : ''));
}

/** What a fused op computes. */
function describeFused(name: string): string {
  const op = fusedOp(name);
  if (!op) return '';
  const input = op.pad ? `${op.pad}(X, pads)` : 'X';
  const normalized = `InstanceNormalization(${op.convolution}(${input}, W), scale, B)`;
  const added = op.add ? `${normalized} + residual` : normalized;
  const whole = op.activation ? `${op.activation}(${added})` : added;
  const border = op.pad
    ? ` \`pads\` is the width of the ${op.pad === 'ReflectPad' ? 'reflected' : 'repeated'} border; the convolution adds no zeros.`
    : '';
  return `\nComputes \`Y = ${whole}\` in one pass.${border} The convolution has no bias: the mean that the normalisation subtracts would cancel it. The name is the sequence of ops that it stands for.`;
}

function describeFunction(fn: FunctionProto): string {
  const doc = fn.docString === '' ? '' : `\n${escapeMarkdown(fn.docString)}`;
  return `${signatureMarkdown(signatureOfFunction(fn))}\nA function of this model.${doc}`;
}

function describeValue(index: TextIndex, scope: Scope, name: string, known?: DescribeType): string {
  const described = known?.(scope, name);
  const type = described?.type ?? declaredTypes(scope).get(name);
  const line = `${name}: ${type ? typeText(type) : 'type not declared'}`;
  const origin = `${originOf(index, scope, name)}${isOutput(scope, name) ? ' Output of the graph.' : ''}`;
  return `${code(line)}\n${origin}${described && described.markdown !== '' ? `\n\n${described.markdown}` : ''}`;
}

function originOf(index: TextIndex, scope: Scope, name: string): string {
  const value = scope.values.get(name);
  const line = lineOf(index, scope, name);
  if (value?.producer) return `Computed by ${escapeMarkdown(nodeLabel(value.producer), true)}${line}.`;
  if (value?.isInput) {
    const of = isFunction(scope.body) ? 'function' : 'graph';
    return `Input of the ${of}${value.initializer ? ' with a default' : ''}${line}.`;
  }
  return `Initializer${line}.`;
}

function lineOf(index: TextIndex, scope: Scope, name: string): string {
  const span = index.definitionSpan(scope, name);
  if (!span) return '';
  let line = 1;
  for (let at = index.text.indexOf('\n'); at >= 0 && at < span.start; at = index.text.indexOf('\n', at + 1)) line++;
  return ` in line ${line}`;
}

function code(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(Math.max(3, longest + 1));
  return `${fence}onnx-text\n${text}\n${fence}\n`;
}

export function escapeMarkdown(text: string, keepCode = false): string {
  const special = keepCode ? /[\\*_{}[\]<>#|]/g : /[\\`*_{}[\]<>#|]/g;
  return text.replace(special, '\\$&');
}
