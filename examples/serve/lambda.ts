/**
 * AWS Lambda behind a function URL or an HTTP API (payload format 2.0).
 * `npx esbuild lambda.ts --bundle --platform=node --format=esm --packages=external --outfile=index.mjs` makes the file that goes with
 * the folder node_modules into the archive; its handler is `index.handler`.
 */

import { handler as answer } from './local.ts';

interface Event {
  rawPath: string;
  rawQueryString: string;
  headers: Record<string, string>;
  requestContext: { http: { method: string } };
}

export async function handler({ rawPath, rawQueryString, headers, requestContext }: Event) {
  const { method } = requestContext.http;
  const url = `https://${headers.host ?? 'localhost'}${rawPath}?${rawQueryString}`;
  const response = await answer(new Request(url, { method, headers }));
  return {
    statusCode: response.status,
    headers: Object.fromEntries(response.headers),
    body: Buffer.from(await response.arrayBuffer()).toString('base64'),
    isBase64Encoded: true,
  };
}
