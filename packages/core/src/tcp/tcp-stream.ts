import { PeerType } from '../abi/types.js';
import type { ConnectionPort } from '../contexts/ports.js';
import { TcpContext } from '../contexts/tcp-context.js';
import type { StreamPlugin } from '../stream/ports.js';
import { StoredProperties } from '../stream/stored-properties.js';
import type { Context, PropertyValue, SetPropertyResult } from '../vm/context.js';
import { defer, guestIsRunning, runDeferred } from '../vm/deferred.js';
import { TRAPPED } from '../vm/vm.js';
import { ConnectionFilter } from './connection-filter.js';
import type { DirectionStage, StageStream } from './direction-stage.js';

/** The two ends of a connection: the app's (or proxy's) side and the client's. */
export interface ConnectionEnds {
  /** The connection has passed every filter that was joined: the app may have it. */
  connected(): void;
  /** Bytes for the app; an empty chunk only with `endOfStream`. */
  downstreamData(chunk: Uint8Array, endOfStream: boolean): void;
  /** Bytes for the client; an empty chunk only with `endOfStream`. */
  upstreamData(chunk: Uint8Array, endOfStream: boolean): void;
  /** Filters hold as much as they may (true), or have let it go: whether the sender must wait. */
  setBackpressure(isDownstream: boolean, on: boolean): void;
  /** Closes the client's connection once what was passed on is written. */
  close(): void;
  /** An attribute of the connection or its upstream; undefined where not known. */
  attribute(path: readonly string[]): PropertyValue | undefined;
}

/**
 * The state machine of one TCP connection: a chain of filters between the client and the app. Knows
 * no Node object. A new connection and what the client sends run through the chain first to last,
 * what the server sends last to first. @see abi.md 6.17
 */
export class TcpStream implements ConnectionPort, StageStream {
  readonly #ends: ConnectionEnds;
  readonly #limitBytes: number;
  #first: ConnectionFilter | null = null;
  #last: ConnectionFilter | null = null;
  /** Where the client's bytes enter the chain; null: there is none. */
  #downstreamEntry: DirectionStage | null = null;
  #isOver = false;
  /** How many stages of each direction hold as much as they may. */
  #pressure = { downstream: 0, upstream: 0 };
  #properties: StoredProperties | undefined;

