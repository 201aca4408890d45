import type { Category } from '../src/core/layout/categories';
import type { FusionState } from '../src/core/layout/drawing';
import { FONT_SIZE, FONT_WEIGHT, TextMetrics, type TextStyle } from '../src/core/layout/textMetrics';

/** The colours and fonts of a drawing, from the editor's theme. */
export interface Theme {
  readonly highContrast: boolean;
  readonly background: string;
  readonly card: string;
  readonly cardBorder: string;
  readonly text: string;
  readonly dimText: string;
  readonly edge: string;
  readonly accent: string;
  readonly match: string;
  readonly header: Readonly<Record<Category, string>>;
  readonly onHeader: Readonly<Record<Category, string>>;
  readonly mark: Readonly<Record<FusionState, string>>;
  readonly onMark: Readonly<Record<FusionState, string>>;
  readonly font: Readonly<Record<TextStyle, string>>;
}

type Rgb = readonly [red: number, green: number, blue: number];

const STYLES: readonly TextStyle[] = ['title', 'row', 'edge', 'badge'];
const probe = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })!;

/** The theme in force. */
export function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const kind = document.body.className;
  const highContrast = kind.includes('vscode-high-contrast');
  const dark = !kind.includes('light');
  const colour = (names: readonly string[], fallback: string): Rgb => {
    for (const name of names) {
      const value = style.getPropertyValue(`--vscode-${name}`).trim();
      if (value !== '') return toRgb(value);
    }
    return toRgb(fallback);
  };
  const background = colour(['editor-background'], dark ? '#1e1e1e' : '#ffffff');
  const text = colour(['editor-foreground', 'foreground'], dark ? '#d4d4d4' : '#1f2328');
  const card = colour(['editorWidget-background'], dark ? '#252526' : '#ffffff');
  const blue = colour(['charts-blue'], '#3794ff');
  const green = colour(['charts-green'], dark ? '#89d185' : '#388a34');
  const red = colour(['charts-red'], '#e51400');
  const purple = colour(['charts-purple'], '#b180d7');
  const yellow = colour(['charts-yellow'], '#cca700');
  const orange = colour(['charts-orange'], '#d18616');
  const grey = mix(text, background, 0.55);
  // Header colours of even depth, whatever the theme's charts look like.
  const depth = (value: Rgb): Rgb => withLuminance(value, dark ? 0.17 : 0.16);
  const headers: Record<Category, Rgb> = {
    layer: depth(blue),
    normalization: depth(purple),
    activation: depth(mix(red, orange, 0.75)),
    pool: depth(mix(blue, green, 0.45)),
    arithmetic: depth(mix(blue, grey, 0.3)),
    shape: depth(mix(yellow, grey, 0.28)),
    tensor: depth(mix(orange, grey, 0.3)),
    quantization: depth(mix(purple, red, 0.5)),
    control: depth(mix(text, background, 0.4)),
    constant: depth(grey),
    value: card,
    custom: depth(mix(grey, purple, 0.75)),
  };
  const border = colour(['contrastBorder'], css(mix(text, background, highContrast ? 1 : 0.28)));
  const fusable = withContrast(green, background, 3.2);
  const blocked = withContrast(colour(['editorWarning-foreground'], '#cca700'), background, 3.2);
  const fused = withContrast(blue, background, 3.2);
  const family = style.getPropertyValue('--vscode-font-family').trim() || 'system-ui, sans-serif';
  return {
    highContrast,
    background: css(background),
    card: css(highContrast ? background : card),
    cardBorder: css(border),
    text: css(text),
    dimText: css(highContrast ? text : withContrast(colour(['descriptionForeground'], css(grey)), card, 4.5)),
    edge: css(mix(text, background, highContrast ? 0.9 : 0.48)),
    accent: css(colour(['focusBorder', 'contrastActiveBorder'], '#0090f1')),
    match: css(colour(['editor-findMatchHighlightBorder', 'editor-findMatchHighlightBackground'], '#ea5c00')),
    header: mapValues(headers, (value) => css(highContrast ? background : value)),
    onHeader: mapValues(headers, (value) => (highContrast ? css(text) : css(onColour(value)))),
    mark: { fusable: css(fusable), blocked: css(blocked), fused: css(fused) },
    onMark: { fusable: css(onColour(fusable)), blocked: css(onColour(blocked)), fused: css(onColour(fused)) },
    font: Object.fromEntries(
      STYLES.map((name) => [name, `${FONT_WEIGHT[name]} ${FONT_SIZE[name]}px ${family}`]),
    ) as Record<TextStyle, string>,
  };
}

/** Text metrics of the theme's fonts. */
export function metricsOf(theme: Theme): TextMetrics {
  return new TextMetrics((char, style) => {
    probe.font = theme.font[style];
    return probe.measureText(char).width;
  });
}

/** A colour with an opacity. */
export function withAlpha(colour: string, alpha: number): string {
  const [red, green, blue] = toRgb(colour);
  return `rgba(${red}, ${green}, ${blue}, ${alpha})`;
}

function toRgb(colour: string): Rgb {
  probe.clearRect(0, 0, 1, 1);
  probe.fillStyle = '#808080';
  probe.fillStyle = colour;
  probe.fillRect(0, 0, 1, 1);
  const [red = 0, green = 0, blue = 0] = probe.getImageData(0, 0, 1, 1).data;
  return [red, green, blue];
}

function css([red, green, blue]: Rgb): string {
  return `rgb(${red}, ${green}, ${blue})`;
}

/** `share` of the first colour and the rest of the second. */
function mix(a: Rgb, b: Rgb, share: number): Rgb {
  return [0, 1, 2].map((i) => Math.round(a[i]! * share + b[i]! * (1 - share))) as unknown as Rgb;
}

/** Relative luminance, WCAG 2. */
function luminance(colour: Rgb): number {
  const [red, green, blue] = colour.map((value) => {
    const v = value / 255;
    return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

function contrast(a: Rgb, b: Rgb): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high! + 0.05) / (low! + 0.05);
}

function onColour(ground: Rgb): Rgb {
  const white: Rgb = [255, 255, 255];
  const black: Rgb = [16, 18, 20];
  return contrast(white, ground) >= 3.5 ? white : contrast(black, ground) > contrast(white, ground) ? black : white;
}

/** The colour made darker or lighter until it has the luminance. */
function withLuminance(colour: Rgb, target: number): Rgb {
  const towards: Rgb = luminance(colour) > target ? [0, 0, 0] : [255, 255, 255];
  return search(colour, towards, (candidate) =>
    towards[0] === 0 ? luminance(candidate) <= target : luminance(candidate) >= target,
  );
}

/** The colour moved away from the ground until it stands out by the ratio. */
function withContrast(colour: Rgb, ground: Rgb, ratio: number): Rgb {
  const towards: Rgb = luminance(ground) < 0.2 ? [255, 255, 255] : [0, 0, 0];
  return search(colour, towards, (candidate) => contrast(candidate, ground) >= ratio);
}

function search(colour: Rgb, towards: Rgb, good: (candidate: Rgb) => boolean): Rgb {
  for (let step = 0; step <= 20; step++) {
    const candidate = mix(towards, colour, step / 20);
    if (good(candidate)) return candidate;
  }
  return towards;
}

function mapValues<K extends string, V, W>(record: Readonly<Record<K, V>>, map: (value: V) => W): Record<K, W> {
  return Object.fromEntries(Object.entries<V>(record).map(([key, value]) => [key, map(value)])) as Record<K, W>;
}
