import { decodeModel } from '../core/onnx/decode';
import type { Model } from '../core/onnx/model';
import { FileSource } from '../files/fileSource';
import { problemOf } from '../files/problem';

/** Ends the command with one line on standard error. */
export class Failure extends Error {
  constructor(
    message: string,
    /** 1: the answer is no; 2: a file can't be read or written. */
    readonly status: 1 | 2,
  ) {
    super(message);
  }
}

export interface OpenModel {
  readonly file: string;
  readonly source: FileSource;
  readonly model: Model;
}

/**
 * Open and decode a model.
 * @throws Failure that names the file and what's wrong with it.
 */
export function openModel(file: string): OpenModel {
  let source: FileSource | undefined;
  try {
    source = new FileSource(file);
    return { file, source, model: decodeModel(source) };
  } catch (error) {
    source?.close();
    throw new Failure(`${file}: ${problemOf(error)}`, 2);
  }
}

export function print(line: string): void {
  process.stdout.write(line + '\n');
}

/** Rows as aligned columns, the first row being the header. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
