import { isFunction, type Scope } from '../fusion/scope';
import type { TextSpan } from '../onnx/model';
import { lastNodeFrom, type TextIndex } from './textIndex';
import { tokenize, type Token } from './tokens';

/** What may be written at a place in the text. */
export type Slot =
  /** The op of a node; `domain` is the part in front of the last dot. */
  | { readonly kind: 'op'; readonly domain: string }
  /** An attribute's name. */
  | { readonly kind: 'attribute'; readonly op: OpName; readonly given: readonly string[] }
  | { readonly kind: 'attributeValue'; readonly op: OpName; readonly attribute: string }
  /** The input at `position` of a node. */
  | { readonly kind: 'input'; readonly op: OpName; readonly position: number }
  /** A type, in a list of values or in front of data. */
  | { readonly kind: 'type' }
  /** A key of the model's header. */
  | { readonly kind: 'headerKey'; readonly given: readonly string[] };

export interface OpName {
  readonly domain: string;
  readonly opType: string;
  readonly overload: string;
}

export interface Context {
  readonly slot: Slot;
  /** The body that the place is in; absent in the model's header. */
  readonly scope: Scope | undefined;
  /** What is written there already, up to the end of the word or string. */
  readonly span: TextSpan;
  /** Where the statement starts that is being written. */
  readonly statement: number;
}

/**
 * What may be written at `offset`, from the tokens in front of it, so that it
 * works while what is being written doesn't parse yet.
 */
export function contextAt(index: TextIndex, offset: number): Context | undefined {
  const { text, model } = index;
  const scope = index.scopeAt(offset);
  const bodyStart = scope?.body.bodySpan?.start;
  const inNodes = scope !== undefined && bodyStart !== undefined && offset > bodyStart;
  const from = inNodes ? statementStart(text, scope, bodyStart + 1, offset) : (scope?.body.span?.start ?? 0);
  const tokens = tokenize(text, from, offset);
  const last = tokens.at(-1);
  if (last?.kind === 'comment' && offset <= last.end) return undefined;
  const partial = last && (last.kind === 'word' || last.kind === 'string') && last.end >= offset ? last : undefined;
  if (last?.kind === 'string' && !partial && last.end > offset) return undefined;
  const span = partial ? spanOf(text, partial, offset) : { start: offset, end: offset };
  const before = partial ? tokens.slice(0, -1) : tokens;
  const words = before
    .filter(({ kind }) => kind !== 'comment')
    .map((token) => ({ ...token, text: textOf(text, token) }));
  if (inNodes) {
    const slot = new Statement(text, words).slot();
    return slot && { slot, scope, span, statement: from };
  }
  const slot = scope ? signatureSlot(words, isFunction(scope.body)) : headerSlot(words, model.headerSpan, offset);
  return slot && { slot, scope, span, statement: from };
}

interface Word extends Token {
  /** A string's content without quotes; else as written. */
  readonly text: string;
}

function textOf(text: string, { kind, start, end }: Token): string {
  const written = text.slice(start, end);
  if (kind !== 'string') return written;
  return written.replace(/^\$?"|"$/g, '').replace(/\\([^])/g, '$1');
}

/** A string that isn't closed ends with its line, and at what would end a name. */
function spanOf(text: string, token: Token, offset: number): TextSpan {
  if (token.kind !== 'string') return { start: token.start, end: token.end };
  const line = text.indexOf('\n', token.start);
  return { start: token.start, end: line >= 0 && token.end > line ? offset : token.end };
}

/** Where the statement around `offset` starts, or the ones before it that don't parse. */
function statementStart(text: string, scope: Scope, bodyStart: number, offset: number): number {
  const node = lastNodeFrom(scope, offset - 1);
  if (!node?.span) return bodyStart;
  if (offset <= node.span.end) return node.span.start;
  // A node that doesn't parse ends with the last token that was understood; what is written goes on in its line.
  const goesOn = !text.slice(node.span.end, offset).includes('\n') && isUnfinished(text, node.span);
  return goesOn ? node.span.start : node.span.end;
}

function isUnfinished(text: string, { start, end }: TextSpan): boolean {
  let depth = 0;
  let last = '';
  for (const token of tokenize(text, start, end)) {
    if (token.kind === 'comment') continue;
    last = text.slice(token.start, token.end);
    if (token.kind !== 'punctuation') continue;
    if (/^[([{<]$/.test(last)) depth++;
    else if (/^[)\]}>]$/.test(last)) depth--;
  }
  return depth > 0 || !/^[)>]$/.test(last);
}

/** A node as far as it is written. */
class Statement {
  private phase: 'outputs' | 'op' | 'done' = 'outputs';
  private op: OpName = { domain: '', opType: '', overload: '' };
  private given: string[] = [];
  private attribute = '';
  private position = 0;
  /** Open brackets, innermost last; `(` and `<` of the node itself are the first. */
  private open: string[] = [];
  private previous = '';

  constructor(
    private readonly text: string,
    words: readonly Word[],
  ) {
    for (const [i, word] of words.entries()) this.read(word, words[i + 1]?.text);
  }

  /** What may follow what was read. */
  slot(): Slot | undefined {
    const { op, given, attribute, position, previous } = this;
    if (this.open.length === 0) {
      return this.phase === 'op' && (previous === '=' || previous === '.')
        ? { kind: 'op', domain: op.domain }
        : undefined;
    }
    const [outer] = this.open;
    if (this.open.length === 1 && outer === '(') {
      return previous === '(' || previous === ',' ? { kind: 'input', op, position } : undefined;
    }
    if (outer !== '<') return undefined;
    if (this.open.length === 1 && (previous === '<' || previous === ',')) return { kind: 'attribute', op, given };
    if (
      previous === '=' ||
      (this.open.length === 2 && this.open[1] === '[' && (previous === '[' || previous === ','))
    ) {
      return { kind: 'attributeValue', op, attribute };
    }
    return undefined;
  }

