/**
 * What a VM and the hostcalls ask of a context. Three kinds exist: the VM's own (id 0, current
 * while the module starts), plugin contexts (roots) and stream contexts. The answers here are
 * those of a context that has nothing: no stream, no buffers, no maps.
 */
import type { PropertyValue } from '../abi/property-value.js';
import type { LogLevel } from '../abi/types.js';
import type { UpstreamCallPorts } from './call-ports.js';

export type { PropertyValue };

/**
 * One header or trailer map: ordered, duplicates kept. Names are lower-case, and names and values
 * hold one character per byte (latin1), as Node holds them.
 */
export interface ReadableHeaderMap {
  /** Entries, pseudo headers and repeated names included. */
  count(): number;
  /** First value of a lower-case name. */
  get(name: string): string | undefined;
  /** All values of a lower-case name, in order. */
  values(name: string): string[];
  /** name, value, name, value, … in order. The caller must not change it. */
  entries(): readonly string[];
}

/** A map that can be changed. */
export interface HeaderMap extends ReadableHeaderMap {
  /** Appends an entry. The caller has checked that Node would accept name and value. */
  add(name: string, value: string): void;
  /** Sets the first entry of that name, or appends one. */
  replace(name: string, value: string): void;
  /** Removes every entry of that name. */
  remove(name: string): void;
  /** Replaces everything by name, value, name, value, …; names lower-case. */
  assign(entries: readonly string[]): void;
}

/** Bytes that a guest may read. */
export interface ReadableBuffer {
  readonly length: number;
  /** Copies [start, start + length) to the beginning of `target`; the range is within bounds. */
  copyTo(target: Uint8Array, start: number, length: number): void;
}

/** Bytes that a guest may read and, where `set` answers true, change. */
export interface GuestBuffer extends ReadableBuffer {
  /**
   * Envoy's rule for `proxy_set_buffer_bytes`: start 0 and length 0 prepends; start 0 replaces the
   * first `length` bytes; start at or past the end appends; anything else is refused (false).
   * `data` belongs to the callee.
   */
  set(start: number, length: number, data: Uint8Array): boolean;
}

/** What `proxy_send_local_response` asks for. */
export interface LocalResponse {
  statusCode: number;
  /** Response code details: for logs and attributes, never sent. */
  details: string;
  body: Uint8Array;
  /** name, value, …; names lower-case. */
  headers: string[];
  /** gRPC status, or -1 for none. */
  grpcStatus: number;
}

/** What a `proxy_set_property` came to. */
export type SetPropertyResult = 'ok' | 'no-stream' | 'read-only' | 'full';

/**
 * What the services ask of a plugin context. Each `on…` is an event from outside: it may come at
 * any time, runs when no guest is on the stack, and does nothing once the context has ended.
 */
export interface RootContext extends Context {
  onTick(): void;
  onQueueReady(queueId: number): void;
  /** Tells a context (this one, or a stream's of this plugin) how an asynchronous call ended. */
  onForeignFunction(context: Context, callId: number, outcome: ForeignOutcome): void;
  /** The VM has failed, inside a callback of this plugin. */
  countTrap(): void;
  /** Says what a property is before a stream sets it. False: that was said before. */
  declareProperty(name: string, readOnly: boolean): boolean;
  /** `cleanup` runs once, when no event may reach the guest any more. */
  atEnd(cleanup: () => void): void;
}

/** How an asynchronous foreign function ended: with bytes, or with an error's text. */
export type ForeignOutcome = { readonly result: Uint8Array } | { readonly error: string };

export abstract class Context {
  readonly id: number;
  /** Inside `proxy_on_log`, where a map that is not there reads like an empty one. */
  logging = false;
  /** What it has written into header maps: bytes, and some for each write. */
  headerBytes = 0;

  constructor(id: number) {
    this.id = id;
  }

  /** The plugin context that this one belongs to; a plugin context answers itself. */
  abstract readonly root: RootContext | undefined;

  /** Whether a stream waits here for the guest. */
  get paused(): boolean {
    return false;
  }

  /** Where only logging is allowed, ends the VM and throws; elsewhere does nothing. */
  ensureUnrestricted(): void {
    // This context is one that may do everything.
  }

  /** Instead of all further callbacks, when the VM has failed: settles what waits for them. */
  vmFailed(): void {
    // Nothing waits for a context that is no stream's.
  }

  /** Sends a guest's message to the logger of the plugin, with the prefix of this context. */
  abstract log(level: LogLevel, message: string): void;

  /** Lowest level that the plugin's logger takes. */
  abstract logLevel(): LogLevel;

  /** A map to read, or undefined where this context has none now. */
  headerMap(_type: number): ReadableHeaderMap | undefined {
    return undefined;
  }

  /** A map to change, or undefined where it is absent or no longer held. */
  mutableHeaderMap(_type: number): HeaderMap | undefined {
    return undefined;
  }

  /** A buffer to read or change; undefined means NOT_FOUND. */
  buffer(_type: number): GuestBuffer | undefined {
    return undefined;
  }

  /** Resumes a direction of the stream, once the guest has returned. False: nothing to resume. */
  continueStream(_type: number): void {
    // A context without a stream has nothing to continue; Envoy answers Ok all the same.
  }

  closeStream(_type: number): void {
    // As above.
  }

  sendLocalResponse(_response: LocalResponse): void {
    // As above.
  }

  /** A property by its path, or undefined where it is not known here. */
  property(_path: readonly string[]): PropertyValue | undefined {
    return undefined;
  }

  /** Stores a property for the rest of the stream, for this and the chain's other plugins. */
  setProperty(_path: string, _value: Uint8Array): SetPropertyResult {
    return 'no-stream';
  }

  /** `proxy_done`: false where nothing waits for it. */
  done(): boolean {
    return false;
  }

  /** Calls to upstreams, which are the plugin context's; undefined where there is none. */
  get calls(): UpstreamCallPorts | undefined {
    return undefined;
  }

  /** Code and message of the last upstream call that failed or closed (of the plugin context). */
  callStatus(): { code: number; message: string } {
    return { code: 0, message: '' };
  }
}
