import * as path from 'node:path';
import type { ByteSource } from '../core/wire/source';
import { FileSource } from './fileSource';

/** The external-data files beside a model, opened as they are asked for. */
export class ExternalData {
  private readonly opened = new Map<string, FileSource | undefined>();

  constructor(private readonly folder: string) {}

  /** The file at a relative location, or `undefined` when it can't be read. */
  readonly open = (location: string): ByteSource | undefined => {
    if (!this.opened.has(location)) this.opened.set(location, sourceAt(path.join(this.folder, location)));
    return this.opened.get(location);
  };

  close(): void {
    for (const source of this.opened.values()) source?.close();
    this.opened.clear();
  }
}

function sourceAt(file: string): FileSource | undefined {
  try {
    return new FileSource(file);
  } catch {
    return undefined;
  }
}
