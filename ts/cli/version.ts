/** The version of the package. */

import { readFileSync } from 'node:fs';

// The same from ts/cli and from dist/cli.
export const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
