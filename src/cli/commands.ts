import * as fs from 'node:fs';
import * as path from 'node:path';
import { verdictText } from '../core/fusion/adviceText';
import { findDegenerate, type Degenerate } from '../core/fusion/degenerate';
import { describeFusion, nodeName } from '../core/fusion/describe';
import type { Finding } from '../core/fusion/finding';
import { drawModel } from '../core/layout/draw';
import { checkModel } from '../core/text/check';
import { bytesSource, type ByteSource } from '../core/wire/source';
import type { Chunk } from '../core/wire/splice';
import { writeAtomically } from '../files/atomicWrite';
import { isComparableText } from '../files/comparable';
import { FileSource } from '../files/fileSource';
import { problemOf } from '../files/problem';
import { describePlan, saveCopy } from '../files/saveCopy';
import { textForDiff } from './diff';
import { chosenFindings, findingsOf, fusedChunks, rebuiltChunks, textOf, unfusedChunks } from './fusion';
import { Failure, openModel, print, type OpenModel } from './output';
import { sarifOf } from './sarif';

/** One file of a scan, as `--json` prints it. */
export interface ScannedFile {
  readonly file: string;
  readonly error?: string;
  readonly findings: readonly ScannedFinding[];
  readonly degenerate: readonly ScannedDegenerate[];
}

/** A normalisation that does something else than its author may think. */
export interface ScannedDegenerate {
  readonly code: string;
  readonly severity: 'warning' | 'information' | 'hint';
  readonly message: string;
  readonly node: string;
}

export interface ScannedFinding {
  readonly id: string;
  readonly kind: string;
  readonly fusable: boolean;
  readonly reason?: { readonly code: string; readonly message: string };
  /** Why nodes before and after don't fuse along. */
  readonly left?: readonly string[];
  readonly nodes: readonly string[];
  readonly fusedOp: string;
  readonly advice: Finding['advice'];
  /** What the advice comes to, in one line. */
  readonly verdict?: string;
}

export function scan(
  files: readonly string[],
  options: { json?: boolean; sarif?: boolean; failOnFindings?: boolean },
): void {
  const scanned = files.map(scanFile);
  if (options.json) print(JSON.stringify({ files: scanned.map(({ result }) => result) }, undefined, 2));
  else if (options.sarif) print(JSON.stringify(sarifOf(scanned.map(({ result }) => result)), undefined, 2));
  else scanned.forEach(({ result, findings }) => printScan(result, findings));
  if (scanned.some(({ result }) => result.error !== undefined)) process.exitCode = 2;
  else if (options.failOnFindings && scanned.some(({ findings }) => findings.some((finding) => finding.fusable))) {
    process.exitCode = 1;
  }
}

export async function text(
  file: string,
  options: { output?: string; elideAbove?: number; diff?: boolean },
): Promise<void> {
  const printed = options.diff
    ? await textForDiff(file, options.elideAbove)
    : textOf(openModel(file), options.elideAbove);
  if (options.output === undefined) process.stdout.write(printed);
  else await write(options.output, [new TextEncoder().encode(printed)], bytesSource(new Uint8Array(0)));
}

export async function build(textFile: string, options: { base: string; output: string }): Promise<void> {
  const base = openModel(options.base);
  let edited: string;
  try {
    const bytes = fs.readFileSync(textFile);
    if (bytes.includes(0)) throw new Error('is a binary file, not ONNX text');
    edited = new TextDecoder().decode(bytes);
  } catch (error) {
    throw new Failure(`${textFile}: ${problemOf(error)}`, 2);
  }
  if (isComparableText(edited)) {
    throw new Failure(`${textFile}: was made by "text --diff" for comparing; edit what "text" prints instead.`, 2);
  }
  await writeModel(options.output, rebuiltChunks(edited, textFile, base), base);
}

export async function fuse(file: string, options: { output: string; only?: string[] }): Promise<void> {
  const opened = openModel(file);
  const findings = findingsOf(opened);
  const chosen = chosenFindings(opened, findings, options.only);
  await writeModel(options.output, fusedChunks(opened, chosen), opened);
  print(`${options.output}: ${chosen.length} of ${findings.length} ${findings.length === 1 ? 'pair' : 'pairs'} fused`);
}

