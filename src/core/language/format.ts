import type { TextEdit } from '../text/edit';
import { startsType } from '../text/quote';
import { tokenize, type Token } from './tokens';

const STEP = '  ';
/** Signatures longer than this are broken, one value a line, as the printer does. */
const LONGEST_LINE = 110;
const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}', '<': '>' };
const TYPE_CONSTRUCTORS: ReadonlySet<string> = new Set(['seq', 'optional', 'map', 'sparse_tensor', 'opaque']);
const NUMBER_WORD = /^(inf|infinity|nan)$/i;

/**
 * The edits of white space that lay out a text without mistakes as the printer
 * does. Tokens and comments stay; line breaks that a person made within lists
 * of data, attributes and inputs stay, too, as do single blank lines between
 * nodes. No edits when the text isn't understood.
 */
export function formatText(text: string): readonly TextEdit[] {
  const layout = new Layout(text);
  try {
    layout.model();
  } catch (error) {
    if (error instanceof NotUnderstood) return [];
    throw error;
  }
  return layout.edits();
}

class NotUnderstood extends Error {}

/** Walks through the tokens by the grammar and says what white space stands in front of each. */
class Layout {
  private readonly tokens: readonly Token[];
  private readonly gaps: string[] = [];
  /** For each opening bracket the token that closes it. */
  private readonly ends: Int32Array;
  private at = 0;

  constructor(private readonly source: string) {
    this.tokens = tokenize(source);
    this.ends = this.matchBrackets();
  }

  model(): void {
    const gap = this.comments('', '') ? '\n' : '';
    if (this.is('<')) this.header(gap);
    this.graph('', this.at === 0 ? gap : '\n');
    while (this.peek() !== undefined) this.function();
    this.comments('', '\n');
  }

  edits(): TextEdit[] {
    const edits: TextEdit[] = [];
    let end = 0;
    const add = (to: number, newText: string) => {
      const old = this.source.slice(end, to);
      if (old.replace(/\r\n/g, '\n') !== newText) edits.push({ span: { start: end, end: to }, newText });
    };
    this.tokens.forEach((token, i) => {
      add(token.start, this.gaps[i]!);
      end = token.end;
    });
    if (this.tokens.length > 0) add(this.source.length, '\n');
    return edits;
  }

  private matchBrackets(): Int32Array {
    const ends = new Int32Array(this.tokens.length).fill(-1);
    const open: number[] = [];
    this.tokens.forEach((token, i) => {
      if (token.kind !== 'punctuation') return;
      const text = this.textOf(token);
      if (text in CLOSING) open.push(i);
      else if (')]}>'.includes(text)) {
        const from = open.pop();
        if (from !== undefined && CLOSING[this.textOf(this.tokens[from]!)] === text) ends[from] = i;
      }
    });
    return ends;
  }

  private textOf(token: Token): string {
    return this.source.slice(token.start, token.end);
  }

  /** The next token that isn't a comment. */
  private nextIndex(from = this.at): number {
    let index = from;
    while (this.tokens[index]?.kind === 'comment') index++;
    return index;
  }

  private peek(): string | undefined {
    const token = this.tokens[this.nextIndex()];
    return token && this.textOf(token);
  }

  private peekSecond(): string | undefined {
    const token = this.tokens[this.nextIndex(this.nextIndex() + 1)];
    return token && this.textOf(token);
  }

  private is(text: string): boolean {
    return this.peek() === text;
  }

  private kind(): Token['kind'] | undefined {
    return this.tokens[this.nextIndex()]?.kind;
  }

  /** The white space that stands in front of a token now. */
  private oldGap(index: number): string {
    return this.source.slice(this.tokens[index - 1]?.end ?? 0, this.tokens[index]?.start);
  }

  /** Lay out the comments that are next; true if there were some. */
  private comments(indent: string, gap: string): boolean {
    const first = this.at;
    for (; this.tokens[this.at]?.kind === 'comment'; this.at++) {
      const old = this.oldGap(this.at);
      const ownLine = this.at === 0 || old.includes('\n');
      const blank = /\n[^\n]*\n/.test(old) && (gap.includes('\n') || this.at > first) ? '\n' : '';
      this.gaps[this.at] = this.at === 0 ? '' : ownLine ? `${blank}\n${indent}` : ' ';
    }
    return this.at > first;
  }

