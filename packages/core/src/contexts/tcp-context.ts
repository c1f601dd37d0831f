import { CALLBACK_NAMES, CallbackKind } from '../abi/callback-kinds.js';
import { BufferType, StreamType, type LogLevel } from '../abi/types.js';
import type { UpstreamCallPorts } from '../vm/call-ports.js';
import {
  Context,
  type GuestBuffer,
  type PropertyValue,
  type ReadableHeaderMap,
  type SetPropertyResult,
} from '../vm/context.js';
import { TRAPPED, type Vm } from '../vm/vm.js';
import { joinPrefix, type PluginContext } from './plugin-context.js';
import { ownProperty } from './plugin-properties.js';
import type { ConnectionPort, DataPort } from './ports.js';

/**
 * One plugin's part of one TCP connection. Its callbacks answer what the guest did, 0 (Continue)
 * where the module has no such callback, and {@link TRAPPED} where it trapped.
 */
export class TcpContext extends Context {
  readonly vm: Vm;
  override readonly root: PluginContext;
  readonly #connection: ConnectionPort;
  readonly #downstream: DataPort;
  readonly #upstream: DataPort;

  constructor(
    root: PluginContext,
    connection: ConnectionPort,
    downstream: DataPort,
    upstream: DataPort,
  ) {
    super(root.vm.nextContextId());
    this.vm = root.vm;
    this.root = root;
    this.#connection = connection;
    this.#downstream = downstream;
    this.#upstream = upstream;
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

  onNewConnection(): number {
    const { vm } = this;
    const callback = vm.callbacks.onNewConnection;
    if (callback === null) return 0;
    this.root.instruments?.begin(CallbackKind.ON_NEW_CONNECTION);
    vm.enter(this);
    try {
      const result = callback(this.id);
      vm.leave();
      return vm.failure === undefined ? result : TRAPPED;
    } catch (error) {
      vm.leave();
      return vm.trapped(error, this, 'proxy_on_new_connection');
    }
  }

  onDownstreamData(sizeBytes: number, endOfStream: boolean): number {
    const { vm } = this;
    const callback = vm.callbacks.onDownstreamData;
    if (callback === null) return 0;
    this.root.instruments?.begin(CallbackKind.ON_DOWNSTREAM_DATA);
    vm.enter(this);
    try {
      const result = callback(this.id, sizeBytes, endOfStream ? 1 : 0);
      vm.leave();
      return vm.failure === undefined ? result : TRAPPED;
    } catch (error) {
      vm.leave();
      return vm.trapped(error, this, 'proxy_on_downstream_data');
    }
  }

  onUpstreamData(sizeBytes: number, endOfStream: boolean): number {
    const { vm } = this;
    const callback = vm.callbacks.onUpstreamData;
    if (callback === null) return 0;
    this.root.instruments?.begin(CallbackKind.ON_UPSTREAM_DATA);
    vm.enter(this);
    try {
      const result = callback(this.id, sizeBytes, endOfStream ? 1 : 0);
      vm.leave();
      return vm.failure === undefined ? result : TRAPPED;
    } catch (error) {
      vm.leave();
      return vm.trapped(error, this, 'proxy_on_upstream_data');
    }
  }

  /** `peer`: a PeerType, who closed. */
  onUpstreamConnectionClose(peer: number): void {
    const { onUpstreamConnectionClose } = this.vm.callbacks;
    this.#tell(CallbackKind.ON_UPSTREAM_CONNECTION_CLOSE, onUpstreamConnectionClose, peer);
  }

  /**
   * The last four callbacks, in Envoy's order for TCP: the client's connection has closed, done,
   * log, delete. After them neither guest nor VM know the context. What `on_done` answers is
   * ignored, as in Envoy. `peer`: a PeerType, who closed.
   */
  onClosed(peer: number): void {
    const { vm } = this;
    const { onDownstreamConnectionClose } = vm.callbacks;
    this.#tell(CallbackKind.ON_DOWNSTREAM_CONNECTION_CLOSE, onDownstreamConnectionClose, peer);
    // Looked up one by one: a VM that fails in one of them has no callbacks any more.
    this.#tell(CallbackKind.ON_DONE, vm.callbacks.onDone, 0);
    this.logging = true;
    this.#tell(CallbackKind.ON_LOG, vm.callbacks.onLog, 0);
    this.logging = false;
    this.#tell(CallbackKind.ON_DELETE, vm.callbacks.onDelete, 0);
    this.#forget();
  }

  #tell(
    kind: CallbackKind,
    callback: ((a: number, b: number) => number) | null,
    value: number,
  ): void {
    if (callback === null) return;
    const { vm } = this;
    this.root.instruments?.begin(kind);
    vm.enter(this);
    try {
      callback(this.id, value);
    } catch (error) {
      vm.trapped(error, this, CALLBACK_NAMES[kind] ?? '');
    } finally {
      vm.leave();
    }
  }

  /** Instead of all further callbacks, when the VM has failed. */
  override vmFailed(): void {
    if (this.#forget()) this.#connection.contextFailed(this);
  }

  #forget(): boolean {
    if (this.vm.contexts.get(this.id) !== this) return false;
    this.vm.forget(this);
    this.root.streamEnded();
    return true;
  }

  override get paused(): boolean {
    return this.#downstream.paused || this.#upstream.paused;
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
    return this.root.headerMap(type);
  }

  override buffer(type: number): GuestBuffer | undefined {
    if (type === BufferType.DOWNSTREAM_DATA) return this.#downstream.data;
    if (type === BufferType.UPSTREAM_DATA) return this.#upstream.data;
    return this.root.buffer(type);
  }

  override continueStream(type: number): void {
    if (type === StreamType.DOWNSTREAM) this.#downstream.resume();
    else if (type === StreamType.UPSTREAM) this.#upstream.resume();
  }

  /** Either direction closes the client's connection, as in Envoy; HTTP's are none of this stream. */
  override closeStream(type: number): void {
    if (type === StreamType.DOWNSTREAM || type === StreamType.UPSTREAM) this.#connection.close();
  }

  /** What the host knows wins over what a filter stored, which wins over what the app added. */
  override property(path: readonly string[]): PropertyValue | undefined {
    return (
      ownProperty(this.root.settings, this.vm, path) ??
      this.#connection.attribute(path) ??
      this.#connection.storedProperty(path) ??
      this.root.settings.property(path)
    );
  }

  override setProperty(path: string, value: Uint8Array): SetPropertyResult {
    const isSet = this.#connection.storedProperty(path.split('\0')) !== undefined;
    if (isSet && this.root.isReadOnly(path)) return 'read-only';
    return this.#connection.storeProperty(path, value, this.vm.limits.propertyBytes);
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
