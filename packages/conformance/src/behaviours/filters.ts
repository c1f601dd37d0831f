/** Short ways to write a row's filters. */
import type { PluginOptions } from '@proxy-wasm-node/core';

import type { FilterSpec } from '../behaviour.js';
import type { Operation } from '../guests/operations.js';
import type { CallbackName } from '../guests/wat-guest.js';
import { PAUSE } from './numbers.js';

export type Callbacks = Partial<Record<CallbackName, readonly Operation[]>>;
type Options = Omit<PluginOptions, 'code'>;

/** A filter that does this in its callbacks. */
export const filter = (callbacks: Callbacks, options: Options = {}): FilterSpec => ({
  ...options,
  script: { callbacks },
});
export const onRequest = (...operations: Operation[]): FilterSpec =>
  filter({ proxy_on_request_headers: operations });
export const onRequestBody = (...operations: Operation[]): FilterSpec =>
  filter({ proxy_on_request_body: operations });
export const onResponse = (...operations: Operation[]): FilterSpec =>
  filter({ proxy_on_response_headers: operations });
export const onResponseBody = (...operations: Operation[]): FilterSpec =>
  filter({ proxy_on_response_body: operations });

export const HOLD: readonly Operation[] = [{ beforeEnd: [{ return: PAUSE }] }];
export const DENY: Operation = {
  localResponse: { status: 403, body: 'denied', headers: [['x-why', 'rule']] },
};

/**
 * Upstreams of JavaScript. The one called `later` the run puts in: it answers when client and app
 * have done what they do without it.
 */
export const UPSTREAMS = {
  later: (): Promise<Response> => Promise.reject(new Error('the run answers')),
  never: (): Promise<Response> => new Promise(() => undefined),
  now: (): Response => new Response('fine'),
};
export const CALL: Operation = { httpCall: { upstream: 'later' } };

/** Does this in the caller's context when a call's answer is there. */
export const answered = (...operations: Operation[]): Callbacks => ({
  proxy_on_http_call_response: [{ asCaller: true }, ...operations],
});