  /** Take the next token, which `gap` stands before; comments before it go in lines of their own. */
  private take(gap: string, commentIndent = gap.includes('\n') ? gap.slice(gap.lastIndexOf('\n') + 1) : STEP): void {
    const after = this.comments(commentIndent, gap);
    if (this.at >= this.tokens.length) throw new NotUnderstood();
    if (!after) this.gaps[this.at] = gap;
    else if (gap.includes('\n')) {
      const blank = gap.startsWith('\n\n') && /\n[^\n]*\n/.test(this.oldGap(this.at)) ? '\n' : '';
      this.gaps[this.at] = `${blank}\n${gap.slice(gap.lastIndexOf('\n') + 1)}`;
    } else this.gaps[this.at] = this.at === 0 ? '' : `\n${commentIndent}`;
    this.at++;
  }

  private expect(text: string, gap: string, commentIndent?: string): void {
    if (!this.is(text)) throw new NotUnderstood();
    this.take(gap, commentIndent);
  }

  private takeIf(text: string, gap: string): boolean {
    if (!this.is(text)) return false;
    this.take(gap);
    return true;
  }

  private name(gap: string): void {
    const kind = this.kind();
    if (kind !== 'word' && kind !== 'string') throw new NotUnderstood();
    this.take(gap);
  }

  /** Whether a comment or an arrow (of a subgraph) lies between the bracket that is next and its end. */
  private holds(what: 'comment' | '=>'): boolean {
    const from = this.nextIndex();
    const end = this.ends[from] ?? -1;
    for (let i = from + 1; i < end; i++) {
      const token = this.tokens[i]!;
      if (what === 'comment' ? token.kind === 'comment' : this.textOf(token) === '=>') return true;
    }
    return false;
  }

  /** Whether the token behind the next is on another line than it. */
  private breaksAfterNext(): boolean {
    return this.oldGap(this.nextIndex() + 1).includes('\n');
  }

  private atType(): boolean {
    const next = this.peek();
    return next === '?' || (this.kind() === 'word' && next !== undefined && startsType(next));
  }

  /** `<key: value, …>`, a line each. */
  private header(gap: string): void {
    this.expect('<', gap);
    while (!this.is('>')) {
      this.name(`\n${STEP}`);
      this.expect(':', '');
      this.headerValue();
      if (!this.takeIf(',', '')) break;
    }
    this.expect('>', '\n', STEP);
  }

  private headerValue(): void {
    if (this.is('[')) this.list('[', ' ', STEP, (gap) => this.entry(gap));
    else this.literal(' ');
  }

  /** `"key": value`. */
  private entry(gap: string): void {
    this.name(gap);
    this.expect(':', '');
    this.literal(' ');
  }

  /** A number or a string. */
  private literal(gap: string): void {
    if (this.is('-')) {
      this.take(gap);
      this.take('');
    } else if (this.kind() === 'punctuation') throw new NotUnderstood();
    else this.take(gap);
  }

  /** A list on one line but for the line breaks that it has already. */
  private list(open: string, gap: string, indent: string, element: (gap: string) => void): void {
    const keep = (normal: string, inner: string): string =>
      this.oldGap(this.nextIndex()).includes('\n') ? `\n${inner}` : normal;
    const close = CLOSING[open]!;
    this.expect(open, gap);
    const inner = indent + STEP;
    while (!this.is(close)) {
      const first = this.textOf(this.tokens[this.at - 1]!) === open;
      if (!this.is(',')) element(keep(first ? '' : ' ', inner));
      if (!this.takeIf(',', '')) break;
    }
    this.expect(close, keep('', indent), inner);
  }

