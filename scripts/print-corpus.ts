/**
 * Print every model of a folder as ONNX text into another folder, for
 * scripts/official-compare.py. Usage: npx tsx scripts/print-corpus.ts FOLDER OUT
 */
import fs from 'node:fs';
import path from 'node:path';
import { decodeModel, ModelFormatError } from '../src/core/onnx/decode';
import { printModel } from '../src/core/text/print';
import { bytesSource } from '../src/core/wire/source';

const [folder, out] = process.argv.slice(2) as [string, string];
for (const file of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
  if (!/\.(onnx|pb)$/.test(file)) continue;
  const source = bytesSource(fs.readFileSync(path.join(folder, file)));
  try {
    const text = printModel(decodeModel(source), source, { fileName: path.basename(file) });
    const target = path.join(out, `${file}.onnxtxt`);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, text);
  } catch (error) {
    if (!(error instanceof ModelFormatError)) throw error;
  }
}