  /** The list of inputs that the place is in, for signature help. */
  inputs(): { readonly op: OpName; readonly position: number } | undefined {
    return this.open.length > 0 && this.open[0] === '(' ? { op: this.op, position: this.position } : undefined;
  }

  private read(word: Word, next: string | undefined): void {
    if (this.open[0] !== '<' && this.startsStatement(word)) this.restart();
    const { text } = word;
    const isBracket = word.kind === 'punctuation';
    if (this.open.length > 0) this.readInside(word, next);
    else if (this.phase === 'outputs') {
      if (text === '=' && isBracket) this.phase = 'op';
    } else if (this.phase === 'op' && (word.kind === 'word' || word.kind === 'string')) {
      this.readName(text);
    } else if (this.phase === 'op' && text === '.') {
      const { domain, opType } = this.op;
      this.op = { domain: domain === '' ? opType : `${domain}.${opType}`, opType: '', overload: '' };
    } else if (isBracket && (text === '(' || text === '<')) {
      this.open.push(text);
      this.phase = 'done';
    }
    this.previous = isBracket ? text : 'x';
  }

  private readName(name: string): void {
    const { domain, opType } = this.op;
    if (this.previous === '.') this.op = { domain, opType: name, overload: '' };
    else if (this.previous === ':') this.op = { domain, opType, overload: name };
    else this.op = { domain: '', opType: name, overload: '' };
  }

  private readInside(word: Word, next: string | undefined): void {
    const { text, kind } = word;
    if (kind !== 'punctuation') {
      if (this.open.length === 1 && this.open[0] === '<' && (next === '=' || next === ':')) {
        this.attribute = text;
        this.given.push(text);
      }
      return;
    }
    // A subgraph's body holds statements of its own.
    if (text === '{' && (this.previous === ')' || this.previous === '>')) {
      this.restart();
      return;
    }
    if (text === '(' || text === '<' || text === '[' || text === '{') this.open.push(text);
    else if (text === ')' || text === '>' || text === ']' || text === '}') this.open.pop();
    else if (text === ',' && this.open.length === 1 && this.open[0] === '(') this.position++;
  }

  /** Does a node start here, on a line of its own, though the one before it isn't finished? */
  private startsStatement({ start }: Word): boolean {
    if (this.phase === 'outputs' && this.open.length === 0) return false;
    const lineStart = this.text.lastIndexOf('\n', start - 1) + 1;
    if (this.text.slice(lineStart, start).trim() !== '') return false;
    STATEMENT.lastIndex = start;
    return STATEMENT.test(this.text);
  }

  private restart(): void {
    this.phase = 'outputs';
    this.op = { domain: '', opType: '', overload: '' };
    this.given = [];
    this.open = [];
    this.position = 0;
  }
}

const STATEMENT = /(?:\[[^\]\n]*\][ \t]*)?(?:(?:"(?:[^"\\\n]|\\.)*"|\w+|,)[ \t]*)*=(?!>)/y;

/** The node whose list of inputs `offset` is in, and the position in the list. */
export function inputListAt(
  index: TextIndex,
  offset: number,
): { readonly op: OpName; readonly position: number; readonly scope: Scope } | undefined {
  const scope = index.scopeAt(offset);
  const bodyStart = scope?.body.bodySpan?.start;
  if (!scope || bodyStart === undefined || offset <= bodyStart) return undefined;
  const tokens = tokenize(index.text, statementStart(index.text, scope, bodyStart + 1, offset), offset);
  const last = tokens.at(-1);
  if (last?.kind === 'comment' && offset <= last.end) return undefined;
  const words = tokens
    .filter(({ kind }) => kind !== 'comment')
    .map((token) => ({ ...token, text: textOf(index.text, token) }));
  const inputs = new Statement(index.text, words).inputs();
  return inputs && { ...inputs, scope };
}

/** In a graph's or function's signature or declarations: a type may start each element of a list. */
function signatureSlot(words: readonly Word[], isFunctionHeader: boolean): Slot | undefined {
  const open: string[] = [];
  let named = !isFunctionHeader;
  for (const { text, kind } of words) {
    if (kind !== 'punctuation') {
      if (open.length === 0) named = true;
    } else if ('([{<'.includes(text)) open.push(text);
    else if (')]}>'.includes(text)) open.pop();
  }
  const previous = words.at(-1);
  const starts = previous?.kind === 'punctuation' && '(<,'.includes(previous.text);
  return named && starts && open.length === 1 && (open[0] === '(' || open[0] === '<') ? { kind: 'type' } : undefined;
}

function headerSlot(words: readonly Word[], header: TextSpan | undefined, offset: number): Slot | undefined {
  if (!header || offset <= header.start || offset > header.end) return undefined;
  const open: string[] = [];
  const given: string[] = [];
  for (const [i, { text, kind }] of words.entries()) {
    if (kind === 'word' && open.length === 1 && words[i + 1]?.text === ':') given.push(text);
    if (kind !== 'punctuation') continue;
    if (text === '<' || text === '[') open.push(text);
    else if (text === '>' || text === ']') open.pop();
  }
  const previous = words.at(-1)?.text;
  return open.length === 1 && (previous === '<' || previous === ',') ? { kind: 'headerKey', given } : undefined;
}
