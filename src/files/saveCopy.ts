import * as fs from 'node:fs';
import * as path from 'node:path';
import { decodeModel } from '../core/onnx/decode';
import { formatBytes } from '../core/fusion/describe';
import { externalLocations, repoint } from '../core/text/repoint';
import type { ByteSource } from '../core/wire/source';
import type { Chunk } from '../core/wire/splice';
import { splicedSource } from '../core/wire/splicedSource';
import { writeAtomically } from './atomicWrite';
import { copyData, type CopyOptions } from './copyData';
import { planExternalData, type ExternalPlan } from './externalPlan';

/** What writing a model elsewhere needs: its new bytes over those of the file that it comes from. */
export interface CopyToSave {
  readonly chunks: readonly Chunk[];
  readonly source: ByteSource;
  /** Path of the model file that the chunks come from. */
  readonly file: string;
  /** Path of the model to write. */
  readonly target: string;
}

/**
 * Write a model into any folder so that it finds its external data there: the
 * data is copied, or pointed at where it lies below that folder.
 * @returns what was done about the data.
 * @throws ModelFormatError when the chunks don't make a model; an `Error` when
 *   the target is the model's own external data; a Node
 *   `SystemError` or an `AbortError`, with neither model nor copies left.
 */
export async function saveCopy(copy: CopyToSave, options: CopyOptions = {}): Promise<ExternalPlan> {
  const present = await fs.promises.stat(copy.target).catch(() => undefined);
  if (present && !present.isFile()) {
    // A pipe or a device: there is no folder that the data could be in.
    await writeAtomically(copy.target, copy.chunks, copy.source);
    return { copies: [], moved: new Map(), found: [], missing: [] };
  }
  const written = splicedSource(copy.chunks, copy.source);
  const locations = externalLocations(decodeModel(written));
  const folder = path.dirname(path.resolve(copy.file));
  if (locations.some((location) => path.resolve(folder, location) === path.resolve(copy.target))) {
    throw new Error("holds the model's external data, which saving would replace; give the model another name");
  }
  const plan = await planExternalData(locations, copy.file, copy.target);
  const removeCopies = await copyData(plan.copies, options);
  try {
    if (plan.moved.size === 0) await writeAtomically(copy.target, copy.chunks, copy.source);
    else await writeAtomically(copy.target, repoint(written, plan.moved), written);
  } catch (error) {
    await removeCopies();
    throw error;
  }
  return plan;
}

/** What a person is told about the external data of a model saved elsewhere, a sentence each. */
export function describePlan(plan: ExternalPlan, target: string): readonly string[] {
  const sentences: string[] = [];
  const files = plan.copies.map(({ to }) => path.relative(path.dirname(path.resolve(target)), to)).join(', ');
  const size = plan.copies.reduce((sum, copy) => sum + copy.size, 0);
  if (files !== '') sentences.push(`Its external data was copied beside it: ${files} (${formatBytes(size)}).`);
  if (plan.found.length > 0) sentences.push(`It uses the external data that is there: ${plan.found.join(', ')}.`);
  if (plan.missing.length > 0) {
    sentences.push(`Its external data is missing: ${plan.missing.join(', ')}. The model can't be loaded without it.`);
  }
  return sentences;
}
