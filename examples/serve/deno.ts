/** `deno run --allow-env --allow-net --allow-read deno.ts` */

import { handler } from './local.ts';

const port = Number(process.env.PORT ?? 8000);
Deno.serve({ port, onListen: ({ port }) => console.log(`http://localhost:${port}`) }, handler);
