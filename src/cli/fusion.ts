import * as path from 'node:path';
import { findFused, findFusions } from '../core/fusion/find';
import type { Finding, FusedNode } from '../core/fusion/finding';
import { fuseEdits } from '../core/fusion/rewrite';
import { unfuseEdits } from '../core/fusion/unfuse';
import { applyEdits } from '../core/text/edit';
import { parseModel } from '../core/text/parse';
import { printModel } from '../core/text/print';
import { rebuild } from '../core/text/rebuild';
import type { Chunk } from '../core/wire/splice';
import { problemOf } from '../files/problem';
import { Failure, type OpenModel } from './output';

/** The model as text; references into the file carry its name. */
export function textOf({ model, source, file }: OpenModel, elideAbove?: number): string {
  return printModel(model, source, { fileName: path.basename(file), ...(elideAbove !== undefined && { elideAbove }) });
}

export function findingsOf({ model, source }: OpenModel): readonly Finding[] {
  return findFusions(model, { source });
}

/**
 * The findings named, or all that can fuse.
 * @throws Failure for a name that no finding has, and for one that can't fuse.
 */
export function chosenFindings(
  { file }: OpenModel,
  findings: readonly Finding[],
  ids?: readonly string[],
): readonly Finding[] {
  if (!ids) return findings.filter((finding) => finding.fusable);
  return ids.map((id) => {
    const finding = findings.find((candidate) => candidate.id === id);
    if (!finding) throw new Failure(`${file}: no finding is called ${id}; \`scan\` lists them`, 2);
    if (!finding.fusable) throw new Failure(`${file}: ${id} can't fuse: ${finding.reason?.message ?? ''}`, 1);
    return finding;
  });
}

/** The model with `findings` fused, as chunks over the model's own file. */
export function fusedChunks(opened: OpenModel, findings: readonly Finding[]): readonly Chunk[] {
  const before = textOf(opened);
  const { model } = parseModel(before);
  const ids = new Set(findings.map((finding) => finding.id));
  const edits = fuseEdits(
    before,
    model,
    findFusions(model).filter((finding) => ids.has(finding.id)),
  );
  return rebuiltChunks(applyEdits(before, edits), opened.file, opened);
}

/**
 * The model with the fused nodes named turned back, or all of them; and how many of how many.
 * @throws Failure for a name that no fused node has.
 */
export function unfusedChunks(
  opened: OpenModel,
  ids?: readonly string[],
): { readonly chunks: readonly Chunk[]; readonly chosen: number; readonly all: number } {
  const before = textOf(opened);
  const { model } = parseModel(before);
  const fused = findFused(model);
  const chosen = ids ? ids.map((id) => fusedNode(opened, fused, id)) : fused;
  const edited = applyEdits(before, unfuseEdits(before, model, chosen));
  return { chunks: rebuiltChunks(edited, opened.file, opened), chosen: chosen.length, all: fused.length };
}

function fusedNode({ file }: OpenModel, fused: readonly FusedNode[], id: string): FusedNode {
  const node = fused.find((candidate) => candidate.id === id);
  if (node) return node;
  const names = fused.length === 0 ? 'there is none' : `there are ${fused.map((known) => known.id).join(', ')}`;
  throw new Failure(`${file}: no fused node is called ${id}; ${names}`, 2);
}

/**
 * `base` patched with edited text.
 * @throws Failure with the place in `textName` when the text doesn't parse or refers to data that isn't there.
 */
export function rebuiltChunks(edited: string, textName: string, base: OpenModel): readonly Chunk[] {
  const { model, errors } = parseModel(edited);
  const error = errors[0];
  if (error) throw new Failure(`${textName}:${lineAndColumn(edited, error.span.start)}: ${error.message}`, 2);
  try {
    return rebuild(model, { ...base, fileName: path.basename(base.file) });
  } catch (cause) {
    const span = (cause as { span?: { start: number } }).span;
    const place = span ? `:${lineAndColumn(edited, span.start)}` : '';
    throw new Failure(`${textName}${place}: ${problemOf(cause)}`, 2);
  }
}

/** "12:5", both counted from 1. */
function lineAndColumn(text: string, offset: number): string {
  const before = text.slice(0, offset);
  return `${before.split('\n').length}:${offset - before.lastIndexOf('\n')}`;
}
