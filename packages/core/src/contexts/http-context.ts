import { CallbackKind } from '../abi/callback-kinds.js';
import { BufferType, MapType, StreamType, type LogLevel } from '../abi/types.js';
import type { UpstreamCallPorts } from '../vm/call-ports.js';
import {
  Context,
  type GuestBuffer,
  type HeaderMap,
  type LocalResponse,
  type PropertyValue,
  type ReadableHeaderMap,
  type SetPropertyResult,
} from '../vm/context.js';
import { keepShape } from '../vm/kept-shape.js';
import { TRAPPED, type Vm } from '../vm/vm.js';
import { joinPrefix, type PluginContext } from './plugin-context.js';
import { ownProperty } from './plugin-properties.js';
import type { DirectionPort, ExchangePort } from './ports.js';

/**
 * One plugin's part of one HTTP exchange. Its callbacks answer what the guest did, 0 (Continue)
 * where the module has no such callback, and {@link TRAPPED} where it trapped. Each has a call
 * site of its own: V8 calls an export that a site always sees six times faster than a changing one.
 */
export class HttpContext extends Context {
  readonly vm: Vm;
  override readonly root: PluginContext;
  readonly #exchange: ExchangePort;
  readonly #request: DirectionPort;
  readonly #response: DirectionPort;
  #localResponseRequested = false;
  #localResponseSent = false;

  constructor(
    root: PluginContext,
    exchange: ExchangePort,
    request: DirectionPort,
    response: DirectionPort,
  ) {
    super(root.vm.nextContextId());
    this.vm = root.vm;
    this.root = root;
    this.#exchange = exchange;
    this.#request = request;
    this.#response = response;
  }

  // --- callbacks -------------------------------------------------------------------------------

  /** Makes the context known to the VM and to the guest. TRAPPED: it trapped. */
  onContextCreate(): number {
    const { vm, root } = this;
    vm.contexts.set(this.id, this);
    root.streams += 1;
    const callback = vm.callbacks.onContextCreate;
    if (callback === null) return 0;
    root.instruments?.begin(CallbackKind.ON_CONTEXT_CREATE);
    vm.enter(this);
    try {
      callback(this.id, root.id);
      vm.leave();
      return vm.failure === undefined ? 0 : TRAPPED;
    } catch (error) {
      vm.leave();
      return vm.trapped(error, this, 'proxy_on_context_create');
    }
  }

  onRequestHeaders(count: number, endOfStream: boolean): number {
    const { vm } = this;
    const { instruments } = this.root;
    const callback = vm.callbacks.onRequestHeaders;
    if (callback === null) return 0;
    instruments?.begin(CallbackKind.ON_REQUEST_HEADERS);
    vm.enter(this);
    try {
      const result = callback(this.id, count, endOfStream ? 1 : 0);
      vm.leave();
      return vm.failure === undefined ? result : TRAPPED;
    } catch (error) {
      vm.leave();
      return vm.trapped(error, this, 'proxy_on_request_headers');
    }
  }

  onRequestBody(sizeBytes: number, endOfStream: boolean): number {
    const { vm } = this;
    const { instruments } = this.root;
    const callback = vm.callbacks.onRequestBody;
    if (callback === null) return 0;
    instruments?.begin(CallbackKind.ON_REQUEST_BODY);
    vm.enter(this);
    try {
      const result = callback(this.id, sizeBytes, endOfStream ? 1 : 0);
      vm.leave();
      return vm.failure === undefined ? result : TRAPPED;
    } catch (error) {
      vm.leave();
      return vm.trapped(error, this, 'proxy_on_request_body');
    }
  }

  onRequestTrailers(count: number): number {
    const { vm } = this;
    const { instruments } = this.root;
    const callback = vm.callbacks.onRequestTrailers;
    if (callback === null) return 0;
    instruments?.begin(CallbackKind.ON_REQUEST_TRAILERS);
    vm.enter(this);
    try {
      const result = callback(this.id, count);
      vm.leave();
      return vm.failure === undefined ? result : TRAPPED;
    } catch (error) {
      vm.leave();
      return vm.trapped(error, this, 'proxy_on_request_trailers');
    }
  }

