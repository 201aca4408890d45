/** The kinds of text in a drawing. Sizes are in pixels at scale 1. */
export type TextStyle = 'title' | 'row' | 'edge' | 'badge';

export const FONT_SIZE: Readonly<Record<TextStyle, number>> = { title: 13, row: 11, edge: 10.5, badge: 11 };
export const FONT_WEIGHT: Readonly<Record<TextStyle, number>> = { title: 600, row: 400, edge: 400, badge: 600 };

/** Measures text, one character at a time, each kind of character once. */
export class TextMetrics {
  private readonly widths: Readonly<Record<TextStyle, Map<string, number>>> = {
    title: new Map(),
    row: new Map(),
    edge: new Map(),
    badge: new Map(),
  };

  /** @param charWidth width of one character, pixels. */
  constructor(private readonly charWidth: (char: string, style: TextStyle) => number) {}

  /** Width of a text, pixels; kerning is left out. */
  width(text: string, style: TextStyle): number {
    const known = this.widths[style];
    let sum = 0;
    for (const char of text) {
      let width = known.get(char);
      if (width === undefined) known.set(char, (width = this.charWidth(char, style)));
      sum += width;
    }
    return sum;
  }

  /** The text, cut with an ellipsis where it is wider than `limit`. */
  cut(text: string, style: TextStyle, limit: number): string {
    if (this.width(text, style) <= limit) return text;
    let room = limit - this.width('…', style);
    let cut = '';
    for (const char of text) {
      room -= this.width(char, style);
      if (room < 0) break;
      cut += char;
    }
    return `${cut}…`;
  }
}

/** Advance widths of the characters from the space to `~`, per mille of the font size: those of Helvetica and Arial. */
const HELVETICA = (
  '278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 584 584 ' +
  '584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 667 667 611 ' +
  '278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 278 556 500 722 ' +
  '500 500 500 334 260 334 584'
)
  .split(' ')
  .map(Number);

/** Metrics where no font can be asked: Helvetica's, for Latin letters; a full square for ideographs. */
export function helveticaMetrics(): TextMetrics {
  return new TextMetrics((char, style) => {
    const code = char.codePointAt(0)!;
    const perMille = HELVETICA[code - 32] ?? (code >= 0x1100 ? 1000 : 600);
    return (perMille / 1000) * FONT_SIZE[style] * (FONT_WEIGHT[style] >= 600 ? 1.07 : 1.02);
  });
}
