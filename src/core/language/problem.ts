import type { TextSpan } from '../onnx/model';

/** Something that is wrong with what the text says, though its syntax is right. */
export interface Problem {
  /** Stable, kebab-case. */
  readonly code: ProblemCode;
  readonly severity: 'error' | 'warning' | 'information' | 'hint';
  readonly message: string;
  readonly span: TextSpan;
  /** What could as well be left out, and is shown faded. */
  readonly unnecessary?: boolean | undefined;
  readonly related?: readonly { readonly message: string; readonly span: TextSpan }[] | undefined;
}

export type ProblemCode =
  | 'undefined-value'
  | 'duplicate-definition'
  | 'cycle'
  | 'use-before-definition'
  | 'unused-initializer'
  | 'unknown-op'
  | 'deprecated-op'
  | 'unknown-attribute'
  | 'duplicate-attribute'
  | 'missing-attribute'
  | 'attribute-type'
  | 'input-count'
  | 'output-count'
  | 'missing-opset'
  | 'unknown-opset';
