import type { ForeignFunction, ForeignResult } from '../options.js';
import type { AppCalls, FunctionResultMessage } from './app-calls.js';
import { toError } from './error-data.js';
import { exactBytes } from './exact-bytes.js';
import type { SyncCaller } from './sync-calls.js';

interface Waiting {
  readonly resolve: (result: ForeignResult) => void;
  readonly reject: (error: Error) => void;
}

/** The app's foreign functions, which run on the main thread. */
export class RemoteFunctions {
  /** By name, as a host takes them. */
  readonly functions: Readonly<Record<string, ForeignFunction>>;
  readonly #main: SyncCaller<AppCalls>;
  readonly #waiting = new Map<number, Waiting>();

  constructor(main: SyncCaller<AppCalls>, names: readonly string[]) {
    this.#main = main;
    this.functions = Object.fromEntries(names.map((name) => [name, this.#function(name)]));
  }

  /** What has come of a function that answers later. */
  finished({ call, result, error }: FunctionResultMessage): void {
    const waiting = this.#waiting.get(call);
    this.#waiting.delete(call);
    // Whether it is one that a foreign function may give is looked at where those of any are.
    if (error === undefined) waiting?.resolve(result as ForeignResult);
    else waiting?.reject(toError(error));
  }

  #function(name: string): ForeignFunction {
    return (argument, { contextId }) => {
      const answer = this.#main.call('callFunction', name, exactBytes(argument), contextId);
      if ('result' in answer) return answer.result as ForeignResult;
      return new Promise((resolve, reject) => {
        this.#waiting.set(answer.later, { resolve, reject });
      });
    };
  }
}
