import * as path from 'node:path';
import { comparableText } from '../files/comparable';
import { digestOf } from '../files/digest';
import { FileSource } from '../files/fileSource';
import { problemOf } from '../files/problem';
import { Failure, openModel } from './output';

/**
 * The text for `git diff` (a `textconv`): weights are shown by size and
 * content, so that it is the same wherever the file lies. A file that is no
 * model (a Git LFS pointer, an empty file) is described in comments: where a
 * textconv fails, git gives up the whole diff.
 * @throws Failure when the file can't be read at all.
 */
export async function textForDiff(file: string, elideAbove?: number): Promise<string> {
  let source: FileSource;
  try {
    source = new FileSource(file);
  } catch (error) {
    throw new Failure(`${file}: ${problemOf(error)}`, 2);
  }
  try {
    const { model, source: opened } = openModel(file);
    try {
      return await comparableText({ model, source: opened, fileName: path.basename(file) }, elideAbove);
    } finally {
      opened.close();
    }
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const digest = await digestOf({ source, range: { start: 0, end: source.size } });
    const message = error.message.startsWith(`${file}: `) ? error.message.slice(file.length + 2) : error.message;
    return `# No ONNX text: ${message.replaceAll('\n', ' ')}\n# ${source.size} bytes, SHA-256 ${digest}\n`;
  } finally {
    source.close();
  }
}
