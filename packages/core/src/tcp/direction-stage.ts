import { PeerType } from '../abi/types.js';
import type { DataPort } from '../contexts/ports.js';
import type { TcpContext } from '../contexts/tcp-context.js';
import { NO_BODY } from '../stream/body-buffer.js';
import { bytesOf } from '../stream/body-text.js';
import type { PausedStage } from '../stream/pause-watch.js';
import { StageBody, type BodyStream } from '../stream/stage-body.js';
import type { Callbacks } from '../vm/callbacks.js';
import type { GuestBuffer } from '../vm/context.js';
import { defer, guestIsRunning, runDeferred } from '../vm/deferred.js';
import { TRAPPED } from '../vm/vm.js';
import type { ConnectionFilter } from './connection-filter.js';

const NO_BYTES = new Uint8Array(0);

/** What a stage asks of its stream. */
export interface StageStream extends BodyStream {
  /** The connection has closed for the filters: nothing passes any more. */
  readonly isOver: boolean;
  /** A filter that held up the connection lets it go on. */
  admit(filter: ConnectionFilter): void;
  /** Nobody resumes it: ends the connection. */
  close(): void;
  /** Past the last filter of the direction. */
  passData(isDownstream: boolean, chunk: Uint8Array, endOfStream: boolean): void;
}

/**
 * One filter's part of one direction of a connection: shows bytes to the guest, and holds or passes
 * them on to the next filter. Held bytes stay in the buffer: the next callback sees all of them with
 * what has come since. @see abi.md 6.17
 *
 * Deviates: a filter that holds up the new connection gets no data until it resumes; in Envoy it
 * does, and what it answers then decides.
 *
 * Deviates: each filter sees each byte once; in Envoy those in front of one that pauses see what is
 * held again.
 */
export class DirectionStage implements DataPort, PausedStage {
  readonly #stream: StageStream;
  readonly #filter: ConnectionFilter;
  readonly #isDownstream: boolean;
  readonly #limitBytes: number;
  /** The next filter in this direction; null: the end of the chain. */
  next: DirectionStage | null = null;
  /** Before: its `on_new_connection` has not let the connection go on, and bytes wait unseen. */
  isOpen: boolean;
  #isPaused = false;
  /** The pause's end is waited for. */
  #isWatched = false;
  pauseDeadlineMs = 0;
  #endArrived = false;
  #endPassed = false;
  /** Made when there are bytes. */
  #body: StageBody | undefined;

  /** @param limitBytes at so many held bytes the sender is told to wait */
  constructor(
    stream: StageStream,
    filter: ConnectionFilter,
    isDownstream: boolean,
    limitBytes: number,
  ) {
    this.#stream = stream;
    this.#filter = filter;
    this.#isDownstream = isDownstream;
    this.#limitBytes = limitBytes;
    this.isOpen = !isDownstream;
  }

  // --- what the guest sees and does -------------------------------------------------------------

  get data(): GuestBuffer {
    return this.#body?.view ?? NO_BODY;
  }

  get paused(): boolean {
    return this.#isPaused || (!this.isOpen && this.#filter.context !== null);
  }

  resume(): void {
    if (guestIsRunning())
      defer(() => {
        this.continue();
      });
    else this.continue();
  }

