import * as path from 'node:path';
import type { ByteSource } from '../core/wire/source';
import { FileSource } from './fileSource';

/** Opens external-data files in `folder` by their relative location; `undefined` for one that can't be read. */
export function externalDataIn(folder: string): (location: string) => ByteSource | undefined {
  const opened = new Map<string, ByteSource | undefined>();
  return (location) => {
    if (!opened.has(location)) opened.set(location, open(path.join(folder, location)));
    return opened.get(location);
  };
}

function open(file: string): ByteSource | undefined {
  try {
    return new FileSource(file);
  } catch {
    return undefined;
  }
}
