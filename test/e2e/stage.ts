import { copyFileSync, cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { SetupError } from './workbench';

/**
 * Copies the built extension into a folder of the run, so that the suite may take parts of it away, and a build that
 * runs meanwhile can't disturb it.
 * @throws SetupError when it isn't built
 */
export function stageExtension(repository: string, folder: string): void {
  if (!existsSync(path.join(repository, 'dist/extension.js'))) {
    throw new SetupError('The extension is not built: run `npm run build` first.');
  }
  mkdirSync(folder, { recursive: true });
  copyFileSync(path.join(repository, 'package.json'), path.join(folder, 'package.json'));
  for (const part of ['dist', 'media'])
    cpSync(path.join(repository, part), path.join(folder, part), { recursive: true });
  symlinkSync(path.join(repository, 'node_modules'), path.join(folder, 'node_modules'), 'junction');
}
