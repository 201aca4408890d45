import path from 'node:path';
import { runTests } from '@vscode/test-electron';
import { bundleSuite, suiteFiles } from './bundle';
import { cleanUp } from './cleanup';
import { makeRunFolder, windowSettings } from './harness';
import { environment } from './protocol';
import { closingLine, follow, readResults } from './results';
import { stageExtension } from './stage';
import { writeUserSettings } from './workbench';
import { fillWorkspace } from './workspace';

/**
 * Runs the suite in a desktop VS Code that `@vscode/test-electron` downloads: `$VSCODE_VERSION`, else the stable one.
 * Nothing moves the mouse there, so gestures run as the commands they stand for.
 */
async function main(): Promise<void> {
  const root = path.resolve(__dirname, '../..');
  const { run, workspace } = makeRunFolder(fillWorkspace);
  const resultsFile = path.join(run, 'results.json');
  const logFile = path.join(run, 'mocha.log');
  const userData = path.join(run, 'user-data');
  writeUserSettings(userData, windowSettings);
  const extension = path.join(run, 'extension');
  stageExtension(root, extension);
  const endOfLog = follow(logFile, (text) => void process.stdout.write(text));
  const code = await runTests({
    version: process.env['VSCODE_VERSION'] ?? 'stable',
    extensionDevelopmentPath: extension,
    extensionTestsPath: await bundleSuite(suiteFiles()),
    launchArgs: [
      workspace,
      '--disable-extensions',
      '--disable-workspace-trust',
      ...['--user-data-dir', userData, '--extensions-dir', path.join(run, 'extensions')],
    ],
    extensionTestsEnv: {
      [environment.results]: resultsFile,
      [environment.log]: logFile,
      [environment.repository]: root,
    },
  }).catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
  endOfLog();
  const results = readResults(resultsFile);
  if (typeof results === 'string') throw new Error(`${results} VS Code ended with: ${code}`);
  process.stdout.write(`${closingLine(results)}\n`);
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
