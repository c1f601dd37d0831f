/** What a row of the behaviour table is. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';

import type { Plugin, PluginOptions } from '@proxy-wasm-node/core';
import type { WasmFilter, WasmFilterOptions } from '@proxy-wasm-node/core/node';

import type { GuestScript } from './guests/wat-guest.js';

/** A guest made to measure, or one of examples/filters by its name; and how it is configured. */
export type FilterSpec = Omit<PluginOptions, 'code'> & ({ script: GuestScript } | { wasm: string });

/** What the app answers, said so that each framework can answer in its own idiom. */
export interface Answer {
  status?: number;
  headers?: Record<string, string | string[]>;
  /** A list is written piece by piece; absent: nothing. */
  body?: string | readonly string[];
  /** Answers the request's body, once all of it has come. */
  echo?: boolean;
  /** Reads the request's body before it answers. Default: only to echo it. */
  reads?: boolean;
}

/** Any Node handler, where the way in which it answers is what matters. */
export type Handler = (req: IncomingMessage, res: ServerResponse) => void | Promise<void>;

/** What a handler knows of the row that it answers for. */
export interface RowView {
  /** Resolves when this has come to the client: as part of the body, in whatever pieces. */
  received(text: string): Promise<void>;
  /** Resolves when a guest has logged this. */
  logged(text: string): Promise<void>;
  /** Resolves when nothing more will happen by itself. */
  atRest(): Promise<void>;
}

export type RowHandler = (
  req: IncomingMessage,
  res: ServerResponse,
  view: RowView,
) => void | Promise<void>;

export interface RequestSpec {
  /** Default GET, or POST with a body. */
  method?: string;
  /** Default `/`. */
  path?: string;
  headers?: Record<string, string | string[]>;
  /** A text has a content-length, a list is sent in chunks, one packet each. */
  body?: string | readonly string[];
  /** Sent with a content-length for all of it, one packet each. */
  pieces?: readonly string[];
  trailers?: Record<string, string>;
  /** Sends each piece when the answer to the one before it has come. */
  inStep?: boolean;
  /** Sends the body when it is told to, by 100 Continue; not if it is answered before. */
  awaitsContinue?: boolean;
  /**
   * Gives up, when all has been sent: as soon as a guest has logged a text, a part of the answer has
   * come, or the app has been given the request.
   */
  givesUpWhen?: { logged: string } | { received: string } | 'reached';
  /** HTTP/1.1 as it is, on a connection of its own; the reply's body is all that comes back. */
  raw?: string;
  /** Of such a text: the client says that it sends no more. */
  endsAfter?: boolean;
}

/** What the client got. */
export interface Reply {
  status: number;
  reason: string;
  /** Lower-case; repeated names joined by Node's rules. */
  headers: Record<string, string | string[] | undefined>;
  rawHeaders: string[];
  body: string;
  trailers: Record<string, string | undefined>;
  /** 100 Continue came before it. */
  continued: boolean;
  /** The client's end of the connection it came on. */
  port: number;
}

/** What the app's handler was given. */
export interface Seen {
  method: string;
  url: string;
  headers: Record<string, string | string[] | undefined>;
  rawHeaders: string[];
  /** Undefined: it did not read. */
  body: string | undefined;
  trailers: Record<string, string | undefined>;
}

export interface ExpectedReply {
  status?: number;
  reason?: string;
  /** Undefined: the header must not be there. */
  headers?: Record<string, string | string[] | RegExp | undefined>;
  body?: string | RegExp;
  /** In characters; for bodies too long to write down. */
  bodyLength?: number;
  /** Of a body that is compressed with gzip. */
  unzipped?: string;
  trailers?: Record<string, string>;
  continued?: boolean;
}

export interface ExpectedSeen {
  method?: string;
  url?: string;
  headers?: Record<string, string | string[] | RegExp | undefined>;
  body?: string;
  trailers?: Record<string, string>;
}

export interface Behaviour {
  name: string;
  filters: readonly FilterSpec[];
  /** Behind a middleware that waits, in a filter of their own. */
  laterFilters?: readonly FilterSpec[];
  allowConsumedBody?: boolean;
  /** The filters are attached to the server too. */
  isAttached?: boolean;
  /** What the app does with a connection that is upgraded, or that a CONNECT asks for. */
  onUpgrade?: TunnelHandler;
  onConnect?: TunnelHandler;
  /** Middlewares before the filters. */
  before?: readonly Middleware[];
  /** One after the other on one connection. */
  request: RequestSpec | readonly RequestSpec[];
  app: Answer | RowHandler;
  expect: {
    reply: ExpectedReply | readonly ExpectedReply[];
    /** Each request that reached the app. */
    seen?: readonly ExpectedSeen[];
    /** All that the guests logged, without the prefix. */
    logs?: readonly string[];
    /** Message of each error that the host logged. */
    errors?: readonly RegExp[];
    /** The client gets no (whole) reply, but a connection that ends. */
    broken?: boolean;
    /** All requests came on one connection. Default true, with several requests. */
    oneConnection?: boolean;
  };
  /** Why a target can't do this, by its name. */
  skip?: Record<string, string>;
}

export type TunnelHandler = (req: IncomingMessage, socket: Socket, head: Buffer) => void;

export type Middleware = (
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** A filter among the middlewares. */
export type FilterMiddleware = Middleware & Pick<WasmFilter, 'ready' | 'close' | 'attach'>;

export interface Running {
  readonly port: number;
  /** That the client is connected to. */
  readonly server: Server;
  close(): Promise<void>;
}

/** A kind of server that filters run in. */
export interface Target {
  readonly name: string;
  /** Default HTTP/1.1. */
  readonly protocol?: 'h2';
  /**
   * The framework's own `wasmFilter`, where it is no middleware of node:http. What it answers stands
   * among the middlewares that {@link start} is given.
   */
  wasmFilter?(
    plugins: readonly (Plugin | PluginOptions)[],
    options: WasmFilterOptions & { isAttached: boolean },
  ): FilterMiddleware;
  /** Starts a server with the middlewares in order, then the app. */
  start(middlewares: readonly Middleware[], app: Answer | Handler): Promise<Running>;
}
