/** `bun bun.ts` */

import { handler } from './local.ts';

const { url } = Bun.serve({ port: Number(process.env.PORT ?? 8000), fetch: handler });
console.log(String(url));
