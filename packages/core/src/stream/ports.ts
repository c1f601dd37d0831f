/** What an HttpStream asks of the world around it. */
import type { PluginContext } from '../contexts/plugin-context.js';
import type { HeaderMap, LocalResponse, PropertyValue } from '../vm/context.js';
import type { BodyChunk } from './body-text.js';
import type { PauseWatch } from './pause-watch.js';

/**
 * The two ends of an exchange: towards the app (upstream of the filters) and towards the client.
 * `node/` implements it over a request and a response; tests and the benchmark with plain objects.
 *
 * Any method may be called from inside any call on the stream, but never while guest code runs.
 * Chunks belong to the callee, who must not change their bytes.
 */
export interface StreamEnds {
  // --- towards the app -------------------------------------------------------------------------

  /** The request's head has passed every filter that is in the chain now: the app may have it. */
  requestHeaders(endOfStream: boolean): void;
  /** Body for the app; an empty chunk only with `endOfStream`. */
  requestData(chunk: Uint8Array, endOfStream: boolean): void;
  /** Ends the request's body with trailers. */
  requestTrailers(trailers: HeaderMap): void;
  /** A filter lets the head wait for the body: a client that waits to be asked for it has to be. */
  requestBodyWanted?(): void;
  /** A filter holds as much of the request's body as it may: stop reading. */
  pauseRequest(): void;
  resumeRequest(): void;

  // --- towards the client ----------------------------------------------------------------------

  /** The response's head has passed every filter. It may wait for the body to settle its length. */
  responseHeaders(endOfStream: boolean): void;
  /** Body for the client; an empty chunk only with `endOfStream`. */
  responseData(chunk: BodyChunk, endOfStream: boolean): void;
  /** Ends the response's body with trailers. */
  responseTrailers(trailers: HeaderMap): void;
  /** A filter holds as much of the response's body as it may: the app should stop writing. */
  pauseResponse(): void;
  resumeResponse(): void;

  /** Whether the response's head is out, so that no other answer can be given. */
  readonly responseStarted: boolean;
  /**
   * The response is no longer the app's: what it has written and not sent is dropped, what it
   * still writes is ignored. Answers the map of the new response's head (`:status` to be set).
   * `keepHeaders`: headers that were set on the response before the app answered are kept.
   */
  beginLocalResponse(keepHeaders: boolean): HeaderMap;
  /**
   * Offers a local response to whom the app would send its own through. Taken, it comes back with
   * `responseHeaders` and so on, now or later; the request is over for the app in any case.
   */
  handOver?(response: LocalResponse): boolean;
  /** Nothing more can be answered: end the connection, or the HTTP/2 stream. */
  reset(): void;

  // --- facts -----------------------------------------------------------------------------------

  /** A request, response, connection or upstream attribute; undefined where not known. */
  attribute(path: readonly string[]): PropertyValue | undefined;
}

/** A plugin as a stream uses it. */
export interface StreamPlugin {
  readonly name: string;
  /** The plugin context that new streams get; undefined while the plugin has no VM that works. */
  readonly context: PluginContext | undefined;
  /** Whether streams go on without the plugin when it has failed. */
  readonly failOpen: boolean;
  /** The same for streams that were open when it failed; default: {@link failOpen}. */
  readonly failOpenInFlight?: boolean;
  /** Watches what the plugin pauses; absent: a pause may last for ever. */
  readonly pauses?: PauseWatch;
  /** Told of a pause that has lasted too long, and of the callback that paused. */
  pausedTooLong?(callback: string): void;
  /** Most that this filter may hold of a body; default: the stream's own limit. */
  readonly limits?: { readonly bufferedBodyBytes: number };
}
