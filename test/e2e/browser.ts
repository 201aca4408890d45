import { existsSync } from 'node:fs';
import path from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { SetupError } from './workbench';

const candidates = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/**
 * The Chromium that shows the workbench: `$CHROMIUM`, else one installed in the usual places or on PATH.
 * @throws SetupError that says what to install
 */
export function findChromium(): string {
  const chosen = process.env['CHROMIUM'];
  if (chosen !== undefined && chosen !== '') {
    if (existsSync(chosen)) return chosen;
    throw new SetupError(`CHROMIUM names ${chosen}, which doesn't exist.`);
  }
  const onPath = (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .flatMap((folder) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => path.join(folder, name)));
  const found = [...candidates, ...onPath].find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new SetupError(
    'The end-to-end tests need Chromium or Chrome. Install one (Debian: apt-get install chromium fonts-dejavu-core) ' +
      'or set CHROMIUM to its path.',
  );
}

/** Starts a headless Chromium with a fresh profile; it ends with this process. */
export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: findChromium(),
    headless: true,
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
