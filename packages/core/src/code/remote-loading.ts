import type { CodeSourceOptions } from './code-source-options.js';

/** What the loading of remote code is given beside the code's URL. */
export interface RemoteLoading {
  readonly source: CodeSourceOptions | undefined;
  /** Told of what the app should know though the code is loaded. */
  readonly warn: (message: string) => void;
  readonly count?: ((what: RemoteLoadCount) => void) | undefined;
  /** Asks a source that has failed a moment ago. */
  readonly again?: boolean | undefined;
}

/** Envoy's `wasm.remote_load_…` by their ends. */
type RemoteLoadCount =
  'cache_hits' | 'cache_misses' | 'cache_negative_hits' | 'fetch_successes' | 'fetch_failures';
