/**
 * A route of Next, as `app/pixelcnn/[[...path]]/route.ts` with handler.ts and local.ts beside it. The double brackets let it answer
 * `/pixelcnn` too. next.config.js has `serverExternalPackages: ['pixelcnn']`, and tsconfig.json `"allowImportingTsExtensions": true`.
 */

import { handler } from './local.ts';

/** Next's own path is not the handler's: what stands before it is taken away, and put before where it leads. */
const base = '/pixelcnn';

export async function GET(request: Request): Promise<Response> {
  const url = new URL(request.url);
  url.pathname = url.pathname.slice(base.length) || '/';
  const { status, headers, body } = await handler(new Request(url, request));
  const location = headers.get('location');
  if (location === null) return new Response(body, { status, headers });
  return new Response(body, { status, headers: { ...Object.fromEntries(headers), location: base + location } });
}
