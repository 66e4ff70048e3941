/** A command as it is typed where this runs: by npm's script of a clone, or by the name of the program. */
export function typed(command: string, words = ''): string {
  const { npm_package_name, npm_lifecycle_event } = process.env;
  const byScript = npm_package_name === 'pixelcnn' && npm_lifecycle_event === process.argv[2];
  if (!byScript) return words === '' ? `pixelcnn ${command}` : `pixelcnn ${command} ${words}`;
  return words === '' ? `npm run ${command}` : `npm run ${command} -- ${words}`;
}

/** As a shell takes it. */
export function quoted(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
