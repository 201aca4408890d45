/**
 * Send every model of a folder to text and back, and print how many come back
 * byte-identical. Usage: npx tsx scripts/check-corpus.ts [FOLDER] [--elide-above BYTES]
 */
import fs from 'node:fs';
import path from 'node:path';
import { ModelFormatError } from '../src/core/onnx/decode';
import { checkModel } from '../src/core/text/check';
import { bytesSource } from '../src/core/wire/source';

const args = process.argv.slice(2);
const elide = args.indexOf('--elide-above');
const elideAbove = elide >= 0 ? Number(args.splice(elide, 2)[1]) : undefined;
const folder = args[0] ?? path.join(__dirname, '../../shared/models');

let identical = 0;
const unreadable: string[] = [];
const different: string[] = [];
const start = performance.now();
const files = fs
  .readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.(onnx|ort|pb)$/.test(file));
for (const file of files.sort()) {
  const bytes = fs.readFileSync(path.join(folder, file));
  try {
    const result = checkModel(bytesSource(bytes), path.basename(file), { elideAbove });
    if (result.identical) identical++;
    else different.push(`${file}: ${result.message} (byte ${result.offset ?? '–'})`);
  } catch (error) {
    if (!(error instanceof ModelFormatError)) throw new Error(file, { cause: error });
    unreadable.push(`${file}: ${error.message}`);
  }
}
const lines = [
  ...different.map((line) => `DIFFERENT ${line}`),
  ...unreadable.map((line) => `not a model: ${line}`),
  `${files.length} files: ${identical} byte-identical, ${different.length} different, ${unreadable.length} not models; ${((performance.now() - start) / 1000).toFixed(1)} s`,
];
process.stdout.write(lines.join('\n') + '\n');
process.exitCode = different.length === 0 ? 0 : 1;
