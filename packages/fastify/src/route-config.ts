/** What a route says of filters. */
import type { FastifyContextConfig, FastifyRequest } from 'fastify';

/** A route's `config`, with what Fastify adds to it. */
type RouteConfig = FastifyContextConfig & { readonly url?: string };

type Contexts = Record<symbol, { readonly config?: RouteConfig } | undefined>;

let contextSymbol: symbol | undefined;

/**
 * `request.routeOptions.config`. Fastify builds `routeOptions` anew for each who asks, which takes as
 * long as a hostcall or two; what it builds it from stands under a symbol.
 */
export function routeConfigOf(request: FastifyRequest): RouteConfig {
  contextSymbol ??= Object.getOwnPropertySymbols(request).find(isContext);
  const context = contextSymbol && (request as unknown as Contexts)[contextSymbol];
  return context?.config ?? request.routeOptions.config;
}

function isContext({ description }: symbol): boolean {
  return description === 'fastify.context';
}
