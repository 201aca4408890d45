/** Which webview: the one in the editor area, or the one in the side bar or panel. */
export type WebviewPlace = 'editor' | 'panel';

/** Something on the screen: the visible elements that match a CSS selector and hold a text. */
export interface Target {
  readonly selector: string;
  readonly hasText?: string;
  /** Look in the visible webview there instead of the workbench itself. */
  readonly webview?: WebviewPlace;
}

export interface ClickOptions {
  readonly button?: 'left' | 'right';
  readonly count?: number;
  /** Where in the element, in CSS pixels from its top left; its middle unless told. */
  readonly position?: { readonly x: number; readonly y: number };
}

/** What the suite, in the extension host, may ask of the process that holds the window. */
export type Request =
  | { readonly action: 'click'; readonly target: Target; readonly options: ClickOptions }
  | { readonly action: 'press'; readonly keys: string }
  | { readonly action: 'type'; readonly text: string }
  | { readonly action: 'scroll'; readonly target: Target; readonly deltaY: number }
  | { readonly action: 'drag'; readonly target: Target; readonly by: { readonly x: number; readonly y: number } }
  | { readonly action: 'waitFor'; readonly target: Target; readonly state: 'visible' | 'hidden'; readonly ms: number }
  | { readonly action: 'texts'; readonly target: Target }
  | { readonly action: 'evaluate'; readonly webview: WebviewPlace | undefined; readonly expression: string }
  | { readonly action: 'screenshot'; readonly name: string };

export type Reply = { readonly value: unknown } | { readonly error: string };

/** The counts that the suite writes to a file: the proof that it ran to its end. */
export interface Results {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Environment variables through which a launcher tells the suite where things are. */
export const environment = {
  bridge: 'ONNX_E2E_BRIDGE',
  results: 'ONNX_E2E_RESULTS',
  log: 'ONNX_E2E_LOG',
  grep: 'ONNX_E2E_GREP',
  repository: 'ONNX_E2E_REPOSITORY',
} as const;
