/** What contexts ask of the world around them: the stream they are part of, and upstreams. */
import type { CallbackKind } from '../abi/callback-kinds.js';
import type { GrpcTarget } from '../abi/grpc-call.js';
import type { HttpTarget } from '../abi/http-call.js';
import type {
  Context,
  GuestBuffer,
  HeaderMap,
  LocalResponse,
  PropertyValue,
  SetPropertyResult,
} from '../vm/context.js';

/** One direction (request or response) of an exchange, as one plugin of its chain sees it. */
export interface DirectionPort {
  /** The head, from the moment its callback runs (or would run) until the context is deleted. */
  readonly headers: HeaderMap | undefined;
  /** Whether this plugin still holds the head: inside the headers callback, or paused from it. */
  readonly headersHeld: boolean;
  readonly trailers: HeaderMap | undefined;
  readonly trailersHeld: boolean;
  /** An empty trailer map if the body ends here without any and may still get some. */
  createTrailers(): HeaderMap | undefined;
  /** The current chunk, the whole held body, or an empty buffer that can't be changed. */
  readonly body: GuestBuffer;
  /** Whether this plugin holds something of this direction, until it resumes. */
  readonly paused: boolean;
  /** Resumes after a pause, as soon as the guest has returned; nothing if nothing is paused. */
  resume(): void;
}

/** The exchange as a whole. */
export interface ExchangePort {
  /** Answers the request here, as soon as the guest has returned. */
  sendLocalResponse(response: LocalResponse): void;
  /** The context's VM is dead: settle what this exchange still wanted of it. */
  contextFailed(context: Context): void;
  /** Resets the stream, as soon as the guest has returned. */
  close(): void;
  /** An attribute of request, response, connection or upstream; undefined where not known. */
  attribute(path: readonly string[]): PropertyValue | undefined;
  /** A value set with `proxy_set_property` on this exchange, by any plugin of its chain. */
  storedProperty(path: readonly string[]): Uint8Array | undefined;
  /** @param limitBytes of all that is stored: 'full', and nothing is written, beyond it */
  storeProperty(path: string, value: Uint8Array, limitBytes: number): SetPropertyResult;
}

/** One direction of a TCP connection, as one plugin of its chain sees it. */
export interface DataPort {
  /** The bytes of the current callback, all that is held while paused, or nothing. */
  readonly data: GuestBuffer;
  /** Whether this plugin holds the direction, until it resumes. */
  readonly paused: boolean;
  /** Resumes after a pause, as soon as the guest has returned; nothing if nothing is paused. */
  resume(): void;
}

/** A TCP connection as a whole. */
export interface ConnectionPort {
  /** The context's VM is dead: settle what this connection still wanted of it. */
  contextFailed(context: Context): void;
  /** Closes the client's connection once what was sent is written, as soon as the guest has returned. */
  close(): void;
  /** An attribute of the connection or its upstream; undefined where not known. */
  attribute(path: readonly string[]): PropertyValue | undefined;
  /** A value set with `proxy_set_property` on this connection, by any plugin of its chain. */
  storedProperty(path: readonly string[]): Uint8Array | undefined;
  /** @param limitBytes of all that is stored: 'full', and nothing is written, beyond it */
  storeProperty(path: string, value: Uint8Array, limitBytes: number): SetPropertyResult;
}

/** What an upstream's name leads to. */
export interface UpstreamTarget extends HttpTarget {
  /** undefined: it is no server. Throws where gRPC's package is not installed. */
  readonly grpc?: GrpcTarget;
}

/** Counts what a plugin's callbacks do: `begin` is before each, where no more than an addition may be done. */
export interface CallbackInstruments {
  begin(kind: CallbackKind): void;
  /** As `begin`, for a callback that is called seldom. */
  beginTimed(kind: CallbackKind): void;
  countTrap(): void;
  /** The callback that has just returned paused its stream. */
  countPause(): void;
  countUpstreamCall(type: 'http' | 'grpc', result: string): void;
}

/** Upstreams by name, as one plugin sees them. */
export interface UpstreamPort {
  /** Whether that name itself was given. */
  has(name: string): boolean;
  /** undefined: nothing may be reached by that name. May throw what the app's own code throws. */
  find(name: string): UpstreamTarget | undefined;
  /** Lets go of the connections that are the plugin's own. */
  close(): void;
}
