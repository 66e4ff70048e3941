/** `bun bun.ts` */

import { handler } from './local.js';

const { url } = Bun.serve({ port: Number(process.env.PORT ?? 8000), fetch: handler });
console.log(String(url));
