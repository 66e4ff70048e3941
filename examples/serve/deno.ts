/** `deno run --allow-net --allow-read --sloppy-imports deno.ts` */

import { handler } from './local.js';

const port = Number(process.env.PORT ?? 8000);
Deno.serve({ port, onListen: ({ port }) => console.log(`http://localhost:${port}`) }, handler);
