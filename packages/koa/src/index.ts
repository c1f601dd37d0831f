/** proxy-wasm filters as Koa middleware, for Koa 3 and 2. */
import {
  createWasmFilter,
  type FilterPlugins,
  type ServerReply,
  type ServerRequest,
  type WasmFilter,
  type WasmFilterOptions,
} from '@proxy-wasm-node/core/node';

export { filterState, type WasmFilterOptions } from '@proxy-wasm-node/core/node';

/** What of Koa's context a filter needs. */
export interface FilteredContext {
  readonly req: ServerRequest;
  readonly res: ServerReply;
  readonly originalUrl: string;
  respond?: boolean | undefined;
  /** Koa's own: answers with the error. */
  onerror(error: Error): void;
}

/** A chain of filters as a Koa middleware, with what `wasmFilter` of core/node has beside. */
export type KoaWasmFilter = Pick<WasmFilter, keyof WasmFilter> &
  ((ctx: FilteredContext, next: () => Promise<unknown>) => Promise<void>);

/**
 * Makes a middleware of filters. Its promise follows that of what comes after it, which runs once
 * the request has passed the filters. Where a filter answers, the promise resolves as soon as that
 * answer is on its way, whatever the middlewares after it still wait for; those before it then find
 * the filter's status in `ctx.status`, and `ctx.respond` is false. After a filter changed `:path`,
 * what comes after is matched on the new `ctx.url`; `ctx.originalUrl` stays what the client sent.
 *
 * Koa sends a response when all middlewares are done, so filters see it as it goes out: compressed,
 * wherever koa-compress stands. A filter that reads bodies removes `accept-encoding`.
 *
 * @throws ProxyWasmError PW_ERR_OPTIONS_INVALID
 */
export function wasmFilter(plugins: FilterPlugins, options: WasmFilterOptions = {}): KoaWasmFilter {
  const filter = createWasmFilter(plugins, options, { rerouted: keepWholePath });
  const middleware = (ctx: FilteredContext, next: () => Promise<unknown>): Promise<void> =>
    new Promise((resolve, reject) => {
      if (ctx.originalUrl !== ctx.req.url) showMount(ctx.req, ctx.originalUrl);
      let isOver = false;
      const fail = (error: Error): void => {
        // The exchange is over: Koa tells the app of the error, and sends nothing.
        if (isOver) ctx.onerror(error);
        else reject(error);
      };
      const pass = (): void => void next().then(() => resolve(), fail);
      filter(ctx.req, ctx.res, pass, () => {
        isOver = true;
        ctx.respond = false;
        resolve();
        const { readableFlowing, readableEnded } = ctx.req;
        if (readableFlowing !== null && !readableEnded) process.nextTick(abortReaders, ctx.req);
      });
    });
  return Object.assign(middleware, filter);
}

/** Body parsers hear of no other end: without it, what waits for them never gets to its `finally`. */
function abortReaders(req: ServerRequest): void {
  req.emit('aborted');
}

type RoutedRequest = ServerRequest & { originalUrl?: string };

/** koa-mount takes its prefix off `req.url`; core/node finds the whole path as Express has it. */
function showMount(req: RoutedRequest, originalUrl: string): void {
  req.originalUrl ??= originalUrl;
}

/** A path that a filter has set is whole: no prefix of the client's was taken off it. */
function keepWholePath(req: RoutedRequest): void {
  if (req.url !== undefined) req.originalUrl ??= req.url;
}