  private type(gap: string): void {
    const word = this.peek();
    this.take(gap);
    if (word === '?') {
      if (this.is('-') || this.kind() === 'number') this.literal('');
    } else if (word !== undefined && TYPE_CONSTRUCTORS.has(word)) {
      this.expect('(', '');
      for (let inner = ''; !this.is(')'); inner = ' ') {
        if (this.atType()) this.type(inner);
        else this.dotted(inner);
        if (!this.takeIf(',', '')) break;
      }
      this.expect(')', '');
      return;
    }
    if (this.is('[')) this.dimensions();
  }

  private dimensions(): void {
    this.expect('[', '');
    while (!this.is(']')) {
      if (this.is('?')) this.take('');
      else this.literal('');
      if (!this.takeIf(',', '')) break;
    }
    this.expect(']', '');
  }

  private dotted(gap: string): void {
    this.name(gap);
    while (this.takeIf('.', '')) this.name('');
  }

  /** `type name = data` of a signature or declaration. */
  private value(gap: string, indent: string): void {
    if (this.is('sparse') && this.peekSecond() === '[') {
      this.sparseInitializer(gap, indent);
      return;
    }
    if (this.atType()) {
      this.type(gap);
      this.name(' ');
    } else this.name(gap);
    if (this.takeIf('=', ' ')) this.data(' ', indent);
  }

  private data(gap: string, indent: string): void {
    if (this.is('[')) this.list('[', gap, indent, (inner) => this.entry(inner));
    else if (this.is('{')) this.list('{', gap, indent, (inner) => this.literal(inner));
  }

  /** `(value, …)`, on one line where it fits. */
  private values(gap: string, indent: string): void {
    const start = this.at;
    const broken = this.holds('comment') || !this.valuesOnOneLine(gap, indent);
    if (!broken) return;
    this.at = start;
    this.expect('(', gap);
    const inner = indent + STEP;
    while (!this.is(')')) {
      this.value(`\n${inner}`, inner);
      if (!this.takeIf(',', '')) break;
    }
    this.expect(')', `\n${indent}`, inner);
  }

  private valuesOnOneLine(gap: string, indent: string): boolean {
    const start = this.nextIndex();
    this.expect('(', gap);
    for (let before = ''; !this.is(')'); before = ' ') {
      this.value(before, indent + STEP);
      if (!this.takeIf(',', '')) break;
    }
    this.expect(')', '');
    let length = 0;
    for (let i = start; i < this.at; i++) {
      const inner = i === start ? '' : this.gaps[i]!;
      if (inner.includes('\n')) return false;
      length += inner.length + this.tokens[i]!.end - this.tokens[i]!.start;
    }
    return length <= LONGEST_LINE;
  }

  private graph(indent: string, gap: string): void {
    this.name(gap);
    this.signature(indent);
    this.nodes(indent);
  }

  /** `(inputs) => (outputs) <declarations>`. */
  private signature(indent: string): void {
    if (this.is('(')) this.values(' ', indent);
    this.expect('=>', ' ');
    this.values(' ', indent);
    if (!this.is('<')) return;
    this.expect('<', `\n${indent}`);
    const inner = indent + STEP;
    let any = false;
    while (!this.is('>')) {
      any = true;
      this.value(`\n${inner}`, inner);
      if (!this.takeIf(',', '')) break;
    }
    this.expect('>', any ? `\n${indent}` : '', inner);
  }

  private nodes(indent: string): void {
    const inner = indent + STEP;
    this.expect('{', `\n${indent}`);
    for (let first = true; !this.is('}'); first = false) {
      const blank = !first && /\n[^\n]*\n/.test(this.oldGap(this.nextIndex()).replace(/\r/g, '')) ? '\n' : '';
      this.node(inner, `${blank}\n${inner}`);
    }
    this.expect('}', `\n${indent}`, inner);
  }

  private node(indent: string, gap: string): void {
    let before = gap;
    if (this.is('[')) {
      this.take(before);
      if (!this.is(']')) this.name('');
      this.expect(']', '');
      before = ' ';
    }
    while (!this.is('=')) {
      if (this.is(',')) this.take(before === gap ? before : '');
      else this.name(before);
      before = ' ';
    }
    this.expect('=', before);
    if (this.is('(') || this.is('<')) {
      // A node without an op, which the printer leaves an empty place for.
      this.arguments(indent, '  ');
      return;
    }
    this.dotted(' ');
    if (this.takeIf(':', '')) this.name('');
    this.arguments(indent, ' ');
  }

