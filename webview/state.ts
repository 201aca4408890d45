import type { WheelMode } from './graphView';

/** What is remembered of the view while it is hidden or the window reloads. */
export interface ViewState {
  /** The model that pan, zoom and selection belong to. */
  readonly uri: string;
  readonly graph: string;
  readonly selected?: string | undefined;
  readonly scale: number;
  /** The place of the drawing in the middle of the view. */
  readonly x: number;
  readonly y: number;
  readonly wheelMode: WheelMode;
}

/** What was remembered, if it is whole: another version of this script may have written it. */
export function readState(value: unknown): ViewState | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const state = value as Partial<Record<keyof ViewState, unknown>>;
  const isWhole =
    typeof state.uri === 'string' &&
    typeof state.graph === 'string' &&
    (state.selected === undefined || typeof state.selected === 'string') &&
    [state.scale, state.x, state.y].every((number) => Number.isFinite(number)) &&
    (state.wheelMode === 'scroll' || state.wheelMode === 'zoom');
  return isWhole ? (value as ViewState) : undefined;
}
