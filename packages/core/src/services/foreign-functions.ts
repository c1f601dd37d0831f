import type { ForeignFunction, ForeignFunctionContext } from '../options.js';
import { BUILT_IN } from './foreign/built-in.js';
import type { ForeignCaller } from './foreign/caller.js';

/** A function of the app's or of the host's own. */
export type AnyForeignFunction = (
  argument: Uint8Array,
  caller: ForeignCaller & ForeignFunctionContext,
) => ReturnType<ForeignFunction>;

/** What filters may call by name: the app's functions, then Envoy's. */
export class ForeignFunctions {
  readonly #functions: ReadonlyMap<string, AnyForeignFunction>;

  constructor(functions: Readonly<Record<string, ForeignFunction>> = {}) {
    this.#functions = new Map<string, AnyForeignFunction>([
      ...BUILT_IN,
      ...Object.entries(functions),
    ]);
  }

  find(name: string): AnyForeignFunction | undefined {
    return this.#functions.get(name);
  }
}
