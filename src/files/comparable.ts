import { dataType, literalCount } from '../core/onnx/dataTypes';
import { initializersOf } from '../core/onnx/initializers';
import { mapTensors } from '../core/onnx/mapTensors';
import type { Model, StringEntry, Tensor } from '../core/onnx/model';
import { readTensor, storedSize } from '../core/onnx/tensor';
import { forEachTensor } from '../core/text/buildContext';
import { parseModel } from '../core/text/parse';
import { printModel } from '../core/text/print';
import { DEFAULT_ELIDE_ABOVE } from '../core/text/printer';
import { messageLocation } from '../core/text/references';
import type { ByteSource } from '../core/wire/source';
import {
  contentOf,
  contentSize,
  isSamePlace,
  digestOf,
  shortDigestOf,
  type Content,
  type OpenExternal,
} from './digest';
import { hiddenDifferences, hiddenNotes } from './hiddenNotes';

/** A model, and where its bytes are. */
export interface OpenedModel {
  readonly model: Model;
  readonly source: ByteSource;
  /** Name by which its text refers to it. */
  readonly fileName: string;
  /** Opens the files with its external data. */
  readonly external?: OpenExternal | undefined;
}

/**
 * The model's text in a form that depends on the model alone, for comparing
 * two of them: where the editable text refers to a place in the file, this has
 * the size and the content: `["bytes": "36864", "sha256": "9f86d081884c7d65"]`
 * (the digest's first digits). External data is shown by the place that the
 * model states; the file there may be absent. What the editable text doesn't
 * show is in comments before the elements that have it.
 */
export async function comparableText({ model, source, fileName }: OpenedModel, elideAbove?: number): Promise<string> {
  const notes = await hiddenNotes(source);
  const entries = new Map<Tensor, readonly StringEntry[]>();
  for (const tensor of elidedTensors(model, source, elideAbove)) {
    const content = contentOf(tensor, source);
    if (!content) continue;
    entries.set(tensor, [
      { key: 'bytes', value: String(contentSize(content)) },
      { key: 'sha256', value: await shortDigestOf(content) },
    ]);
  }
  return COMPARABLE_START + printModel(withEntries(model, entries), source, { fileName, elideAbove, notes });
}

const COMPARABLE_START =
  '# For comparing, not for building a model: made by "text --diff". What starts with "# hidden" is in the file only.\n';

/** Whether a text is one of {@link comparableText}, which lacks what a model could be built from. */
export function isComparableText(text: string): boolean {
  return text.startsWith(COMPARABLE_START.slice(0, COMPARABLE_START.indexOf(':')));
}

