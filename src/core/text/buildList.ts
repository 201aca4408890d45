import type { Occurrence } from '../wire/rewrite';
import type { Chunk } from '../wire/splice';
import type { BuildContext } from './buildContext';
import { sameStrings } from './match';
import { messageField, type MessageEdit } from './messageEdit';
import type { Matching } from './pairing';

/** How the elements of one repeated message field are built. */
export interface ListBuilder<T> {
  readonly field: number;
  /** For the list of changes: "node", and what names one. */
  readonly kind: string;
  nameOf(element: T): string;
  encode(element: T): Chunk[];
  /** `undefined` when the two are equal. */
  rebuild(edited: T, base: T): Chunk[] | undefined;
}

/** Make a repeated message field hold `edited`, elements being paired with the base's by `matching`. */
export function rebuildList<T>(
  edit: MessageEdit,
  edited: readonly T[],
  base: readonly T[],
  matching: Matching,
  builder: ListBuilder<T>,
  context: BuildContext,
): void {
  let changed = edited.length !== base.length;
  if (changed) context.changed(`number of ${builder.kind}s`);
  const occurrences: Occurrence[] = new Array<Occurrence>(edited.length);
  for (let i = 0; i < edited.length; i++) {
    const element = edited[i]!;
    const index = matching[i]!;
    if (index < 0) {
      const payload = context.within(builder.kind, builder.nameOf(element), () => {
        context.changed('new');
        return builder.encode(element);
      });
      occurrences[i] = { field: messageField(builder.field, payload) };
      changed = true;
      continue;
    }
    const payload = context.within(builder.kind, builder.nameOf(element), () => builder.rebuild(element, base[index]!));
    if (payload !== undefined) {
      occurrences[i] = { base: index, field: messageField(builder.field, payload) };
      changed = true;
    } else {
      occurrences[i] = { base: index };
      if (index !== i && !changed) {
        context.changed(`order of ${builder.kind}s`);
        changed = true;
      }
    }
  }
  if (changed) edit.list(builder.field, occurrences);
}

/** Set a repeated string field where it differs. */
export function rebuildStrings(
  edit: MessageEdit,
  field: number,
  edited: readonly string[],
  base: readonly string[],
  what: string,
  context: BuildContext,
): void {
  if (sameStrings(edited, base)) return;
  context.changed(what);
  edit.strings(field, edited, base);
}

/** Set a singular string field where it differs; the empty string removes it. */
export function rebuildString(
  edit: MessageEdit,
  field: number,
  edited: string,
  base: string,
  what: string,
  context: BuildContext,
): void {
  if (edited === base) return;
  context.changed(what);
  edit.setString(field, edited);
}
