/**
 * UTF-8 with bytes that aren't valid kept as the lone surrogates U+DC80–U+DCFF
 * (PEP 383, "surrogateescape"), so that every byte string has one string and
 * comes back from it unchanged.
 */

const CHUNK = 1024;

/** The string that `bytes[start, end)` spells. Never throws. */
export function decodeUtf8(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let at = start;
  while (at < end && bytes[at]! < 0x80) at++;
  let text = latin1Text(bytes, start, at);
  if (at === end) return text;
  const units: number[] = [];
  while (at < end) {
    const first = bytes[at]!;
    const length = sequenceLength(bytes, at, end);
    if (length === 0) {
      units.push(0xdc00 | first);
      at += 1;
    } else if (length === 1) {
      units.push(first);
      at += 1;
    } else {
      let codePoint = first & (0xff >> (length + 1));
      for (let i = 1; i < length; i++) codePoint = (codePoint << 6) | (bytes[at + i]! & 0x3f);
      if (codePoint > 0xffff) {
        units.push(0xd7c0 + (codePoint >> 10), 0xdc00 | (codePoint & 0x3ff));
      } else {
        units.push(codePoint);
      }
      at += length;
    }
    if (units.length >= CHUNK) {
      text += String.fromCharCode.apply(null, units);
      units.length = 0;
    }
  }
  return text + String.fromCharCode.apply(null, units);
}

/** Bytes of the well-formed sequence at `at` (1–4), or 0 when there is none (Unicode 15, table 3-7). */
function sequenceLength(bytes: Uint8Array, at: number, end: number): 0 | 1 | 2 | 3 | 4 {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const length =
    first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (length === 0 || at + length > end) return 0;
  const second = bytes[at + 1]!;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let i = 2; i < length; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return 0;
  return length;
}

/** The string whose characters, U+0000–U+00FF, are `bytes[start, end)`. */
export function latin1Text(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let text = '';
  for (let from = start; from < end; from += CHUNK) {
    const units = bytes.subarray(from, Math.min(from + CHUNK, end));
    text += String.fromCharCode.apply(null, units as unknown as number[]);
  }
  return text;
}

/** The bytes of `text`; the inverse of {@link decodeUtf8}. Other lone surrogates become U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3);
  let size = 0;
  for (let i = 0; i < text.length; i++) {
    let unit = text.charCodeAt(i);
    if (unit < 0x80) {
      bytes[size++] = unit;
      continue;
    }
    if (unit >= 0xd800 && unit <= 0xdfff) {
      const next = i + 1 < text.length ? text.charCodeAt(i + 1) : 0;
      if (unit <= 0xdbff && next >= 0xdc00 && next <= 0xdfff) {
        const codePoint = 0x10000 + ((unit & 0x3ff) << 10) + (next & 0x3ff);
        bytes[size++] = 0xf0 | (codePoint >> 18);
        bytes[size++] = 0x80 | ((codePoint >> 12) & 0x3f);
        bytes[size++] = 0x80 | ((codePoint >> 6) & 0x3f);
        bytes[size++] = 0x80 | (codePoint & 0x3f);
        i++;
        continue;
      }
      if (unit >= 0xdc80 && unit <= 0xdcff) {
        bytes[size++] = unit & 0xff;
        continue;
      }
      unit = 0xfffd;
    }
    if (unit < 0x800) {
      bytes[size++] = 0xc0 | (unit >> 6);
    } else {
      bytes[size++] = 0xe0 | (unit >> 12);
      bytes[size++] = 0x80 | ((unit >> 6) & 0x3f);
    }
    bytes[size++] = 0x80 | (unit & 0x3f);
  }
  return bytes.subarray(0, size);
}
