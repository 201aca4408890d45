import path from 'node:path';
import { parseArgs } from 'node:util';
import { findChromium } from './browser';
import { suiteFiles } from './bundle';
import { cleanUp } from './cleanup';
import { runSuite } from './harness';
import { closingLine } from './results';
import { stageExtension } from './stage';
import { fillWorkspace } from './workspace';

const usage = `npm run test:e2e -- [options]
  --current      a recent VS Code (Linux x64) instead of the oldest one supported
  --grep TEXT    only the tests whose full title contains TEXT
  --vsix FILE    test a packaged extension instead of this folder
  --commands     without mouse and keyboard, as in test:e2e:desktop`;

const root = path.resolve(__dirname, '../..');

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      current: { type: 'boolean', default: false },
      commands: { type: 'boolean', default: false },
      grep: { type: 'string' },
      vsix: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  if (values.help) {
    say(usage);
    return;
  }
  findChromium();
  const results = await runSuite({
    placeExtension: (folder) => {
      stageExtension(root, folder);
    },
    suite: suiteFiles(),
    version: values.current ? 'current' : 'minimum',
    fillWorkspace,
    commandsOnly: values.commands,
    limitMs: 15 * 60_000,
    shots: path.join(root, 'test/e2e/shots'),
    repository: root,
    say,
    print: (text) => void process.stdout.write(text),
    ...(values.grep !== undefined && { grep: values.grep }),
    ...(values.vsix !== undefined && { vsix: path.resolve(values.vsix) }),
  });
  say(closingLine(results));
  process.exitCode = results.failed > 0 ? 1 : 0;
}

main()
  .catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  })
  .finally(() => {
    cleanUp();
    process.exit();
  });