export async function unfuse(file: string, options: { output: string; only?: string[] }): Promise<void> {
  const opened = openModel(file);
  const { chunks, chosen, all } = unfusedChunks(opened, options.only);
  await writeModel(options.output, chunks, opened);
  print(`${options.output}: ${chosen} of ${all} fused ${all === 1 ? 'node' : 'nodes'} turned back`);
}

export function check(files: readonly string[]): void {
  for (const file of files) {
    let source: FileSource | undefined;
    try {
      source = new FileSource(file);
      const result = checkModel(source, path.basename(file));
      if (result.identical) {
        print(`${file}: byte-identical`);
      } else {
        print(`${file}: ${result.message}${result.offset === undefined ? '' : ` (byte ${result.offset})`}`);
        process.exitCode ??= 1;
      }
    } catch (error) {
      process.stderr.write(`${file}: ${problemOf(error)}\n`);
      process.exitCode = 2;
    } finally {
      source?.close();
    }
  }
}

export async function draw(file: string, options: { output: string }): Promise<void> {
  const { model, source } = openModel(file);
  await write(options.output, [new TextEncoder().encode(drawModel(model, { source }))], source);
}

/** Write a model, and have it find its external data in its new folder. */
async function writeModel(output: string, chunks: readonly Chunk[], { file, source }: OpenModel): Promise<void> {
  try {
    const plan = await saveCopy({ chunks, source, file, target: output });
    for (const sentence of describePlan(plan, output)) process.stderr.write(`${output}: ${sentence}\n`);
  } catch (error) {
    throw notWritten(output, error);
  }
}

function scanFile(file: string): { result: ScannedFile; findings: readonly Finding[] } {
  try {
    const opened = openModel(file);
    const findings = findingsOf(opened);
    const degenerate = findDegenerate(opened.model, findings).map(scannedDegenerate);
    opened.source.close();
    return { result: { file, findings: findings.map(scannedFinding), degenerate }, findings };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const message = error.message.startsWith(`${file}: `) ? error.message.slice(file.length + 2) : error.message;
    process.stderr.write(`${file}: ${message}\n`);
    return { result: { file, error: message, findings: [], degenerate: [] }, findings: [] };
  }
}

function scannedFinding(finding: Finding): ScannedFinding {
  const { id, kind, fusable, reason, left, nodes, fusedOp, advice } = finding;
  const verdict = verdictText(finding);
  return {
    id,
    kind,
    fusable,
    ...(reason && { reason: { code: reason.code, message: reason.message } }),
    ...(left && { left: left.map(({ message }) => message) }),
    nodes: nodes.map((node) => node.name || node.outputs[0] || node.opType),
    fusedOp,
    advice,
    ...(verdict !== undefined && { verdict }),
  };
}

const scannedDegenerate = ({ code, severity, message, node }: Degenerate): ScannedDegenerate => ({
  code,
  severity,
  message,
  node: nodeName(node),
});

function printScan({ file, error, findings: list, degenerate }: ScannedFile, findings: readonly Finding[]): void {
  if (error !== undefined) return;
  const fusable = findings.filter((finding) => finding.fusable).length;
  print(`${file}: ${list.length} found, ${fusable} can fuse`);
  for (const finding of findings) {
    const verdict = verdictText(finding);
    const text = `${describeFusion(finding)}${verdict === undefined ? '' : `. ${verdict}`}`;
    print(`  ${finding.fusable ? 'fuse' : 'no  '}  ${finding.id}: ${text}`);
  }
  for (const { code, severity, message, node } of degenerate) {
    print(`  ${severity === 'warning' ? 'warn' : 'note'}  ${node}: ${message} (${code})`);
  }
}

async function write(output: string, chunks: readonly Chunk[], source: ByteSource): Promise<void> {
  try {
    await writeAtomically(output, chunks, source);
  } catch (error) {
    throw notWritten(output, error);
  }
}

function notWritten(output: string, error: unknown): Failure {
  const folder = path.dirname(output);
  const problem = fs.existsSync(folder) ? problemOf(error) : `the folder ${folder} does not exist`;
  return new Failure(`${output}: ${problem}`, 2);
}
