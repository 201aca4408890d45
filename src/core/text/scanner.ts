import type { StringEntry, TextSpan, Type } from '../onnx/model';
import { detached } from '../wire/detached';
import { NameStack, Places } from './places';
import type { ParsedAttribute, ParsedNode } from './parsedNode';

/** A mistake in the text: what is wrong, and where. */
export interface ParseError {
  readonly message: string;
  readonly span: TextSpan;
}

/** Nodes of an earlier state of the text. */
export interface KnownNodes {
  /**
   * Add the nodes that follow at `pos`, where a node may start, and read as
   * they did before, to `nodes`.
   * @returns where the text behind them goes on; `pos` when there are none.
   */
  take(pos: number, nodes: ParsedNode[]): number;
}

/** Stops the parsing of one element; caught where parsing can go on behind it. */
export class SyntaxFailure extends Error {
  constructor(
    message: string,
    readonly span: TextSpan,
  ) {
    super(message);
  }
}

/** Character codes of the grammar's punctuation. */
export const Char = {
  Newline: 10,
  CarriageReturn: 13,
  Quote: 34,
  Hash: 35,
  Dollar: 36,
  OpenParen: 40,
  CloseParen: 41,
  Plus: 43,
  Comma: 44,
  Minus: 45,
  Dot: 46,
  Colon: 58,
  Less: 60,
  Equals: 61,
  Greater: 62,
  Question: 63,
  At: 64,
  OpenBracket: 91,
  Backslash: 92,
  CloseBracket: 93,
  OpenBrace: 123,
  CloseBrace: 125,
} as const;

/** The opening character of each closing one. */
const closing: Readonly<Record<number, number>> = {
  [Char.CloseParen]: Char.OpenParen,
  [Char.CloseBracket]: Char.OpenBracket,
  [Char.CloseBrace]: Char.OpenBrace,
};

const smallIntegers = Array.from({ length: 1025 }, (_, i) => BigInt(i));

const START = 1;
const DIGIT = 2;
const kinds = new Uint8Array(128);
for (let code = 0; code < 128; code++) {
  const character = String.fromCharCode(code);
  if (/[A-Za-z_]/.test(character)) kinds[code] = START;
  else if (/[0-9]/.test(character)) kinds[code] = DIGIT;
}

const namedEscapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' };

/** Mistakes beyond this many are not listed: the text isn't ONNX text at all. */
const MOST_ERRORS = 1000;

/** Where a character is next: looked for once for all places in front of it. */
class NextPlace {
  private at = -1;
  private lookedFrom = 0;

  constructor(
    private readonly text: string,
    private readonly character: string,
  ) {}

  /** The first place at or behind `pos`, or the end of the text. */
  from(pos: number): number {
    if (pos < this.lookedFrom || pos > this.at) {
      const found = this.text.indexOf(this.character, pos);
      this.at = found < 0 ? this.text.length : found;
      this.lookedFrom = pos;
    }
    return this.at;
  }
}

/** Reads tokens from ONNX text. Positions are UTF-16 offsets. */
export class Scanner {
  pos = 0;
  readonly errors: ParseError[] = [];
  /** Where mistakes are: what stands there was read in part or not at all. */
  readonly skipped: TextSpan[] = [];
  /** Grows with each mistake, also with those that aren't listed. */
  mistakes = 0;
  /** Where the last string that runs over several lines starts: a suspect when what follows fails. */
  lastLongString = -1;

  /** Whether all in front of the main graph's nodes is without mistakes. */
  isHeadWhole = false;
  /** Names of nodes that are being read. */
  readonly nameStack = new NameStack();
  /** Where the parts of nodes are. */
  readonly places = new Places();

  /** Types by their text. */
  readonly types = new Map<string, Type>();
  /** Attributes of nodes by their text, with where that was read. */
  readonly attributes = new Map<string, { readonly list: readonly ParsedAttribute[]; readonly start: number }>();
  /** The entries read last, by their position in their list. */
  readonly lastEntries: StringEntry[] = [];

  private plainFrom = 0;
  private plainTo = -1;
  private readonly newline: NextPlace;
  private readonly carriageReturn: NextPlace;
  private readonly backslash: NextPlace;

  /** @param known nodes that need not be read again. */
  constructor(
    readonly text: string,
    readonly known?: KnownNodes,
  ) {
    this.newline = new NextPlace(text, '\n');
    this.carriageReturn = new NextPlace(text, '\r');
    this.backslash = new NextPlace(text, '\\');
  }