  /** @param limitBytes most that a filter holds of a direction, if its plugin does not say */
  constructor(ends: ConnectionEnds, limitBytes: number) {
    this.#ends = ends;
    this.#limitBytes = limitBytes;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  // --- events -----------------------------------------------------------------------------------

  /**
   * Adds plugins behind those in the chain, and asks each about the new connection. The ends are
   * told when all have let it go on: at once, later, or never.
   *
   * @param unread what had come before and passed the filters of earlier joins already
   */
  join(plugins: readonly StreamPlugin[], unread: Uint8Array): void {
    if (guestIsRunning())
      return defer(() => {
        this.join(plugins, unread);
      });
    let joined: ConnectionFilter | null = null;
    for (const plugin of plugins) {
      const filter = this.#append(plugin);
      joined ??= filter;
    }
    if (unread.length > 0) {
      if (joined === null) this.#ends.downstreamData(unread, false);
      else joined.downstream.receive(unread, false);
    }
    this.#enter(joined);
    runDeferred();
  }

  #append(plugin: StreamPlugin): ConnectionFilter {
    const filter = new ConnectionFilter(this, plugin, this.#limitBytes);
    const last = this.#last;
    if (last === null) {
      this.#first = filter;
      this.#downstreamEntry = filter.downstream;
    } else {
      last.next = filter;
      last.downstream.next = filter.downstream;
      filter.upstream.next = last.upstream;
    }
    this.#last = filter;
    return filter;
  }

  /** From the client. */
  downstreamData(chunk: Uint8Array, endOfStream: boolean): void {
    if (guestIsRunning())
      return defer(() => {
        this.downstreamData(chunk, endOfStream);
      });
    if (this.#isOver) return;
    if (this.#downstreamEntry === null) this.#ends.downstreamData(chunk, endOfStream);
    else this.#downstreamEntry.receive(chunk, endOfStream);
  }

  /** From the app, which is the server or stands for it. */
  upstreamData(chunk: Uint8Array, endOfStream: boolean): void {
    if (guestIsRunning())
      return defer(() => {
        this.upstreamData(chunk, endOfStream);
      });
    if (this.#isOver) return;
    if (this.#last === null) this.#ends.upstreamData(chunk, endOfStream);
    else this.#last.upstream.receive(chunk, endOfStream);
  }

  /**
   * The client's connection has closed, however it came to that: the last callbacks of each filter.
   * Whatever is still called on the stream after it does nothing. `peer`: a PeerType, who closed.
   */
  complete(peer: number): void {
    if (this.#isOver) return;
    if (guestIsRunning())
      return defer(() => {
        this.complete(peer);
      });
    this.#isOver = true;
    for (let filter = this.#first; filter !== null; filter = filter.next) {
      filter.downstream.endPause();
      filter.upstream.endPause();
      filter.context?.onClosed(peer);
    }
    runDeferred();
  }

  // --- the new connection -----------------------------------------------------------------------

  /** Asks a filter and, as far as they let it go on, those behind it. Null: all have. */
  #enter(filter: ConnectionFilter | null): void {
    if (this.#isOver) return;
    if (filter === null) {
      this.#ends.connected();
      return;
    }
    const { plugin } = filter;
    const root = plugin.context;
    if (root === undefined || root.vm.failure !== undefined) {
      if (plugin.failOpen) this.admit(filter);
      else this.close();
      return;
    }
    const context = new TcpContext(root, this, filter.downstream, filter.upstream);
    filter.context = context;
    const created = context.onContextCreate();
    const result = created === TRAPPED ? TRAPPED : context.onNewConnection();
    if (result !== 0 && result !== TRAPPED) filter.downstream.beginPause();
    // A resume that was asked for inside the callback admits it here; once is enough.
    runDeferred();
    if (result === 0) this.admit(filter);
  }

  admit(filter: ConnectionFilter): void {
    const { downstream } = filter;
    if (downstream.isOpen || this.#isOver) return;
    downstream.isOpen = true;
    downstream.endPause();
    this.#enter(filter.next);
    downstream.flush();
  }

  // --- failure ----------------------------------------------------------------------------------

  /**
   * A connection that wants nothing more of the dead VM goes on. @see abi.md 6.16
   *
   * Deviates: paused connections are settled at once, and not at their next callback.
   */
  contextFailed(context: Context): void {
    let filter = this.#first;
    while (filter !== null && filter.context !== context) filter = filter.next;
    if (filter?.context == null) return;
    const { exported } = filter.context.vm;
    const { downstream, upstream } = filter;
    filter.context = null;
    if (this.#isOver || !(downstream.needs(exported) || upstream.needs(exported))) return;
    if (filter.plugin.failOpenInFlight ?? filter.plugin.failOpen) {
      downstream.detach();
      upstream.detach();
    } else {
      this.close();
    }
  }

  // --- what contexts ask ------------------------------------------------------------------------

  close(): void {
    if (this.#isOver) return;
    if (guestIsRunning())
      return defer(() => {
        this.close();
      });
    this.#ends.close();
    this.complete(PeerType.LOCAL);
  }

  attribute(path: readonly string[]): PropertyValue | undefined {
    return this.#ends.attribute(path);
  }

  storedProperty(path: readonly string[]): Uint8Array | undefined {
    return this.#properties?.find(path);
  }

  storeProperty(path: string, value: Uint8Array, limitBytes: number): SetPropertyResult {
    this.#properties ??= new StoredProperties();
    return this.#properties.store(path, value, limitBytes);
  }

  /** What filters set with `proxy_set_property`, by name. */
  get storedProperties(): ReadonlyMap<string, Uint8Array> | undefined {
    return this.#properties?.values;
  }

  // --- what stages ask --------------------------------------------------------------------------

  passData(isDownstream: boolean, chunk: Uint8Array, endOfStream: boolean): void {
    if (isDownstream) this.#ends.downstreamData(chunk, endOfStream);
    else this.#ends.upstreamData(chunk, endOfStream);
  }

  setBackpressure(isDownstream: boolean, on: boolean): void {
    const direction = isDownstream ? 'downstream' : 'upstream';
    const before = this.#pressure[direction];
    const now = before + (on ? 1 : -1);
    this.#pressure[direction] = now;
    if ((before === 0) !== (now === 0)) this.#ends.setBackpressure(isDownstream, on);
  }

  /** Only where a stage was told to fail at its limit, which those of a connection are not. */
  overflow(): void {
    this.close();
  }
}