  /** `<attributes> (inputs) <attributes>`. */
  private arguments(indent: string, gap: string): void {
    const leading = this.is('<');
    if (leading) this.attributes(gap, indent);
    this.list('(', leading ? ' ' : gap, indent, (inner) => this.name(inner));
    if (!leading && this.is('<') && !this.startsFunction()) this.attributes(' ', indent);
  }

  /** A `<` in the first column is a function's header. */
  private startsFunction(): boolean {
    const gap = this.oldGap(this.nextIndex());
    return gap.endsWith('\n');
  }

  private attributes(gap: string, indent: string): void {
    const broken = this.holds('=>') || this.holds('comment') || this.breaksAfterNext();
    const inner = indent + STEP;
    this.expect('<', gap);
    for (let first = true; !this.is('>'); first = false) {
      this.attribute(broken ? `\n${inner}` : first ? '' : ' ', broken ? inner : indent);
      if (!this.takeIf(',', '')) break;
    }
    this.expect('>', broken ? `\n${indent}` : '', inner);
  }

  /** `name: type = value`. */
  private attribute(gap: string, indent: string): void {
    this.name(gap);
    if (this.takeIf(':', '')) this.name(' ');
    if (this.takeIf('=', ' ')) this.attributeValue(' ', indent);
  }

  private attributeValue(gap: string, indent: string): void {
    const next = this.peek();
    if (next === '[') this.attributeList(gap, indent);
    else if (next === '@') {
      this.take(gap);
      this.name('');
    } else if (this.atType()) this.tensor(gap, indent);
    else if (next === 'sparse' && this.peekSecond() === '[') this.sparse(gap, indent);
    else if (this.kind() === 'string' ? this.peekSecond() !== '(' : this.kind() !== 'word') this.literal(gap);
    else if (next !== undefined && NUMBER_WORD.test(next)) this.literal(gap);
    else this.graph(indent, gap);
  }

  private attributeList(gap: string, indent: string): void {
    if (!this.holds('=>')) {
      this.list('[', gap, indent, (inner) => this.attributeValue(inner, indent + STEP));
      return;
    }
    const inner = indent + STEP;
    this.expect('[', gap);
    while (!this.is(']')) {
      this.attributeValue(`\n${inner}`, inner);
      if (!this.takeIf(',', '')) break;
    }
    this.expect(']', `\n${indent}`, inner);
  }

  /** `type name = data`, or the type alone. */
  private tensor(gap: string, indent: string): void {
    this.type(gap);
    if (this.kind() === 'word' || this.kind() === 'string') this.name(' ');
    this.takeIf('=', ' ');
    this.data(' ', indent);
  }

  /** `sparse[dims] name = (values, indices)`. */
  private sparseInitializer(gap: string, indent: string): void {
    this.take(gap);
    this.dimensions();
    this.name(' ');
    this.expect('=', ' ');
    this.sparseContent(indent);
  }

  /** `sparse[dims] (values, indices)`. */
  private sparse(gap: string, indent: string): void {
    this.take(gap);
    this.dimensions();
    this.sparseContent(indent);
  }

  private sparseContent(indent: string): void {
    this.expect('(', ' ');
    this.tensor('', indent);
    this.expect(',', '');
    this.tensor(' ', indent);
    this.expect(')', '');
  }

  private function(): void {
    let gap = '\n\n';
    if (this.is('<')) {
      this.header(gap);
      gap = '\n';
    }
    this.name(gap);
    if (this.is('<')) this.formalAttributes();
    this.signature('');
    this.nodes('');
  }

  private formalAttributes(): void {
    this.expect('<', ' ');
    for (let first = true; !this.is('>'); first = false) {
      this.attribute(first ? '' : ' ', '');
      if (!this.takeIf(',', '')) break;
    }
    this.expect('>', '');
  }
}
