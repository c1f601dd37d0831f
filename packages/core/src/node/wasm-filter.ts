import type { Server } from 'node:net';

import type { Host } from '../host.js';
import type { Logger } from '../logger.js';
import type { Plugin } from '../plugin.js';
import { attachFilter, type Admit } from './attach.js';
import {
  Exchange,
  type AddedAttributes,
  type JoinOptions,
  type Next,
  type Over,
} from './exchange.js';
import { keepExchange } from './kept-exchange.js';
import type { LocalAnswer } from './local-answer.js';
import {
  EXCHANGE,
  type NodeRequest,
  type NodeResponse,
  type ServerReply,
  type ServerRequest,
} from './messages.js';
import { PluginChain, type FilterPlugins } from './plugin-chain.js';

keepExchange();

export interface WasmFilterOptions {
  /** Where plugins that are given as options are made; default: the process's default host. */
  host?: Host;
  /**
   * Lets a filter that has body callbacks run on a request whose body was read before it (by a body
   * parser, say): it sees a request without a body. Default false: its failure policy answers.
   */
  allowConsumedBody?: boolean;
  /**
   * Default true: of the HTTP/1 responses that end in the same turn of the event loop, the first is
   * written at once and the others together at the end of the turn, or when 1 ms has gone by. Under
   * load that saves more than the filters cost. False: each is written as it ends.
   */
  coalesceWrites?: boolean;
}

/** What a framework adds to the middleware of node:http. */
export interface FrameworkHooks {
  /**
   * A request is met for the first time, wherever it came in, and no filter has seen it: the server
   * may still add headers to it, and says what it knows of it that filters can ask for.
   */
  readonly begin?: (req: ServerRequest, res: ServerReply) => AddedAttributes;
  /** A filter has changed path or method; `req.url` and `req.method` are new already. */
  readonly rerouted?: (req: ServerRequest, res: ServerReply) => void;
  /**
   * A filter answers before the response has begun: sends it as the app would, or says false to
   * have it sent past the framework. What it sends comes back to the filters as the response.
   * `isWaiting`: what comes after the filters has not been given the request, so it can't have begun
   * to answer it.
   */
  readonly answer?: (res: ServerReply, answer: LocalAnswer, isWaiting: boolean) => boolean;
  /** Takes what plugins log that have no logger of their own, on a host that was given none. */
  readonly logger?: Logger;
}

/** A chain of filters as `(req, res, next)`. */
export interface WasmFilter {
  /**
   * @param next runs when the request has passed the filters
   * @param over for who waits for `next`, or for what comes after it. Called at most once: as soon
   *   as an answer of a filter's own is on its way, whether `next` has run or not; and where `next`
   *   will never run, since the client has gone.
   */
  (req: ServerRequest, res: ServerReply, next: Next, over?: Over): void;
  /** Resolves when all plugins have started; rejects with the error of one that could not. */
  ready(): Promise<void>;
  /**
   * Its plugins, in order, once they have started or failed to: to reload them, or to hear of their
   * failures. One that can't start is among them; one whose options were refused is not.
   */
  readonly plugins: readonly Plugin[];
  /**
   * Closes the plugins that the filter made, and leaves the servers it was attached to. Requests
   * that come later are refused. Plugins and chains that it was given stay open.
   */
  close(): Promise<void>;
  /**
   * Lets the filter see what no middleware does: a request with `Expect: 100-continue` before Node
   * tells its client to send the body, an Upgrade (WebSocket), and a CONNECT that the app listens
   * for. A filter that answers refuses them; after an Upgrade bytes flow untouched. A CONNECT that
   * nobody listens for is answered 501. The same filter may (and should) be used as a middleware
   * too: it runs once on each request. To attach it twice to one server changes nothing.
   *
   * @param server of node:http, node:https or node:http2
   * @throws ProxyWasmError PW_ERR_OPTIONS_INVALID
   */
  attach(server: Server): void;
}

/**
 * Makes a chain of filters for node:http, node:https, HTTP/2's compatibility API, connect, and
 * whatever takes `(req, res, next)`. `next` runs when the request has passed the filters; never, if
 * one of them has answered. Requests that come before the plugins have started wait for them.
 *
 * @throws ProxyWasmError PW_ERR_OPTIONS_INVALID
 */
