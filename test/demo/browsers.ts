/** The browsers that are on this machine, as Debian and others name them. */

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium, firefox } from 'playwright-core';

const names = { Chromium: ['chromium', 'chromium-browser', 'google-chrome'], Firefox: ['firefox-esr', 'firefox'] };

export type BrowserName = keyof typeof names;

export const browserNames = Object.keys(names) as BrowserName[];

/** The path of a browser; undefined where there is none. */
export function findBrowser(browser: BrowserName): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return names[browser].flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export function launch(browser: BrowserName, executablePath: string): Promise<Browser> {
  // As root there is no sandbox; and the distributions' Firefox speaks WebDriver BiDi, not Playwright's own protocol.
  return browser === 'Chromium'
    ? chromium.launch({ executablePath, args: ['--no-sandbox'] })
    : firefox.launch({ executablePath, channel: 'moz-firefox' });
}
