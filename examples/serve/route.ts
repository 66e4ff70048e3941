/** A route of Next, as `app/pixelcnn/[...path]/route.ts`; next.config.js names the package: `serverExternalPackages: ['pixelcnn']`. */

import { handler } from './local.js';

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
