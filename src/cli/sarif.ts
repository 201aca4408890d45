import type { DegenerateCode } from '../core/fusion/degenerate';
import type { ScannedDegenerate, ScannedFile, ScannedFinding } from './commands';

/**
 * SARIF 2.1.0 (OASIS): a note for each finding, a warning or note for each
 * degenerate normalisation, an error for each file that can't be read.
 */
export function sarifOf(files: readonly ScannedFile[]): object {
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'onnx-fusion-lens',
            rules: [
              { id: 'fusable', shortDescription: { text: 'A convolution and its instance normalisation can fuse.' } },
              { id: 'blocked', shortDescription: { text: 'A pair that something keeps from fusing.' } },
              ...DEGENERATE.map(([id, text]) => ({ id, shortDescription: { text } })),
              { id: 'unreadable', shortDescription: { text: 'The file is not a model that can be read.' } },
            ],
          },
        },
        results: files.flatMap((file) =>
          file.error === undefined
            ? [
                ...file.findings.map((finding) => result(file.file, ...messageOf(finding), finding.nodes)),
                ...file.degenerate.map((found) => degenerateResult(file.file, found)),
              ]
            : [result(file.file, 'unreadable', 'error', file.error, [])],
        ),
      },
    ],
  };
}

const DEGENERATE: readonly (readonly [id: DegenerateCode, text: string])[] = [
  ['single-element-plane', 'A normalised plane has one element: the result is the bias.'],
  ['small-plane', 'A normalised plane has so few elements that its statistics say little.'],
  ['cancelled-bias', 'The bias of a convolution has no effect.'],
  ['epsilon-dominates', 'The epsilon of a normalisation is as large as a variance.'],
  ['epsilon-vanishes', "The epsilon of a normalisation doesn't keep rounding errors from being normalised."],
  ['training-form', 'A normalisation is left in training form.'],
];

function degenerateResult(file: string, { code, severity, message, node }: ScannedDegenerate): object {
  return result(file, code, severity === 'warning' ? 'warning' : 'note', message, [node]);
}

function messageOf(finding: ScannedFinding): [rule: string, level: string, message: string] {
  return finding.fusable
    ? ['fusable', 'note', `${finding.nodes.join(' → ')} can fuse into ${finding.fusedOp}.`]
    : ['blocked', 'note', `${finding.nodes.join(' → ')} can't fuse: ${finding.reason?.message ?? ''}`];
}

function result(file: string, ruleId: string, level: string, message: string, nodes: readonly string[]): object {
  return {
    ruleId,
    level,
    message: { text: message },
    locations: [
      {
        physicalLocation: { artifactLocation: { uri: encodeURI(file.replace(/\\/g, '/')) } },
        logicalLocations: nodes.map((fullyQualifiedName) => ({ fullyQualifiedName, kind: 'member' })),
      },
    ],
  };
}
