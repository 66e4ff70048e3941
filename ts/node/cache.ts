// The folder that survives between projects: native TensorFlow and downloaded data are kept there, outside node_modules.

import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

/** `PIXELCNN_CACHE`, else `pixelcnn` in the XDG cache folder. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const own = env.PIXELCNN_CACHE;
  if (own !== undefined && own !== '') return resolve(own);
  const xdg = env.XDG_CACHE_HOME; // the specification has relative paths ignored
  const base = xdg !== undefined && isAbsolute(xdg) ? xdg : join(homedir(), '.cache');
  return join(base, 'pixelcnn');
}