  /** Whether the guest has still something to do with this direction. */
  needs(callbacks: Callbacks): boolean {
    if (this.#endPassed) return false;
    if (this.#isPaused || !this.isOpen) return true;
    return (this.#isDownstream ? callbacks.onDownstreamData : callbacks.onUpstreamData) !== null;
  }

  // --- what comes from the stage before ---------------------------------------------------------

  receive(chunk: Uint8Array, endOfStream: boolean): void {
    if (this.#stream.isOver || this.#endArrived) return;
    if (endOfStream) this.#endArrived = true;
    if (this.isOpen) {
      this.#filterData(chunk, endOfStream);
      return;
    }
    const body = this.#openBody();
    body.hold(chunk);
    body.checkLimit(false);
  }

  /** The connection has gone past this filter: what waited unseen runs through its callback. */
  flush(): void {
    if (this.#stream.isOver || this.#isPaused || this.#endPassed) return;
    const chunk = this.#takeHeld();
    if (chunk.length > 0 || this.#endArrived) this.#filterData(chunk, this.#endArrived);
  }

  // --- resuming ---------------------------------------------------------------------------------

  /** After a pause: passes on all that is held, which this filter has seen. */
  continue(): void {
    if (this.#stream.isOver) return;
    if (!this.isOpen) {
      this.#stream.admit(this.#filter);
      return;
    }
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.endPause();
    this.#pass(this.#takeHeld(), this.#endArrived);
  }

  /** The filter's VM is gone and its policy lets the connection go on: whatever it holds passes. */
  detach(): void {
    this.#body?.keepVisible(false);
    this.continue();
  }

  // --- the pause's end --------------------------------------------------------------------------

  /** The guest has paused; each callback that does so begins the time anew. */
  beginPause(): void {
    const { context, plugin } = this.#filter;
    context?.root.instruments?.countPause();
    if (plugin.pauses === undefined || this.#stream.isOver) return;
    this.#isWatched = true;
    plugin.pauses.begin(this);
  }

  /** Resumed, or over. */
  endPause(): void {
    if (!this.#isWatched) return;
    this.#isWatched = false;
    this.#filter.plugin.pauses?.end(this);
  }

  pauseExpired(): void {
    this.#isWatched = false;
    if (!this.paused || this.#stream.isOver) return;
    const data = this.#isDownstream ? 'proxy_on_downstream_data' : 'proxy_on_upstream_data';
    this.#filter.plugin.pausedTooLong?.(this.isOpen ? data : 'proxy_on_new_connection');
    this.#stream.close();
  }

  // --- asking the guest -------------------------------------------------------------------------

  #filterData(chunk: Uint8Array, endOfStream: boolean): void {
    const { context } = this.#filter;
    if (context === null) {
      this.#release(chunk, endOfStream);
    } else if (this.#isDownstream) {
      this.#filterDownstream(context, chunk, endOfStream);
    } else {
      this.#filterUpstream(context, chunk, endOfStream);
    }
  }

  #filterDownstream(context: TcpContext, chunk: Uint8Array, endOfStream: boolean): void {
    if (context.vm.callbacks.onDownstreamData === null) {
      this.#release(chunk, endOfStream);
      return;
    }
    const buffer = this.#openBody().show(chunk);
    const shown = this.#after(context.onDownstreamData(buffer.length, endOfStream));
    runDeferred();
    if (shown !== undefined) this.#release(shown, endOfStream);
  }

  #filterUpstream(context: TcpContext, chunk: Uint8Array, endOfStream: boolean): void {
    let shown: Uint8Array | undefined = chunk;
    if (context.vm.callbacks.onUpstreamData !== null) {
      const buffer = this.#openBody().show(chunk);
      shown = this.#after(context.onUpstreamData(buffer.length, endOfStream));
      // The app takes its chunk for written, and may use its memory again.
      if (shown === undefined) this.#body?.own(chunk);
      runDeferred();
    }
    // The server's end is all that is known of its connection's close, as in Envoy.
    if (endOfStream && !this.#stream.isOver) {
      this.#filter.context?.onUpstreamConnectionClose(PeerType.UNKNOWN);
      runDeferred();
    }
    if (shown !== undefined) this.#release(shown, endOfStream);
  }

  /** What goes on after a callback; undefined: it is held. */
  #after(result: number): Uint8Array | undefined {
    const body = this.#openBody();
    if (result === 0) {
      this.#isPaused = false;
      this.endPause();
      return bytesOf(body.takeVisible());
    }
    body.keepVisible(true);
    if (result === TRAPPED) {
      // The failure may be settled already, and the connection goes on without the plugin.
      this.#isPaused = this.#filter.context !== null;
      return this.#isPaused ? undefined : bytesOf(body.takeHeld());
    }
    this.#isPaused = true;
    this.beginPause();
    body.checkLimit(false);
    return undefined;
  }

  #openBody(): StageBody {
    this.#body ??= new StageBody(this.#stream, this.#isDownstream, this.#limitBytes);
    return this.#body;
  }

  #takeHeld(): Uint8Array {
    return this.#body === undefined ? NO_BYTES : bytesOf(this.#body.takeHeld());
  }

  // --- passing on -------------------------------------------------------------------------------

  #release(chunk: Uint8Array, endOfStream: boolean): void {
    // Empty by now, unless the plugin was lost; this tells the sender to go on.
    const held = this.#takeHeld();
    this.#pass(held.length === 0 ? chunk : Buffer.concat([held, chunk]), endOfStream);
  }

  #pass(chunk: Uint8Array, endOfStream: boolean): void {
    if (this.#stream.isOver || this.#endPassed) return;
    if (chunk.length === 0 && !endOfStream) return;
    if (endOfStream) this.#endPassed = true;
    if (this.next === null) this.#stream.passData(this.#isDownstream, chunk, endOfStream);
    else this.next.receive(chunk, endOfStream);
  }
}
