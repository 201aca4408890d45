#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { bench } from './cli/bench';
import { build, check, draw, fuse, scan, text, unfuse } from './cli/commands';
import { Failure } from './cli/output';
import { version } from '../package.json';

/** Exit status for a file that can't be read, and for arguments that make no sense. */
const UNUSABLE = 2;

const program = new Command('onnx-fusion-lens')
  .description('Read ONNX models as text, fuse Conv → InstanceNormalization pairs, and measure what that gains.')
  .version(version)
  .showHelpAfterError('(--help shows the usage)')
  .exitOverride();

program
  .command('scan')
  .description('findings: which pairs can fuse, and why the others cannot')
  .argument('<file...>', 'models')
  .option('--json', 'one JSON document')
  .option('--sarif', 'SARIF 2.1.0, for code-scanning tools')
  .option('--fail-on-findings', 'exit with 1 when a pair can fuse')
  .action(scan);

program
  .command('text')
  .description('the model as ONNX text')
  .argument('<file>', 'model')
  .option('-o, --output <file>', 'write to a file instead of standard output')
  .option('--elide-above <bytes>', 'show larger tensors as references into the file', nonNegative)
  .option('--diff', 'for comparing: weights by size and content instead of place; what is no model is described')
  .action(text);

program
  .command('build')
  .description('text back to a model, against the model it came from')
  .argument('<text>', 'edited ONNX text')
  .requiredOption('--base <file>', 'the model that the text was printed from')
  .requiredOption('-o, --output <file>', 'the model to write')
  .action(build);

program
  .command('fuse')
  .description('fuse pairs: all that can, or the findings named')
  .argument('<file>', 'model')
  .requiredOption('-o, --output <file>', 'the model to write')
  .option('--only <ids>', 'findings to fuse, by their ids as `scan` prints them, separated by commas', list)
  .action(fuse);

program
  .command('unfuse')
  .description('turn fused nodes back: all, or those named')
  .argument('<file>', 'model')
  .requiredOption('-o, --output <file>', 'the model to write')
  .option('--only <ids>', 'fused nodes by name, or by output where they have none, separated by commas', list)
  .action(unfuse);

program
  .command('check')
  .description('open, print, parse and rebuild; say whether the bytes are the same')
  .argument('<file...>', 'models')
  .action(check);

program
  .command('bench')
  .description('measure the pairs on this machine: stock ONNX Runtime, our kernel unfused, our kernel fused')
  .argument('<file>', 'model')
  .option('--pairs', 'each fusable pair as its own small model (the default)')
  .option('--model', 'the whole model, stock against fused')
  .option('--only <ids>', 'findings to measure, separated by commas', list)
  .option('--threads <counts>', 'thread counts, separated by commas', threadCounts, [1])
  .option('--dim <name=size>', 'size of a symbolic dimension; may be given several times', dimension, {})
  .option('--exact', "without Winograd's algorithm, which trades about a decimal digit for speed")
  .option('--seconds <time>', 'time for each pair and thread count', positive, 2)
  .option('--json', 'one JSON document')
  .action(bench);

program
  .command('draw')
  .description('the laid-out graph as SVG')
  .argument('<file>', 'model')
  .requiredOption('-o, --output <file>', 'the SVG to write')
  .action(draw);

// A reader that has seen enough, such as `head`, closes the pipe.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : UNUSABLE));

program.parseAsync().catch((error: unknown) => {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : UNUSABLE;
    return;
  }
  if (!(error instanceof Failure)) throw error;
  process.stderr.write(`onnx-fusion-lens: ${error.message}\n`);
  process.exitCode = error.status;
});

function list(value: string): string[] {
  return value.split(',').filter((item) => item !== '');
}

function nonNegative(value: string): number {
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError('a whole number of bytes is needed.');
  return Number(value);
}

function positive(value: string): number {
  const number = Number(value);
  if (!(number > 0)) throw new InvalidArgumentError('a number above 0 is needed.');
  return number;
}

function threadCounts(value: string): number[] {
  const counts = list(value).map(Number);
  if (counts.length === 0 || counts.some((count) => !Number.isInteger(count) || count < 1 || count > 256)) {
    throw new InvalidArgumentError('whole numbers from 1 to 256 are needed, such as 1,2.');
  }
  return counts;
}

function dimension(value: string, previous: Readonly<Record<string, number>>): Record<string, number> {
  const match = /^(.+)=(\d+)$/.exec(value);
  if (!match?.[1] || Number(match[2]) < 1) throw new InvalidArgumentError('write it as name=size, such as height=512.');
  return { ...previous, [match[1]]: Number(match[2]) };
}
