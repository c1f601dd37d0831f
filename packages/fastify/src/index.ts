/** proxy-wasm filters as a Fastify plugin, for Fastify 5. */
import type { FastifyInstance, FastifyPluginCallback, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import {
  filterState as filterStateOf,
  type RouteOptions,
  type ScopeOptions,
} from '@proxy-wasm-node/core/node';

import { Registration } from './registration.js';

/** What `app.register(wasmFilter, …)` takes. */
export interface WasmFilterPluginOptions extends ScopeOptions {
  /**
   * Lets the filter see what Fastify never does: `Expect: 100-continue`, Upgrade and CONNECT. It
   * then runs before Fastify's router on every request, and what it answers passes no hooks.
   * Only at the root. Default false.
   */
  attach?: boolean;
}

/** What a route has in the place of the chains of the scopes it is in. */
export type RouteFilterOptions = RouteOptions;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** False: no filter runs on this route. */
    wasmFilter?: boolean | RouteFilterOptions;
  }
}

/**
 * Registers a chain of filters for the scope it is registered in and the scopes within. It runs as
 * an `onRequest` hook, before the body is parsed. `app.ready()` waits for the plugins to start; one
 * that can't start does not keep the app from starting: as everywhere, its failure policy answers
 * the requests. A plugin made with `createPlugin` before tells of the error.
 *
 * @throws ProxyWasmError PW_ERR_OPTIONS_INVALID
 */
export const wasmFilter: FastifyPluginCallback<WasmFilterPluginOptions> = fp(register, {
  fastify: '5.x',
  name: '@proxy-wasm-node/fastify',
});

function register(
  app: FastifyInstance,
  options: WasmFilterPluginOptions,
  done: (error?: Error) => void,
): void {
  let registration: Registration;
  try {
    registration = new Registration(app, options);
  } catch (error) {
    done(error as Error);
    return;
  }
  app.addHook('onRequest', (request, reply, next) => {
    registration.enter(request, reply, next);
  });
  app.addHook('onRoute', ({ config, url }) => {
    registration.filters.meet(config?.wasmFilter, url);
  });
  app.addHook('onReady', () => registration.ready());
  app.addHook('onClose', () => registration.filters.close());
  done();
}

/** What filters left for the app with `proxy_set_property`, as `filterState` of core/node has it. */
export function filterState(request: FastifyRequest): ReadonlyMap<string, Uint8Array> {
  return filterStateOf(request.raw);
}