  onResponseHeaders(count: number, endOfStream: boolean): number {
    const { vm } = this;
    const { instruments } = this.root;
    const callback = vm.callbacks.onResponseHeaders;
    if (callback === null) return 0;
    instruments?.begin(CallbackKind.ON_RESPONSE_HEADERS);
    vm.enter(this);
    try {
      const result = callback(this.id, count, endOfStream ? 1 : 0);
      vm.leave();
      return vm.failure === undefined ? result : TRAPPED;
    } catch (error) {
      vm.leave();
      return vm.trapped(error, this, 'proxy_on_response_headers');
    }
  }

  onResponseBody(sizeBytes: number, endOfStream: boolean): number {
    const { vm } = this;
    const { instruments } = this.root;
    const callback = vm.callbacks.onResponseBody;
    if (callback === null) return 0;
    instruments?.begin(CallbackKind.ON_RESPONSE_BODY);
    vm.enter(this);
    try {
      const result = callback(this.id, sizeBytes, endOfStream ? 1 : 0);
      vm.leave();
      return vm.failure === undefined ? result : TRAPPED;
    } catch (error) {
      vm.leave();
      return vm.trapped(error, this, 'proxy_on_response_body');
    }
  }

  onResponseTrailers(count: number): number {
    const { vm } = this;
    const { instruments } = this.root;
    const callback = vm.callbacks.onResponseTrailers;
    if (callback === null) return 0;
    instruments?.begin(CallbackKind.ON_RESPONSE_TRAILERS);
    vm.enter(this);
    try {
      const result = callback(this.id, count);
      vm.leave();
      return vm.failure === undefined ? result : TRAPPED;
    } catch (error) {
      vm.leave();
      return vm.trapped(error, this, 'proxy_on_response_trailers');
    }
  }

  onLog(): void {
    const { vm } = this;
    const callback = vm.callbacks.onLog;
    if (callback === null) return;
    this.logging = true;
    this.root.instruments?.begin(CallbackKind.ON_LOG);
    vm.enter(this);
    try {
      callback(this.id);
    } catch (error) {
      vm.trapped(error, this, 'proxy_on_log');
    } finally {
      vm.leave();
      this.logging = false;
    }
  }

  /**
   * The last two callbacks; after them neither guest nor VM know the context. Envoy ignores what a
   * stream's `on_done` answers, and so do we.
   */
  onDoneAndDelete(): void {
    const { vm } = this;
    const { instruments } = this.root;
    const { onDone, onDelete } = vm.callbacks;
    let callback = 'proxy_on_done';
    vm.enter(this);
    try {
      if (onDone !== null) {
        instruments?.begin(CallbackKind.ON_DONE);
        onDone(this.id);
      }
      callback = 'proxy_on_delete';
      if (onDelete !== null && vm.failure === undefined) {
        instruments?.begin(CallbackKind.ON_DELETE);
        onDelete(this.id);
      }
      vm.leave();
    } catch (error) {
      vm.leave();
      vm.trapped(error, this, callback);
    }
    this.#forget();
  }

  /** Instead of all further callbacks, when the VM has failed: settles the stream as its plugin's policy says. */
  override vmFailed(): void {
    if (this.#forget()) this.#exchange.contextFailed(this);
  }

  #forget(): boolean {
    if (this.vm.contexts.get(this.id) !== this) return false;
    this.vm.forget(this);
    this.root.streamEnded();
    return true;
  }

  override get paused(): boolean {
    return this.#request.paused || this.#response.paused;
  }

  /** Whether the callback that has just returned asked for a local response; asking forgets it. */
  takeLocalResponseRequest(): boolean {
    const requested = this.#localResponseRequested;
    this.#localResponseRequested = false;
    return requested;
  }

