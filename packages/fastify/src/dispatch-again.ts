/** A filter's new `:path` or `:method`, for Fastify's router: it has routed before any hook runs. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ServerRequest, WasmFilter } from '@proxy-wasm-node/core/node';

/** Of a request that was dispatched again: the root filters that have run on it. */
const RUN = Symbol('proxy-wasm filters that have run');

type Dispatched = ServerRequest & { [RUN]?: Set<WasmFilter> };

/** Root filters of an app, in the order in which they run. */
const rootFilters = new WeakMap<object, WasmFilter[]>();

export function addRootFilter(app: FastifyInstance, filter: WasmFilter): void {
  const filters = rootFilters.get(app) ?? [];
  filters.push(filter);
  rootFilters.set(app, filters);
}

/** Each filter runs once on a request, so a request is dispatched again once per filter at most. */
export function hasRun(request: ServerRequest, filter: WasmFilter): boolean {
  return (request as Dispatched)[RUN]?.has(filter) === true;
}

/**
 * Gives the request to the router once more, with what it is now. The first reply is given up: its
 * `onResponse` hooks would run beside those of the reply that is sent.
 */
export function dispatchAgain(app: FastifyInstance, reply: FastifyReply, filter: WasmFilter): void {
  const { raw: response } = reply;
  const { raw: request } = reply.request;
  const filters = rootFilters.get(app) ?? [];
  (request as Dispatched)[RUN] = new Set(filters.slice(0, filters.indexOf(filter) + 1));
  reply.hijack();
  for (const event of ['finish', 'error']) {
    for (const listener of response.listeners(event)) {
      if (listener.name === LISTENER) response.removeListener(event, listener as () => void);
    }
  }
  app.routing(request, response);
}

/** Fastify's own on a response, from which it runs the `onResponse` hooks. */
const LISTENER = 'onResFinished';