  /**
   * A string of the model. It would keep the whole text in memory if it were a
   * slice of it, and so would each state of a text that is edited.
   */
  own(slice: string): string {
    return this.known === undefined ? slice : detached(slice);
  }

  /** Skip white space and comments; the code of the next character, or -1 at the end. */
  peek(): number {
    const { text } = this;
    for (;;) {
      const code = text.charCodeAt(this.pos);
      if (code > Char.Hash) return code;
      if (code === 32 || (code >= 9 && code <= 13)) {
        this.pos++;
      } else if (code === Char.Hash) {
        const end = text.indexOf('\n', this.pos);
        this.pos = end < 0 ? text.length : end + 1;
      } else {
        return Number.isNaN(code) ? -1 : code;
      }
    }
  }

  /** Consume the character if it is next. */
  matches(code: number): boolean {
    if (this.peek() !== code) return false;
    this.pos++;
    return true;
  }

  /** Consume the character, which `place` needs. */
  expect(code: number, place: string): void {
    if (!this.matches(code)) throw this.unexpected(`'${String.fromCharCode(code)}' ${place}`);
  }

  isIdentifierStart(code: number): boolean {
    return code < 128 && kinds[code] === START;
  }

  isDigit(code: number): boolean {
    return code >= 48 && code <= 57;
  }

  /** The identifier that is next, or `''`. */
  identifier(): string {
    if (!this.isIdentifierStart(this.peek())) return '';
    const start = this.pos;
    const { text } = this;
    let at = start;
    for (let code = text.charCodeAt(at); code < 128 && kinds[code] !== 0; code = text.charCodeAt(++at));
    this.pos = at;
    return this.own(text.slice(start, at));
  }

  /** The identifier that is next, without consuming it, or `''`. */
  peekIdentifier(): string {
    this.peek();
    const start = this.pos;
    const identifier = this.identifier();
    this.pos = start;
    return identifier;
  }

  /** Whether a name, bare or quoted, is next. */
  atName(): boolean {
    const code = this.peek();
    return code === Char.Quote || code === Char.Dollar || this.isIdentifierStart(code);
  }

  /** A name, bare or quoted. `what` is what it names. */
  name(what: string): string {
    const code = this.peek();
    if (code === Char.Quote || code === Char.Dollar) return this.string(what);
    const identifier = this.identifier();
    if (identifier === '') throw this.unexpected(what);
    return identifier;
  }

  /**
   * A string literal. In `"…"` a backslash stands for the next character
   * itself; `$"…"` knows the escapes of `quoteString`. A line break in the
   * text is one newline in the string, whichever the text's line endings are.
   */
  string(what: string): string {
    const code = this.peek();
    const start = this.pos;
    const escaped = code === Char.Dollar;
    if (escaped) this.pos++;
    if (this.text.charCodeAt(this.pos) !== Char.Quote) {
      this.pos = start;
      throw this.unexpected(what);
    }
    const { text } = this;
    const contentStart = this.pos + 1;
    let at = text.indexOf('"', contentStart);
    if (at >= 0 && at <= this.plainEnd(contentStart)) {
      this.pos = at + 1;
      return this.own(text.slice(contentStart, at));
    }
    if (at >= 0 && text.slice(contentStart, at).includes('\\')) at = closingQuote(text, contentStart);
    if (at < 0) {
      const lineEnd = text.indexOf('\n', start);
      this.pos = text.length;
      this.lastLongString = start;
      throw new SyntaxFailure('This string has no closing quote.', {
        start,
        end: lineEnd < 0 ? text.length : lineEnd,
      });
    }
    const content = text.slice(contentStart, at);
    if (content.includes('\n')) this.lastLongString = start;
    this.pos = at + 1;
    const read = escaped ? this.unescape(content, start + 2) : content.replace(/\r\n/g, '\n').replace(/\\([^])/g, '$1');
    return this.own(read);
  }

  /** Up to where what stands at `from` reads as it is: to a line break, a backslash, or the end of the text. */
  private plainEnd(from: number): number {
    if (from < this.plainFrom || from > this.plainTo) {
      this.plainFrom = from;
      this.plainTo = Math.min(this.newline.from(from), this.carriageReturn.from(from), this.backslash.from(from));
    }
    return this.plainTo;
  }

