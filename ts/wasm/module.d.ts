import '../binary.js'; // what a Module is, where there are no types of a browser

/**
 * What `import module from 'pixelcnn/pixelcnn.wasm'` gives at the edge. Bundlers that give the file's address instead, or Bun, which
 * gives its path, give what the option `wasm` takes all the same.
 */
declare const module: WebAssembly.Module;
// biome-ignore lint/style/noDefaultExport: a module of WebAssembly has no other, where it is imported compiled.
export default module;
