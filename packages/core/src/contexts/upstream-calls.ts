import { CALLBACK_NAMES, type CallbackKind } from '../abi/callback-kinds.js';
import { LogLevel, Status } from '../abi/types.js';
import { messageOf } from '../errors.js';
import { CallClass, callClassOf } from '../vm/call-ids.js';
import { notStarted, type CallStarted, type UpstreamCallPorts } from '../vm/call-ports.js';
import type { GuestBuffer, ReadableHeaderMap } from '../vm/context.js';
import { GrpcCalls } from './grpc-calls.js';
import { HttpCalls } from './http-calls.js';
import type { PluginContext } from './plugin-context.js';
import type { UpstreamTarget } from './ports.js';

interface InFlight {
  readonly cancel: () => void;
  readonly bodyBytes: number;
}

/** A plugin context's calls to upstreams: those in flight, and what the guest may read of them. */
export class UpstreamCalls implements UpstreamCallPorts {
  readonly http: HttpCalls;
  readonly grpc: GrpcCalls;
  readonly root: PluginContext;
  /** How to cancel each call that is in flight. */
  readonly #inFlight = new Map<number, InFlight>();
  /** Of the bodies of those calls. */
  #bytesInFlight = 0;
  #ended = false;

  constructor(root: PluginContext) {
    this.root = root;
    this.http = new HttpCalls(this);
    this.grpc = new GrpcCalls(this);
    root.atEnd(() => {
      this.#end();
    });
  }

  headerMap(type: number): ReadableHeaderMap | undefined {
    return this.http.headerMap(type) ?? this.grpc.headerMap(type);
  }

  buffer(type: number): GuestBuffer | undefined {
    return this.http.buffer(type) ?? this.grpc.buffer(type);
  }

  /** What a name leads to; undefined, and a line in the log, where it leads nowhere. */
  find(name: string): UpstreamTarget | undefined {
    try {
      const target = this.root.settings.upstreams.find(name);
      if (target === undefined) {
        this.warn(`there is no upstream ${JSON.stringify(name)} among those of plugin and host`);
      }
      return target;
    } catch (error) {
      const text = `the option resolveUpstream failed for ${JSON.stringify(name)}: `;
      this.root.log(LogLevel.ERROR, text + messageOf(error));
      return undefined;
    }
  }

  /**
   * Starts a call, if one more may be.
   *
   * @param bodyBytes that stay in memory until it is over
   * @param start answers how to cancel it, or undefined if it could not be started
   */
  start(
    callClass: CallClass,
    bodyBytes: number,
    start: (id: number) => (() => void) | undefined,
  ): CallStarted {
    const { vm } = this.root;
    if (this.#ended || !this.#hasRoom(bodyBytes)) return this.#notStarted(callClass);
    const id = vm.callIds.take(callClass);
    const cancel = start(id);
    if (cancel === undefined) {
      vm.callIds.release(id);
      return this.#notStarted(callClass);
    }
    this.#inFlight.set(id, { cancel, bodyBytes });
    this.#bytesInFlight += bodyBytes;
    return { status: Status.OK, id };
  }

  #hasRoom(bodyBytes: number): boolean {
    const { upstreamCalls, upstreamBytes } = this.root.vm.limits;
    const tooMany = this.#inFlight.size >= upstreamCalls;
    if (!tooMany && this.#bytesInFlight + bodyBytes <= upstreamBytes) return true;
    const what = tooMany
      ? `${String(upstreamCalls)} calls are in flight, which is the limit (limits.upstreamCalls)`
      : `the bodies of the calls in flight would pass ${String(upstreamBytes)} bytes, which is the ` +
        'limit (limits.upstreamBytes)';
    this.warn(what);
    return false;
  }

  isInFlight(id: number): boolean {
    return this.#inFlight.has(id);
  }

  /** The call is over. False: it was already, so nothing is to be told of it. */
  finish(id: number): boolean {
    this.root.vm.callIds.release(id);
    this.#bytesInFlight -= this.#inFlight.get(id)?.bodyBytes ?? 0;
    return this.#inFlight.delete(id);
  }

  /** False: no such call. */
  cancel(id: number): boolean {
    const call = this.#inFlight.get(id);
    if (call === undefined) return false;
    this.finish(id);
    this.count(callClassOf(id), 'cancelled');
    call.cancel();
    return true;
  }

  /** One call more that came to this. */
  count(callClass: number, result: string): void {
    const type = callClass === CallClass.HTTP_CALL ? 'http' : 'grpc';
    this.root.instruments?.countUpstreamCall(type, result);
  }

  #notStarted(callClass: CallClass): CallStarted {
    this.count(callClass, 'not_started');
    return notStarted(Status.INTERNAL_FAILURE);
  }

  warn(text: string): void {
    this.root.log(LogLevel.WARN, text);
  }

  /** Runs guest code on the plugin context; the status's message lasts as long as that. */
  run(kind: CallbackKind, call: () => unknown): void {
    const { root } = this;
    const { vm, instruments } = root;
    instruments?.beginTimed(kind);
    vm.enter(root);
    try {
      call();
    } catch (error) {
      vm.trapped(error, root, CALLBACK_NAMES[kind] as string);
    } finally {
      vm.leave();
      root.lastStatus = { ...root.lastStatus, message: '' };
    }
  }

  #end(): void {
    this.#ended = true;
    for (const id of [...this.#inFlight.keys()]) this.cancel(id);
    this.root.settings.upstreams.close();
  }
}