  // --- what hostcalls ask ----------------------------------------------------------------------

  override log(level: LogLevel, message: string): void {
    if (!this.vm.logLimit.take()) return;
    const { name, rootId, log } = this.root.settings;
    const { vmId } = this.vm.identity;
    const fields = { plugin: name, rootId, vmId, contextId: this.id };
    log.write(level, fields, `wasm log${joinPrefix([name, rootId, vmId])}: ${message}`);
  }

  override logLevel(): LogLevel {
    return this.root.settings.log.level;
  }

  override headerMap(type: number): ReadableHeaderMap | undefined {
    if (type === MapType.HTTP_REQUEST_HEADERS) return this.#request.headers;
    if (type === MapType.HTTP_RESPONSE_HEADERS) return this.#response.headers;
    if (type === MapType.HTTP_REQUEST_TRAILERS) return this.#request.trailers;
    if (type === MapType.HTTP_RESPONSE_TRAILERS) return this.#response.trailers;
    return this.root.headerMap(type);
  }

  override mutableHeaderMap(type: number): HeaderMap | undefined {
    if (type === MapType.HTTP_REQUEST_HEADERS) return heldHeaders(this.#request);
    if (type === MapType.HTTP_RESPONSE_HEADERS) return heldHeaders(this.#response);
    if (type === MapType.HTTP_REQUEST_TRAILERS) return heldTrailers(this.#request);
    if (type === MapType.HTTP_RESPONSE_TRAILERS) return heldTrailers(this.#response);
    return undefined;
  }

  override buffer(type: number): GuestBuffer | undefined {
    if (type === BufferType.HTTP_REQUEST_BODY) return this.#request.body;
    if (type === BufferType.HTTP_RESPONSE_BODY) return this.#response.body;
    return this.root.buffer(type);
  }

  override continueStream(type: number): void {
    if (type === StreamType.HTTP_REQUEST) this.#request.resume();
    else if (type === StreamType.HTTP_RESPONSE) this.#response.resume();
  }

  override closeStream(): void {
    this.#exchange.close();
  }

  /** Only a context's first one counts, as in Envoy. */
  override sendLocalResponse(response: LocalResponse): void {
    if (this.vm.current === this) this.#localResponseRequested = true;
    if (this.#localResponseSent) return;
    this.#localResponseSent = true;
    this.root.localResponses += 1;
    this.#exchange.sendLocalResponse(response);
  }

  /** What the host knows wins over what a filter stored, which wins over what the app added. */
  override property(path: readonly string[]): PropertyValue | undefined {
    return (
      ownProperty(this.root.settings, this.vm, path) ??
      this.#exchange.attribute(path) ??
      this.#exchange.storedProperty(path) ??
      this.root.settings.property(path)
    );
  }

  override setProperty(path: string, value: Uint8Array): SetPropertyResult {
    if (
      this.root.isReadOnly(path) &&
      this.#exchange.storedProperty(path.split('\0')) !== undefined
    ) {
      return 'read-only';
    }
    return this.#exchange.storeProperty(path, value, this.vm.limits.propertyBytes);
  }

  override done(): boolean {
    return this.root.done();
  }

  override get calls(): UpstreamCallPorts {
    return this.root.calls;
  }

  override callStatus(): { code: number; message: string } {
    return this.root.callStatus();
  }
}

function heldHeaders(direction: DirectionPort): HeaderMap | undefined {
  return direction.headersHeld ? direction.headers : undefined;
}

function heldTrailers(direction: DirectionPort): HeaderMap | undefined {
  return direction.trailersHeld ? direction.trailers : direction.createTrailers();
}

const NO_ROOT = { vm: { nextContextId: () => 0 } } as PluginContext;
keepShape(new HttpContext(NO_ROOT, undefined as never, undefined as never, undefined as never));
