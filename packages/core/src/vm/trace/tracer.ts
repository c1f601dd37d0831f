/** What a tracer is told: the calls between the host and one guest, decoded. */

/**
 * A decoded argument or result: a number, a name of the spec for it (`HTTP_REQUEST_HEADERS`), a text,
 * or headers in order. Bytes that are no UTF-8 are `0x…`; what is longer than
 * {@link Tracer.textBytes} ends in `… (n bytes)`.
 */
export type TraceValue =
  string | number | boolean | readonly (readonly [name: string, value: string])[];

/** One call of a callback by the host, or of a hostcall by the guest. */
export interface TracedCall {
  readonly kind: 'callback' | 'hostcall';
  /** As the module exports or imports it: `proxy_on_request_headers`, `fd_write`. */
  readonly name: string;
  readonly pluginName: string;
  /** The context it is about; 0: the VM's own, while the module starts. */
  readonly contextId: number;
  /** How many calls it is inside of: 0 for a callback, 1 for a hostcall in it. */
  readonly depth: number;
  /** By name, without addresses. Sizes of what is decoded are left out. */
  readonly arguments: Readonly<Record<string, TraceValue>>;
  /** On `performance.now()`'s clock, milliseconds. */
  readonly startMs: number;
  /** undefined until it is over, as the rest. */
  readonly durationMs: number | undefined;
  /** What it returned, by name where it has one (`OK`, `NOT_FOUND`, `CONTINUE`); undefined: nothing. */
  readonly result: TraceValue | undefined;
  /** What a hostcall has given to the guest beside its status. */
  readonly results: Readonly<Record<string, TraceValue>>;
  /** Why it did not return: a trap's text. */
  readonly thrown: string | undefined;
}

/**
 * Told of every callback and hostcall of a plugin, with all that they carry: header values and bodies
 * too, so it is for development. What it throws is the app's to handle, and changes nothing here.
 */
export interface Tracer {
  /** A call begins: how it ends is not known. */
  begin?(call: TracedCall): void;
  /** The same object, complete. */
  end?(call: TracedCall): void;
  /** Most of one text that is kept, bytes; default 1024. */
  readonly textBytes?: number;
}
