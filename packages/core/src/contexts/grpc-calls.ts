import { CallbackKind } from '../abi/callback-kinds.js';
import {
  GRPC_STATUS_NAMES,
  type GrpcListener,
  type GrpcRequest,
  type GrpcStream,
  type GrpcTarget,
} from '../abi/grpc-call.js';
import { parseGrpcService } from '../abi/grpc-service.js';
import { BufferType, LogLevel, MapType, Status } from '../abi/types.js';
import { messageOf } from '../errors.js';
import { CallClass, callClassOf } from '../vm/call-ids.js';
import { notStarted, type CallStarted, type GrpcCallPort } from '../vm/call-ports.js';
import type { GuestBuffer, ReadableHeaderMap } from '../vm/context.js';
import { runEvent } from '../vm/deferred.js';
import { BytesBuffer } from './bytes-buffer.js';
import { ReceivedEntries } from './received-entries.js';
import type { UpstreamCalls } from './upstream-calls.js';

/** Streams that the other side has closed are remembered until the guest closes them too. */
const MAX_HALF_CLOSED = 4096;

/**
 * Statuses by which a service answers, as 404 is an answer over HTTP: invalid argument, not found,
 * already exists, permission denied, failed precondition, aborted, out of range, unauthenticated.
 */
const ANSWERS: ReadonlySet<number> = new Set([3, 5, 6, 7, 9, 10, 11, 16]);

/** What a name or a serialized GrpcService leads to. */
interface Destination {
  readonly name: string;
  readonly target: GrpcTarget;
  readonly authority: string | undefined;
  readonly metadata: readonly string[];
}

interface OpenStream {
  readonly stream: GrpcStream;
  /** The guest has said that no more messages follow. */
  ended: boolean;
  /** It has closed its side; with the other side's end the id is gone. */
  closed: boolean;
}

/** gRPC calls and streams of a plugin context. */
export class GrpcCalls implements GrpcCallPort {
  readonly #calls: UpstreamCalls;
  readonly #streams = new Map<number, OpenStream>();
  readonly #closedByPeer = new Set<number>();
  /** Inside a callback: the one map or the message that it may read. */
  #metadata: { readonly type: number; readonly map: ReadableHeaderMap } | undefined;
  #message: GuestBuffer | undefined;

  constructor(calls: UpstreamCalls) {
    this.#calls = calls;
  }

  headerMap(type: number): ReadableHeaderMap | undefined {
    return this.#metadata?.type === type ? this.#metadata.map : undefined;
  }

  buffer(type: number): GuestBuffer | undefined {
    return type === BufferType.GRPC_RECEIVE_BUFFER ? this.#message : undefined;
  }

  // --- hostcalls -------------------------------------------------------------------------------

