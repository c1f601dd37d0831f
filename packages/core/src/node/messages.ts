/** The Node objects this folder works on, with the fields of theirs that it needs and adds. */
import { IncomingMessage, type ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse, ServerHttp2Stream } from 'node:http2';

import type { Exchange } from './exchange.js';

/** Where an exchange is found again, on its request and on its response. */
export const EXCHANGE = Symbol('proxy-wasm exchange');

/** A request of node:http, or of HTTP/2's compatibility API. */
export type ServerRequest = IncomingMessage | Http2ServerRequest;
/** A response of node:http, or of HTTP/2's compatibility API. */
export type ServerReply = ServerResponse | Http2ServerResponse;

/**
 * A request as this folder sees it. HTTP/2's has the same methods, and a `stream`. What frameworks
 * add (`originalUrl`, `baseUrl`) tells where a filter is mounted.
 */
export interface NodeRequest extends IncomingMessage {
  [EXCHANGE]?: Exchange;
  readonly stream?: ServerHttp2Stream;
  originalUrl?: string;
  baseUrl?: string;
  /** HTTP/1: the app has started to read. */
  _consuming?: boolean;
  /** HTTP/1: what follows the head on the connection is no message. */
  upgrade?: boolean | null;
  /** HTTP/1: Node drops what still comes. */
  _dumped?: boolean;
  _addHeaderLine(name: string, value: string, target: object): void;
  _addHeaderLineDistinct(name: string, value: string, target: object): void;
}

export type HeaderValue = string | number | readonly string[];

/** A response as this folder sees it. HTTP/2's has the same methods, and a `stream`. */
export interface NodeResponse extends ServerResponse {
  [EXCHANGE]?: Exchange;
  readonly stream?: ServerHttp2Stream;
  /** HTTP/1: the head as it goes out; null before it is made. */
  _header?: string | null;
  /** HTTP/1: false where the client's method allows no body. */
  _hasBody?: boolean;
  /** HTTP/1: the length of a body that was given in one go. */
  _contentLength?: number | null;
  _removedTE?: boolean;
  _implicitHeader?(): void;
  /** HTTP/1: bytes that wait for the socket. */
  outputSize?: number;
}

export function isHttp2(message: { readonly stream?: ServerHttp2Stream }): boolean {
  return message.stream !== undefined;
}

/** Its body comes only when somebody reads: HTTP/2's, or that of {@link isInjected}. */
export function isPulled(req: NodeRequest): boolean {
  return req._consuming === undefined;
}

/**
 * A request that came over no connection: light-my-request's, on which Fastify's `inject` and other
 * frameworks' test helpers stand. It is a stream with plain properties, and no IncomingMessage.
 */
export function isInjected(req: NodeRequest): boolean {
  return req._consuming === undefined && req.stream === undefined;
}

const NODES_OWN = IncomingMessage.prototype as unknown as NodeRequest;

/** Adds a header to `target` by Node's rules for names that come twice. */
export function addHeaderLine(req: NodeRequest, name: string, value: string, target: object): void {
  NODES_OWN._addHeaderLine.call(req, name, value, target);
}
