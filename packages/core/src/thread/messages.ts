/** What the two threads of a service tell each other. */
import type { MessagePort } from 'node:worker_threads';

import type { PluginOptions } from '../options.js';
import type { RecoveryDetails } from '../plugin-events.js';
import type {
  AppCalls,
  FunctionResultMessage,
  HttpCallMessage,
  HttpCancelMessage,
  HttpOutcomeMessage,
} from './app-calls.js';
import type { ErrorData } from './error-data.js';
import type { QueueReadyMessage, StateCalls } from './state-calls.js';
import type { CallMessage } from './sync-calls.js';

/** What a service's thread begins with. */
export interface ThreadData {
  readonly options: PluginOptions;
  /** Of the app's. */
  readonly functionNames: readonly string[];
  readonly control: Int32Array<SharedArrayBuffer>;
  readonly replies: MessagePort;
  readonly storeTimeoutMs: number;
}

/** All that a service's thread may ask of the main thread, and wait for. */
export type MainCalls = StateCalls & AppCalls;

export type ToThread =
  | QueueReadyMessage
  | HttpOutcomeMessage
  | FunctionResultMessage
  /** The guest is to finish. */
  | { readonly type: 'close' };

export type FromThread =
  | CallMessage
  | HttpCallMessage
  | HttpCancelMessage
  /** The guest has been configured. */
  | { readonly type: 'started' }
  | { readonly type: 'start-failed'; readonly error: ErrorData }
  /** `heals`: the thread starts another VM by and by. */
  | { readonly type: 'failed'; readonly error: ErrorData; readonly heals: boolean }
  | { readonly type: 'recovered'; readonly details: RecoveryDetails }
  /** The guest has finished. */
  | { readonly type: 'closed' };
