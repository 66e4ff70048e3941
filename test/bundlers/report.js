// Draws, and tells who asked: the server of the page, or on Node who reads what is printed.

import { draw } from './draw.js';

export async function report(load) {
  const found = await draw(load).catch((error) => ({ error: String(error?.stack ?? error) }));
  const text = JSON.stringify(found);
  if (typeof document === 'object') await fetch('/result', { method: 'POST', body: text });
  else console.log(text);
}
