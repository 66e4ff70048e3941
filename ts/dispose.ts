/** The symbols of `using` and `await using`, or stand-ins where the host is older than they are. */

declare global {
  // As the types of Node have them too, for projects whose `lib` is older. Where it has them, they are the same.
  interface SymbolConstructor {
    readonly dispose: unique symbol;
    readonly asyncDispose: unique symbol;
  }
}

export const disposeSymbol: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');
export const asyncDisposeSymbol: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');
