import type { HttpCallOutcome, HttpCallRequest } from '../abi/http-call.js';
import type { LogLevel } from '../abi/types.js';
import type { UpstreamOptions } from '../options.js';
import type { ErrorData } from './error-data.js';

/** What a service's thread asks of the app, and waits for. */
export interface AppCalls {
  logLevel(): LogLevel;
  log(line: LogLine): void;
  findUpstream(name: string): FoundUpstream | undefined;
  callFunction(name: string, argument: Uint8Array, contextId: number): FunctionAnswer;
}

export interface LogLine {
  readonly level: LogLevel;
  readonly fields: Readonly<Record<string, unknown>>;
  /** The field `err`, which would lose its code as it is. */
  readonly error: ErrorData | undefined;
  readonly message: string;
}

export interface FoundUpstream {
  /** Whether the name always leads there. */
  readonly isGiven: boolean;
  /** A server, which the thread calls itself; undefined: JavaScript, which is the main thread's. */
  readonly server: string | UpstreamOptions | undefined;
}

export type FunctionAnswer =
  | { readonly result: unknown }
  /** It comes as a {@link FunctionResultMessage}. */
  | { readonly later: number };

/** How an asynchronous foreign function ended: told to the service's thread. */
export interface FunctionResultMessage {
  readonly type: 'function-result';
  readonly call: number;
  readonly result: unknown;
  readonly error: ErrorData | undefined;
}

/** An HTTP call to an upstream that is JavaScript: asked of the main thread. */
export interface HttpCallMessage {
  readonly type: 'http-call';
  readonly call: number;
  readonly upstream: string;
  readonly request: HttpCallRequest;
}

export interface HttpCancelMessage {
  readonly type: 'http-cancel';
  readonly call: number;
}

/** What came of it: told to the service's thread. */
export interface HttpOutcomeMessage {
  readonly type: 'http-outcome';
  readonly call: number;
  readonly outcome: HttpCallOutcome;
}