  private unescape(content: string, offset: number): string {
    const escapes = /\\(?:x([0-9a-fA-F]{2})|u\{([0-9a-fA-F]{1,6})\}|([^]?))/g;
    let text = '';
    let done = 0;
    for (let match = escapes.exec(content); match !== null; match = escapes.exec(content)) {
      const [all, byte, unit, other] = match;
      text += content.slice(done, match.index).replace(/\r\n/g, '\n');
      done = match.index + all.length;
      if (byte !== undefined) {
        const code = parseInt(byte, 16);
        text += String.fromCharCode(code < 0x80 ? code : 0xdc00 | code);
      } else if (unit !== undefined) {
        const code = parseInt(unit, 16);
        if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
          const start = offset + match.index;
          throw new SyntaxFailure(`${all} is no character: known are 0 to D7FF and E000 to 10FFFF.`, {
            start,
            end: start + all.length,
          });
        }
        text += String.fromCodePoint(code);
      } else {
        const character = other === undefined ? undefined : namedEscapes[other];
        if (character === undefined) {
          const start = offset + match.index;
          throw new SyntaxFailure(
            `Unknown escape ${all}; known are \\n \\r \\t \\" \\\\ \\xHH \\u{H…}, of 1 to 6 digits.`,
            {
              start,
              end: start + all.length,
            },
          );
        }
        text += character;
      }
    }
    return text + content.slice(done).replace(/\r\n/g, '\n');
  }

  /**
   * A number: `text` as written. Floats have a point or an exponent, or are
   * `inf`, `infinity` or `nan` in any case.
   */
  number(what: string): { readonly text: string; readonly isFloat: boolean } {
    let code = this.peek();
    const start = this.pos;
    if (code === Char.Minus) {
      this.pos++;
      code = this.peek();
    }
    if (this.isIdentifierStart(code)) {
      const word = this.identifier();
      if (/^(inf|infinity|nan)$/i.test(word)) return { text: this.literal(start, word), isFloat: true };
      this.pos = start;
      throw this.unexpected(what);
    }
    if (!this.isDigit(code)) {
      this.pos = start;
      throw this.unexpected(what);
    }
    const { text } = this;
    let at = this.pos;
    let isFloat = false;
    while (this.isDigit(text.charCodeAt(at))) at++;
    if (text.charCodeAt(at) === Char.Dot) {
      isFloat = true;
      at++;
      while (this.isDigit(text.charCodeAt(at))) at++;
    }
    const exponent = text.charCodeAt(at);
    if (exponent === 101 || exponent === 69) {
      let digits = at + 1;
      const sign = text.charCodeAt(digits);
      if (sign === Char.Plus || sign === Char.Minus) digits++;
      if (!this.isDigit(text.charCodeAt(digits))) {
        throw new SyntaxFailure('An exponent needs digits.', { start, end: digits });
      }
      isFloat = true;
      at = digits;
      while (this.isDigit(text.charCodeAt(at))) at++;
    }
    const digits = this.pos;
    this.pos = at;
    return { text: this.literal(start, text.slice(digits, at)), isFloat };
  }

  /** A number's text: a minus sign may stand apart from what follows. */
  private literal(start: number, unsigned: string): string {
    return this.text.charCodeAt(start) === Char.Minus ? `-${unsigned}` : unsigned;
  }

  /** The integer of up to 15 digits that is next, or `undefined` where something else is. */
  shortInteger(): number | undefined {
    const negative = this.peek() === Char.Minus;
    const { text } = this;
    const start = negative ? this.pos + 1 : this.pos;
    let value = 0;
    let at = start;
    let code = text.charCodeAt(at);
    for (; this.isDigit(code); code = text.charCodeAt(++at)) value = value * 10 + code - 48;
    // What goes on is a float; the number of digits keeps the value exact.
    if (at === start || at - start > 15 || code === Char.Dot || code === 101 || code === 69) return undefined;
    this.pos = at;
    return negative ? -value : value;
  }

  /** An integer within ±2⁶³. */
  int64(what: string): bigint {
    const short = this.shortInteger();
    if (short !== undefined) return bigIntOf(short);
    const start = this.pos;
    const { text, isFloat } = this.number(what);
    if (isFloat) throw new SyntaxFailure(`Expected ${what}, found ${text}.`, { start, end: this.pos });
    const value = toBigInt(text);
    if (value !== BigInt.asIntN(64, value)) {
      throw new SyntaxFailure(`${text} doesn't fit a 64-bit integer.`, { start, end: this.pos });
    }
    return value;
  }

  /** A failure at the next token: "Expected … , found …". */
  unexpected(expected: string): SyntaxFailure {
    const code = this.peek();
    const start = this.pos;
    if (code < 0) return new SyntaxFailure(`Expected ${expected}, found the end of the text.`, { start, end: start });
    let end = start + 1;
    if (this.isIdentifierStart(code) || this.isDigit(code)) {
      while (end < this.text.length && (kinds[this.text.charCodeAt(end)] ?? 0) !== 0) end++;
    } else if (code === Char.Quote) {
      const quote = /[\n"]/g;
      quote.lastIndex = end;
      end = (quote.exec(this.text)?.index ?? this.text.length - 1) + 1;
    } else if (code === Char.Equals && this.text.charCodeAt(end) === Char.Greater) {
      end++;
    }
    const found = this.text.slice(start, Math.min(end, start + 60)).trimEnd();
    return new SyntaxFailure(`Expected ${expected}, found ${found}.`, { start, end });
  }

  /**
   * Note a failure, to go on behind it; the first of those on one line, since the next mostly follow from it.
   * Anything but a failure is thrown on.
   */
  report(failure: unknown): void {
    if (!(failure instanceof SyntaxFailure)) throw failure;
    this.mistakes++;
    const last = this.errors.at(-1);
    if (last && this.isSameLine(last.span.start, failure.span.start)) return;
    if (this.errors.length < MOST_ERRORS) this.errors.push({ message: failure.message, span: failure.span });
  }

  /** Note what is read in part or not at all. */
  skip(span: TextSpan): void {
    this.mistakes++;
    this.skipped.push(span);
  }

  private isSameLine(a: number, b: number): boolean {
    const [start, end] = a < b ? [a, b] : [b, a];
    const newline = this.text.indexOf('\n', start);
    return newline < 0 || newline >= end;
  }

  /** Whether the position is the first on its line, white space aside. */
  atLineStart(): boolean {
    for (let at = this.pos - 1; at >= 0; at--) {
      const code = this.text.charCodeAt(at);
      if (code === Char.Newline) return true;
      if (code !== 32 && code !== 9 && code !== 13) return false;
    }
    return true;
  }

  /**
   * Go to the comma, or the closing character, that ends the element of a list
   * that starts at `start` and failed at the present position, or to `limit`.
   */
  skipElement(start: number, close: number, limit: number): void {
    // A string over several lines most likely lacks its closing quote.
    const failed = this.lastLongString >= start ? this.lastLongString + 1 : this.pos;
    const open: number[] = [];
    this.pos = start;
    for (;;) {
      const code = this.peek();
      if (this.pos >= limit) {
        this.pos = limit;
        return;
      }
      if (this.pos >= failed) {
        if (code === close && (open.length === 0 || open[open.length - 1] !== closing[code])) return;
        if (code === Char.Comma && (open.length === 0 || this.endsLine())) return;
        if (code === Char.OpenBrace && open.length === 0 && this.atLineStart()) return;
        if (code === Char.CloseBrace && open.length === 0) return;
      }
      if (code === Char.Quote) {
        this.skipQuoted();
        continue;
      }
      if (code === Char.OpenParen || code === Char.OpenBracket || code === Char.OpenBrace) open.push(code);
      else if (open.length > 0 && open[open.length - 1] === closing[code]) open.pop();
      this.pos++;
    }
  }

  /** Whether nothing but white space follows the present character on its line. */
  private endsLine(): boolean {
    for (let at = this.pos + 1; at < this.text.length; at++) {
      const code = this.text.charCodeAt(at);
      if (code === Char.Newline) return true;
      if (code !== 32 && code !== 9 && code !== 13) return false;
    }
    return true;
  }

  /** Skip a string that ends on this line, or else the lone quote. */
  private skipQuoted(): void {
    const end = /(?:[^"\\\n]|\\.)*"/y;
    end.lastIndex = this.pos + 1;
    this.pos = end.exec(this.text) === null ? this.pos + 1 : end.lastIndex;
  }
}

/** The quote that ends a string whose content starts at `start` and may have backslashes, or -1. */
function closingQuote(text: string, start: number): number {
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === Char.Quote) return at;
    if (code === Char.Backslash) at++;
  }
  return -1;
}

/** An integer that a number holds exactly, as a bigint. */
export function bigIntOf(value: number): bigint {
  return smallIntegers[value] ?? BigInt(value);
}

/** The value of an integer literal. */
export function toBigInt(text: string): bigint {
  return BigInt(text);
}