export function wasmFilter(plugins: FilterPlugins, options: WasmFilterOptions = {}): WasmFilter {
  return createWasmFilter(plugins, options, {});
}

/** As {@link wasmFilter}, for an adapter to a framework. */
export function createWasmFilter(
  plugins: FilterPlugins,
  options: WasmFilterOptions,
  hooks: FrameworkHooks,
): WasmFilter {
  const isOwn = !(plugins instanceof PluginChain);
  const chain = isOwn ? new PluginChain(plugins, options.host, hooks.logger) : plugins;
  const join: JoinOptions = {
    get bufferedBodyBytes() {
      return chain.bufferedBodyBytes;
    },
    allowConsumedBody: options.allowConsumedBody === true,
    begin: hooks.begin,
    coalesceWrites: options.coalesceWrites !== false,
    rerouted: hooks.rerouted,
    answer: hooks.answer,
  };
  // The default keeps `length` at 3: to Express and connect, functions of four handle errors.
  const filter: FilterFunction = (req, res, next, over = undefined) => {
    const { plugins } = chain;
    if (plugins === undefined) {
      void chain.settled.then(() => {
        filter(req, res, next, over);
      });
      return;
    }
    const exchange = enter(req, res, join);
    // The client has gone. The app must not get the request: no filter has seen it.
    if (exchange === undefined) over?.();
    else if (exchange.wasAdmitted(join)) exchange.pass(next, over);
    else exchange.join(plugins, join, next, over);
  };
  const servers = new Map<Server, () => void>();
  const admit = admission(chain, join);
  return Object.assign(filter, {
    plugins: chain.all,
    ready: () => chain.ready(),
    close: async () => {
      for (const detach of servers.values()) detach();
      servers.clear();
      if (isOwn) await chain.close();
    },
    attach: (server: Server) => {
      if (!servers.has(server)) servers.set(server, attachFilter(server, admit));
    },
  });
}

/** The filter as it stands before a server's listeners: no framework has the request yet. */
function admission(chain: PluginChain, filter: JoinOptions): Admit {
  const options: JoinOptions = {
    get bufferedBodyBytes() {
      return filter.bufferedBodyBytes;
    },
    allowConsumedBody: filter.allowConsumedBody,
    begin: filter.begin,
    coalesceWrites: filter.coalesceWrites,
  };
  const run: Admit = (req, res, next, prepare) => {
    if (isGone(req, res)) return;
    const exchange = req[EXCHANGE] ?? new Exchange(req, res, options);
    prepare(exchange);
    exchange.join(chain.plugins ?? [], options, () => {
      exchange.admit(filter);
      next();
    });
  };
  return (...values) => {
    if (chain.plugins === undefined) void chain.settled.then(() => run(...values));
    else run(...values);
  };
}

type FilterFunction = (req: ServerRequest, res: ServerReply, next: Next, over?: Over) => void;

/** The request's exchange, which begins here unless a filter before began it. */
function enter(req: ServerRequest, res: ServerReply, options: JoinOptions): Exchange | undefined {
  const request = req as NodeRequest;
  const response = res as NodeResponse;
  if (isGone(request, response)) return undefined;
  return request[EXCHANGE] ?? new Exchange(request, response, options);
}

function isGone({ socket }: NodeRequest, { destroyed, closed, stream }: NodeResponse): boolean {
  if (stream === undefined && socket.destroyed) return true;
  return destroyed || closed || stream?.closed === true || stream?.destroyed === true;
}

/**
 * What filters left for the app with `proxy_set_property` on this exchange: name (the path, its
 * segments separated by NUL) to bytes. Empty where no filter has run.
 */
export function filterState(req: ServerRequest): ReadonlyMap<string, Uint8Array> {
  return (req as NodeRequest)[EXCHANGE]?.stream.storedProperties ?? NOTHING;
}

/**
 * Whether filters have yet to see more of a request that the app has been given, and so may still
 * answer in the app's place.
 */
export function mayAnswer(req: ServerRequest): boolean {
  return (req as NodeRequest)[EXCHANGE]?.requestTap?.endReleased === false;
}

const NOTHING: ReadonlyMap<string, Uint8Array> = new Map();
