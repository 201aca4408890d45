import type { ScannedFile, ScannedFinding } from './commands';

/** SARIF 2.1.0 (OASIS): a note for each finding, an error for each file that can't be read. */
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
              { id: 'unreadable', shortDescription: { text: 'The file is not a model that can be read.' } },
            ],
          },
        },
        results: files.flatMap((file) =>
          file.error === undefined
            ? file.findings.map((finding) => result(file.file, ...messageOf(finding), finding.nodes))
            : [result(file.file, 'unreadable', 'error', file.error, [])],
        ),
      },
    ],
  };
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