export interface SeenOptions {
  /** As for the text of `after`. */
  readonly elideAbove?: number | undefined;
  /** Ends the reading of weights. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The text of `before` for comparing it with the ordinary text of `after`:
 * weights that are the same bytes in both are referred to by the place that
 * they have in `after`, wherever they lie in `before`; others are shown as
 * being in a file `label`, with size and content. Where both have an element
 * whose hidden fields differ, comments before it say in what.
 * @param afterText the text of `after` as it is shown: an open text keeps its references when it is saved.
 */
export async function textSeenFrom(
  before: OpenedModel,
  after: OpenedModel,
  afterText: string,
  label: string,
  { elideAbove, signal }: SeenOptions = {},
): Promise<string> {
  const known = knownContents(after, elideAbove, signal);
  const shown = shownReferences(afterText);
  const entries = new Map<Tensor, readonly StringEntry[]>();
  for (const tensor of elidedTensors(before.model, before.source, elideAbove)) {
    const content = contentOf(tensor, before.source, before.external);
    if (!content) continue;
    const same = await known.find(content, tensor.name);
    if (same) entries.set(tensor, shown.get(same.name) ?? referenceEntries(same, after.fileName));
    else if (tensor.data.kind !== 'external' || !known.isUnreadable(tensor.name)) {
      entries.set(tensor, [
        { key: 'location', value: label },
        { key: 'bytes', value: String(contentSize(content)) },
        { key: 'sha256', value: await shortDigestOf(content, signal) },
      ]);
    }
  }
  const notes = await hiddenDifferences(before, after, signal);
  const text = printModel(withEntries(before.model, entries), before.source, { fileName: label, elideAbove, notes });
  return leadingComments(afterText) + text.slice(leadingComments(text).length);
}

/** The references to initializers' data that a text has, by the initializers' names. */
function shownReferences(text: string): ReadonlyMap<string, readonly StringEntry[]> {
  return new Map(
    initializersOf(parseModel(text).model.graph).flatMap(({ name, data }) =>
      data.kind === 'external' ? [[name, data.entries] as const] : [],
    ),
  );
}

interface KnownContents {
  /** A tensor with the same bytes; one of that name before all others. */
  find(content: Content, name: string): Promise<Tensor | undefined>;
  /** Whether the file with this tensor's data can't be read. */
  isUnreadable(name: string): boolean;
}

function knownContents(
  { model, source, external }: OpenedModel,
  elideAbove: number | undefined,
  signal: AbortSignal | undefined,
): KnownContents {
  const bySize = new Map<number, { readonly tensor: Tensor; readonly content: Content; digest?: string }[]>();
  const unreadable = new Set<string>();
  for (const tensor of elidedTensors(model, source, elideAbove)) {
    const content = contentOf(tensor, source, external);
    if (!content) {
      unreadable.add(tensor.name);
      continue;
    }
    const size = contentSize(content);
    const others = bySize.get(size);
    if (others) others.push({ tensor, content });
    else bySize.set(size, [{ tensor, content }]);
  }
  return {
    isUnreadable: (name) => unreadable.has(name),
    async find(content, name) {
      const candidates = bySize.get(contentSize(content)) ?? [];
      let digest: string | undefined;
      const isSame = async (candidate: (typeof candidates)[number]): Promise<boolean> => {
        if (isSamePlace(candidate.content, content)) return true;
        digest ??= await digestOf(content, signal);
        candidate.digest ??= await digestOf(candidate.content, signal);
        return candidate.digest === digest;
      };
      for (const named of [true, false]) {
        for (const candidate of candidates) {
          if ((candidate.tensor.name === name) === named && (await isSame(candidate))) return candidate.tensor;
        }
      }
      return undefined;
    },
  };
}

/** What the ordinary text says of where a tensor's data is. */
function referenceEntries({ data, origin }: Tensor, fileName: string): readonly StringEntry[] {
  if (data.kind === 'external') return data.entries;
  const range = data.kind === 'embedded' ? data.bytes : origin!;
  return [
    { key: 'location', value: data.kind === 'embedded' ? fileName : messageLocation(fileName) },
    { key: 'offset', value: String(range.start) },
    { key: 'length', value: String(range.end - range.start) },
  ];
}

/** The tensors that the text has a reference for in place of values. */
function elidedTensors(model: Model, source: ByteSource, elideAbove = DEFAULT_ELIDE_ABOVE): Tensor[] {
  const tensors: Tensor[] = [];
  forEachTensor(model, (tensor) => {
    const { kind } = tensor.data;
    if (kind === 'external') tensors.push(tensor);
    if (kind !== 'embedded' && kind !== 'typed') return;
    if (storedSize(tensor, source) > elideAbove || !hasValues(tensor, source)) tensors.push(tensor);
  });
  return tensors;
}

/** Whether a small tensor's data comes out as the values that its shape asks for. */
function hasValues(tensor: Tensor, source: ByteSource): boolean {
  const type = dataType(tensor.dataType);
  const values = type && readTensor(tensor, source);
  return (
    values !== undefined && (tensor.data.kind !== 'embedded' || values.length === literalCount(type!, tensor.dims))
  );
}

function withEntries(model: Model, entries: ReadonlyMap<Tensor, readonly StringEntry[]>): Model {
  return mapTensors(model, (tensor) => {
    const stated = entries.get(tensor);
    return stated ? { ...tensor, data: { kind: 'external', entries: stated } } : tensor;
  });
}

/** The comment lines that a text starts with. */
function leadingComments(text: string): string {
  return /^(#.*\n)*/.exec(text)![0];
}
