import * as fs from 'node:fs';
import * as path from 'node:path';
import { FileSource } from './fileSource';

/** A file with external data that a model needs beside it. */
export interface DataCopy {
  readonly from: string;
  readonly to: string;
  /** In bytes. */
  readonly size: number;
}

/**
 * What becomes of a model's external data when the model is written to another
 * folder. ONNX allows neither absolute locations nor `..` in them
 * (onnx/docs/ExternalData.md), so that data outside the new folder has to be copied.
 */
export interface ExternalPlan {
  readonly copies: readonly DataCopy[];
  /** New locations by the present ones, where they differ. */
  readonly moved: ReadonlyMap<string, string>;
  /** Locations, as the new model states them, of data that is in another new folder, or below, already. */
  readonly found: readonly string[];
  /** Locations of files that aren't there; they are left as they are. */
  readonly missing: readonly string[];
}

/**
 * Plan where a model at `target` finds the data of the model at `file`: by a
 * new location where the data lies in the folder of `target` or below, else in
 * a copy. A file that is in the way of a copy is kept: where it has the same
 * bytes it serves, else the copy gets another name.
 * @throws a Node `SystemError` when a file that is in the way can't be read.
 */
export async function planExternalData(
  locations: readonly string[],
  file: string,
  target: string,
): Promise<ExternalPlan> {
  const fromFolder = realPath(path.dirname(path.resolve(file)));
  const toFolder = realPath(path.dirname(path.resolve(target)));
  const copies: DataCopy[] = [];
  const moved = new Map<string, string>();
  const found: string[] = [];
  const missing: string[] = [];
  for (const location of locations) {
    const from = path.resolve(fromFolder, location);
    const stat = await fs.promises.stat(from).catch(() => undefined);
    if (!stat?.isFile()) {
      missing.push(location);
      continue;
    }
    if (fromFolder === toFolder) continue;
    const below = path.relative(toFolder, from);
    if (isInside(below)) {
      const present = below.split(path.sep).join('/');
      if (present !== location) moved.set(location, present);
      found.push(present);
      continue;
    }
    const taken = new Set(copies.map(({ to }) => to));
    const { name, served } = await freeName(location, from, stat.size, toFolder, target, taken);
    if (name !== location) moved.set(location, name);
    if (served) found.push(name);
    else copies.push({ from, to: path.join(toFolder, name), size: stat.size });
  }
  return { copies, moved, found, missing };
}

/** The first location in the new folder that is free, or holds the same bytes. */
async function freeName(
  location: string,
  from: string,
  size: number,
  folder: string,
  target: string,
  taken: ReadonlySet<string>,
): Promise<{ readonly name: string; readonly served: boolean }> {
  const wanted = isInside(path.normalize(location)) ? location : path.basename(location);
  const stem = path.basename(target, path.extname(target));
  for (let attempt = 0; ; attempt++) {
    const base = attempt === 0 ? wanted : `${stem}${attempt === 1 ? '' : `-${attempt}`}-${path.basename(wanted)}`;
    const to = path.join(folder, base);
    if (taken.has(to) || to === path.resolve(target)) continue;
    const present = await fs.promises.stat(to).catch(() => undefined);
    if (!present) return { name: base, served: false };
    if (present.isFile() && present.size === size && (await haveSameBytes(from, to)))
      return { name: base, served: true };
  }
}

function isInside(relative: string): boolean {
  return relative !== '' && !path.isAbsolute(relative) && relative.split(/[\\/]/)[0] !== '..';
}

const BLOCK = 1 << 22;

async function haveSameBytes(one: string, other: string): Promise<boolean> {
  const sources = [new FileSource(one), new FileSource(other)] as const;
  try {
    for (let at = 0; at < sources[0].size; at += BLOCK) {
      const end = Math.min(at + BLOCK, sources[0].size);
      if (!Buffer.from(sources[0].read(at, end)).equals(sources[1].read(at, end))) return false;
      await new Promise((resolve) => setImmediate(resolve));
    }
    return true;
  } finally {
    for (const source of sources) source.close();
  }
}

function realPath(folder: string): string {
  try {
    return fs.realpathSync(folder);
  } catch {
    return folder;
  }
}