  call(
    upstream: Uint8Array,
    request: GrpcRequest,
    message: Uint8Array,
    timeoutMs: number,
  ): CallStarted {
    const destination = this.#find(upstream);
    if (typeof destination === 'number') return this.#refused(CallClass.GRPC_CALL, destination);
    return this.#start(CallClass.GRPC_CALL, message.length, (id) => {
      const { target } = destination;
      const asked = merge(request, destination);
      const listener = this.#callListener(id, nameOf(destination, request));
      const call = target.call(asked, message, timeoutMs, listener);
      return () => {
        call.cancel();
      };
    });
  }

  stream(upstream: Uint8Array, request: GrpcRequest): CallStarted {
    const destination = this.#find(upstream);
    if (typeof destination === 'number') return this.#refused(CallClass.GRPC_STREAM, destination);
    return this.#start(CallClass.GRPC_STREAM, 0, (id) => {
      const asked = merge(request, destination);
      const listener = this.#streamListener(id, nameOf(destination, request));
      const stream = destination.target.stream(asked, listener);
      this.#streams.set(id, { stream, ended: false, closed: false });
      return () => {
        this.#streams.delete(id);
        stream.cancel();
      };
    });
  }

  send(id: number, message: Uint8Array, endOfStream: boolean): Status {
    if (callClassOf(id) !== CallClass.GRPC_STREAM) return Status.BAD_ARGUMENT;
    // What is sent to a peer that has closed is lost, as it would be on the wire.
    if (this.#closedByPeer.has(id)) return Status.OK;
    const open = this.#streams.get(id);
    if (open === undefined || open.ended) return Status.NOT_FOUND;
    if (!open.stream.send(message)) {
      this.#calls.warn(
        `gRPC stream ${String(id)}: too much waits to be sent; a message is refused`,
      );
      return Status.INTERNAL_FAILURE;
    }
    if (endOfStream) endOf(open);
    return Status.OK;
  }

  cancel(id: number): Status {
    if (!isGrpc(id)) return Status.BAD_ARGUMENT;
    if (this.#closedByPeer.delete(id)) return Status.OK;
    return this.#calls.cancel(id) ? Status.OK : Status.NOT_FOUND;
  }

  close(id: number): Status {
    const open = this.#streams.get(id);
    if (open === undefined) return this.cancel(id);
    open.closed = true;
    endOf(open);
    return Status.OK;
  }

  // --- what comes back -------------------------------------------------------------------------

  #callListener(id: number, name: string): GrpcListener {
    return {
      initialMetadata: () => undefined,
      trailingMetadata: () => undefined,
      message: (bytes) => {
        runEvent(() => {
          if (!this.#calls.finish(id)) return;
          this.#calls.count(CallClass.GRPC_CALL, 'ok');
          this.#onMessage(id, bytes);
        });
      },
      closed: (status, text) => {
        runEvent(() => {
          if (!this.#calls.finish(id)) return;
          this.#over(CallClass.GRPC_CALL, name, status, text);
          this.#onClose(id, status, text);
        });
      },
    };
  }

  #streamListener(id: number, name: string): GrpcListener {
    const event = (action: () => void): void => {
      runEvent(() => {
        if (this.#calls.isInFlight(id)) action();
      });
    };
    return {
      initialMetadata: (entries) => {
        event(() => {
          this.#onInitialMetadata(id, entries);
        });
      },
      message: (bytes) => {
        event(() => {
          this.#onMessage(id, bytes);
        });
      },
      trailingMetadata: (entries) => {
        event(() => {
          this.#onTrailingMetadata(id, entries);
        });
      },
      closed: (status, text) => {
        event(() => {
          this.#streamClosed(id);
          this.#over(CallClass.GRPC_STREAM, name, status, text);
          this.#onClose(id, status, text);
        });
      },
    };
  }

  /** Counts how it ended, and says so where that was no success. */
  #over(callClass: CallClass, name: string, status: number, message: string): void {
    const result = GRPC_STATUS_NAMES[status] ?? 'unknown';
    this.#calls.count(callClass, result);
    if (status === 0) return;
    const level = ANSWERS.has(status) ? LogLevel.DEBUG : LogLevel.WARN;
    const what = callClass === CallClass.GRPC_CALL ? 'call' : 'stream';
    const text = `gRPC ${what} ${name} ended with status ${String(status)} (${result}): ${message}`;
    this.#calls.root.log(level, text);
  }

  #streamClosed(id: number): void {
    const closed = this.#streams.get(id)?.closed === true;
    this.#streams.delete(id);
    this.#calls.finish(id);
    if (closed) return;
    this.#closedByPeer.add(id);
    if (this.#closedByPeer.size <= MAX_HALF_CLOSED) return;
    const [oldest] = this.#closedByPeer;
    if (oldest !== undefined) this.#closedByPeer.delete(oldest);
  }

  // --- callbacks -------------------------------------------------------------------------------

  #onInitialMetadata(id: number, entries: readonly string[]): void {
    const { root } = this.#calls;
    const callback = root.vm.callbacks.onGrpcReceiveInitialMetadata;
    if (callback === null) return;
    const type = MapType.GRPC_RECEIVE_INITIAL_METADATA;
    this.#metadata = { type, map: new ReceivedEntries(entries) };
    this.#calls.run(CallbackKind.ON_GRPC_RECEIVE_INITIAL_METADATA, () =>
      callback(root.id, id, entries.length >> 1),
    );
    this.#metadata = undefined;
  }

  #onMessage(id: number, bytes: Uint8Array): void {
    const { root } = this.#calls;
    const callback = root.vm.callbacks.onGrpcReceive;
    if (callback === null) return;
    this.#message = new BytesBuffer(bytes);
    this.#calls.run(CallbackKind.ON_GRPC_RECEIVE, () => callback(root.id, id, bytes.length));
    this.#message = undefined;
  }

  #onTrailingMetadata(id: number, entries: readonly string[]): void {
    const { root } = this.#calls;
    const callback = root.vm.callbacks.onGrpcReceiveTrailingMetadata;
    if (callback === null) return;
    const type = MapType.GRPC_RECEIVE_TRAILING_METADATA;
    this.#metadata = { type, map: new ReceivedEntries(entries) };
    this.#calls.run(CallbackKind.ON_GRPC_RECEIVE_TRAILING_METADATA, () =>
      callback(root.id, id, entries.length >> 1),
    );
    this.#metadata = undefined;
  }

  #onClose(id: number, status: number, message: string): void {
    const { root } = this.#calls;
    const callback = root.vm.callbacks.onGrpcClose;
    root.lastStatus = { code: status, message };
    if (callback === null) return;
    this.#calls.run(CallbackKind.ON_GRPC_CLOSE, () => callback(root.id, id, status));
  }

  // --- where to --------------------------------------------------------------------------------

  /** A name that is given is a name; anything else is a GrpcService if it can be read as one. */
  #find(upstream: Uint8Array): Destination | Status {
    const text = Buffer.from(upstream).toString('utf8');
    const isName = this.#calls.root.settings.upstreams.has(text);
    const service = isName ? undefined : parseGrpcService(upstream);
    const name = service?.name ?? text;
    const found = this.#calls.find(name);
    if (found === undefined) {
      return service === undefined ? Status.PARSE_FAILURE : Status.BAD_ARGUMENT;
    }
    try {
      const target = found.grpc;
      if (target === undefined) {
        this.#calls.warn(`upstream ${JSON.stringify(name)} is a function: no gRPC can be called`);
        return Status.INTERNAL_FAILURE;
      }
      const metadata = service?.metadata ?? [];
      return { name, target, authority: service?.authority, metadata };
    } catch (error) {
      this.#calls.warn(`gRPC call to upstream ${JSON.stringify(name)}: ${messageOf(error)}`);
      return Status.INTERNAL_FAILURE;
    }
  }

  #refused(callClass: CallClass, status: Status): CallStarted {
    this.#calls.count(callClass, 'not_started');
    return notStarted(status);
  }

  #start(callClass: CallClass, bodyBytes: number, start: (id: number) => () => void): CallStarted {
    return this.#calls.start(callClass, bodyBytes, (id) => {
      try {
        return start(id);
      } catch (error) {
        this.#calls.warn(`a gRPC call could not be started: ${messageOf(error)}`);
        return undefined;
      }
    });
  }
}

function endOf(open: OpenStream): void {
  if (!open.ended) open.stream.end();
  open.ended = true;
}

/** "/service/method of upstream", for the log. */
function nameOf({ name }: Destination, { path }: GrpcRequest): string {
  return `${path} of upstream ${JSON.stringify(name)}`;
}

function isGrpc(id: number): boolean {
  const callClass = callClassOf(id);
  return callClass === CallClass.GRPC_CALL || callClass === CallClass.GRPC_STREAM;
}

function merge(request: GrpcRequest, { authority, metadata }: Destination): GrpcRequest {
  return { path: request.path, metadata: [...request.metadata, ...metadata], authority };
}
