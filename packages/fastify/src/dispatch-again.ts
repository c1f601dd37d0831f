/** A filter's new `:path` or `:method`, for Fastify's router: it has routed before any hook runs. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { markRun, type WasmFilter } from '@proxy-wasm-node/core/node';

/** Root filters of an app, in the order in which they run. */
const rootFilters = new WeakMap<object, WasmFilter[]>();

export function addRootFilter(app: FastifyInstance, filter: WasmFilter): void {
  const filters = rootFilters.get(app) ?? [];
  filters.push(filter);
  rootFilters.set(app, filters);
}

/**
 * Gives the request to the router once more, with what it is now: once per filter at most, since
 * each runs once on a request. The first reply is given up: its
 * `onResponse` hooks would run beside those of the reply that is sent.
 */
export function dispatchAgain(app: FastifyInstance, reply: FastifyReply, filter: WasmFilter): void {
  const { raw: response } = reply;
  const { raw: request } = reply.request;
  const filters = rootFilters.get(app) ?? [];
  markRun(request, filters.slice(0, filters.indexOf(filter) + 1));
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
