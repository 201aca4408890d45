/**
 * Parse every ONNX text of a folder and write the models into another folder,
 * for scripts/official-compare.py: FILE.onnxtxt gives FILE.onnx, or FILE.err
 * with the first error. Usage: npx tsx scripts/parse-corpus.ts FOLDER OUT
 */
import fs from 'node:fs';
import path from 'node:path';
import { encodeModel } from '../src/core/onnx/encode';
import { TensorError } from '../src/core/onnx/tensor';
import { parseModel } from '../src/core/text/parse';
import { bytesSource } from '../src/core/wire/source';
import { joinChunks } from '../src/core/wire/splice';

const [folder, out] = process.argv.slice(2) as [string, string];
for (const file of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
  if (!file.endsWith('.onnxtxt')) continue;
  const text = fs.readFileSync(path.join(folder, file), 'utf8');
  const target = path.join(out, file.slice(0, -'.onnxtxt'.length));
  fs.mkdirSync(path.dirname(target), { recursive: true });
  const { model, errors } = parseModel(text);
  const [error] = errors;
  if (error) {
    const line = text.slice(0, error.span.start).split('\n').length;
    fs.writeFileSync(`${target}.err`, `line ${line}: ${error.message}`);
    continue;
  }
  try {
    fs.writeFileSync(`${target}.onnx`, joinChunks(encodeModel(model), bytesSource(new Uint8Array(0))));
  } catch (failure) {
    if (!(failure instanceof TensorError)) throw failure;
    fs.writeFileSync(`${target}.err`, failure.message);
  }
}
