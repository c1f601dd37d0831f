import { CALLBACK_NAMES, CallbackKind } from '../abi/callback-kinds.js';
import { BufferType, Status, type LogLevel } from '../abi/types.js';
import {
  Context,
  type ForeignOutcome,
  type GuestBuffer,
  type PropertyValue,
  type ReadableHeaderMap,
  type RootContext,
} from '../vm/context.js';
import { runEvent } from '../vm/deferred.js';
import { TRAPPED, type Vm } from '../vm/vm.js';
import { BytesBuffer } from './bytes-buffer.js';
import { ownProperty } from './plugin-properties.js';
import type { PluginSettings } from './plugin-settings.js';
import type { CallbackInstruments } from './ports.js';
import { UpstreamCalls } from './upstream-calls.js';

/** The root context: one configured use of a module in one VM. */
export class PluginContext extends Context implements RootContext {
  readonly vm: Vm;
  readonly settings: PluginSettings;
  /** Counts its callbacks and its streams'; null: nothing is counted. */
  readonly instruments: CallbackInstruments | null;
  readonly #logPrefix: string;
  /** Stream contexts that live on it. */
  streams = 0;
  /** Local responses that its streams have sent. */
  localResponses = 0;
  /** Inside root `on_context_create` and `on_configure`: when the configuration can be read. */
  configuring = false;
  /** Waits for `proxy_done` after its `on_done` answered false. */
  #whenDone: (() => void) | undefined;

  /** Waits for the last stream's end. */
  #whenIdle: (() => void) | undefined;

  /** What a foreign function answered; there during the callback that tells of it. */
  #callData: GuestBuffer | undefined;
  /** What `proxy_get_status` tells; the message only inside the callback that it is about. */
  lastStatus: { readonly code: number; readonly message: string } = { code: 0, message: '' };
  readonly #calls: UpstreamCalls;
  readonly #declared = new Map<string, { readonly readOnly: boolean }>();
  readonly #cleanups: (() => void)[] = [];
  #ended = false;

  constructor(vm: Vm, settings: PluginSettings) {
    super(vm.nextContextId());
    this.vm = vm;
    this.settings = settings;
    this.instruments = settings.instruments;
    this.#logPrefix = joinPrefix([settings.rootId, vm.identity.vmId]);
    vm.contexts.set(this.id, this);
    this.#calls = new UpstreamCalls(this);
  }

  override get root(): this {
    return this;
  }

  override log(level: LogLevel, message: string): void {
    if (!this.vm.logLimit.take()) return;
    const { name, rootId, log } = this.settings;
    const { vmId } = this.vm.identity;
    const fields = { plugin: name, rootId, vmId, contextId: this.id };
    log.write(level, fields, `wasm log${this.#logPrefix}: ${message}`);
  }

  override logLevel(): LogLevel {
    return this.settings.log.level;
  }

  override buffer(type: number): GuestBuffer | undefined {
    if (type === BufferType.VM_CONFIGURATION)
      return new BytesBuffer(this.vm.identity.configuration);
    if (type === BufferType.PLUGIN_CONFIGURATION && this.configuring) {
      return new BytesBuffer(this.settings.configuration);
    }
    if (type === BufferType.CALL_DATA) return this.#callData;
    return type <= BufferType.UPSTREAM_DATA ? BytesBuffer.EMPTY : this.#calls.buffer(type);
  }

  override callStatus(): { code: number; message: string } {
    return this.lastStatus;
  }

  override property(path: readonly string[]): PropertyValue | undefined {
    return ownProperty(this.settings, this.vm, path) ?? this.settings.property(path);
  }

  /** Those of calls to upstreams; the others belong to streams. */
  override headerMap(type: number): ReadableHeaderMap | undefined {
    return this.#calls.headerMap(type);
  }

  override get calls(): UpstreamCalls {
    return this.#calls;
  }

  // --- callbacks -------------------------------------------------------------------------------

  /** `proxy_on_context_create(id, 0)`. False: it trapped. */
  onContextCreate(): boolean {
    this.configuring = true;
    try {
      const { onContextCreate } = this.vm.callbacks;
      return this.#call(CallbackKind.ON_CONTEXT_CREATE, onContextCreate, 0) !== TRAPPED;
    } finally {
      this.configuring = false;
    }
  }

  /** Answers what the guest did; 1 where it has no such callback. */
  onVmStart(): number {
    const { onVmStart } = this.vm.callbacks;
    return this.#call(CallbackKind.ON_VM_START, onVmStart, this.vm.identity.configuration.length);
  }

  /** Answers what the guest did; 1 where it has no such callback. */
  onConfigure(): number {
    this.configuring = true;
    try {
      const { onConfigure } = this.vm.callbacks;
      return this.#call(CallbackKind.ON_CONFIGURE, onConfigure, this.settings.configuration.length);
    } finally {
      this.configuring = false;
    }
  }

  /** Answers what the guest did (0: not done yet); 1 where it has no such callback. */
  onDone(): number {
    return this.#call(CallbackKind.ON_DONE, this.vm.callbacks.onDone, 0);
  }

  /** The last callback; the context is gone after it. */
  delete(): void {
    if (!this.vm.contexts.has(this.id)) return;
    this.end();
    this.#call(CallbackKind.ON_DELETE, this.vm.callbacks.onDelete, 0);
    this.vm.forget(this);
  }

  override vmFailed(): void {
    this.end();
  }

  #call(
    kind: CallbackKind,
    fn: ((a: number, b: number) => number) | null,
    argument: number,
  ): number {
    if (fn === null) return 1;
    const { vm } = this;
    this.instruments?.beginTimed(kind);
    vm.enter(this);
    try {
      return fn(this.id, argument);
    } catch (error) {
      return vm.trapped(error, this, CALLBACK_NAMES[kind] as string);
    } finally {
      vm.leave();
    }
  }

  // --- events ----------------------------------------------------------------------------------

  onTick(): void {
    runEvent(() => {
      if (!this.#ended) this.#call(CallbackKind.ON_TICK, this.vm.callbacks.onTick, 0);
    });
  }

  onQueueReady(queueId: number): void {
    runEvent(() => {
      if (!this.#ended)
        this.#call(CallbackKind.ON_QUEUE_READY, this.vm.callbacks.onQueueReady, queueId);
    });
  }

  onForeignFunction(context: Context, callId: number, outcome: ForeignOutcome): void {
    runEvent(() => {
      if (this.#ended || this.vm.contexts.get(context.id) !== context) return;
      this.#onForeignFunction(context, callId, outcome);
    });
  }

  #onForeignFunction(context: Context, callId: number, outcome: ForeignOutcome): void {
    const { vm } = this;
    const { onForeignFunction } = vm.callbacks;
    if (onForeignFunction === null) return;
    const bytes = 'result' in outcome ? outcome.result : NO_BYTES;
    this.#callData = new BytesBuffer(bytes);
    this.lastStatus = statusOf(outcome);
    this.instruments?.beginTimed(CallbackKind.ON_FOREIGN_FUNCTION);
    vm.enter(context);
    try {
      onForeignFunction(context.id, callId, bytes.length);
    } catch (error) {
      vm.trapped(error, context, 'proxy_on_foreign_function');
    } finally {
      vm.leave();
      this.#callData = undefined;
      this.lastStatus = { ...this.lastStatus, message: '' };
    }
  }

  // --- declared properties ---------------------------------------------------------------------

  declareProperty(name: string, readOnly: boolean): boolean {
    if (this.#declared.has(name) || this.#declared.size >= MAX_DECLARED) return false;
    this.#declared.set(name, { readOnly });
    return true;
  }

  /** Whether a stream's property may be set only once. */
  isReadOnly(name: string): boolean {
    return this.#declared.get(name)?.readOnly ?? false;
  }

  // --- its end ---------------------------------------------------------------------------------

  atEnd(cleanup: () => void): void {
    if (this.#ended) cleanup();
    else this.#cleanups.push(cleanup);
  }

  /** No event reaches the guest any more: timers stop, queues and calls forget this context. */
  end(): void {
    this.#ended = true;
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
  }

  // --- what is counted ---------------------------------------------------------------------------

  countTrap(): void {
    this.instruments?.countTrap();
  }

  /** How many of its streams wait for the guest. */
  get pausedStreams(): number {
    return this.vm.contexts.values().filter(({ root, paused }) => root === this && paused).length;
  }

  // --- streams ---------------------------------------------------------------------------------

  /** A stream context of this plugin has ended. */
  streamEnded(): void {
    this.streams -= 1;
    if (this.streams === 0) this.#whenIdle?.();
    this.vm.recycling?.requestEnded();
  }

  /** Resolves when no stream lives on this context; at once if none does. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
      if (this.streams === 0) resolve();
    });
  }

  // --- proxy_done ------------------------------------------------------------------------------

  /** `listener` runs when the guest calls `proxy_done`, inside that hostcall: it must defer. */
  awaitDone(listener: () => void): void {
    this.#whenDone = listener;
  }

  override done(): boolean {
    const listener = this.#whenDone;
    if (listener === undefined) return false;
    this.#whenDone = undefined;
    listener();
    return true;
  }
}

const NO_BYTES = new Uint8Array(0);

/** Properties that a plugin may declare. */
const MAX_DECLARED = 4096;

/** What `proxy_get_status` says of it: the only way to tell a failure from an empty result. */
function statusOf(outcome: ForeignOutcome): { code: number; message: string } {
  return 'result' in outcome
    ? { code: Status.OK, message: '' }
    : { code: Status.INTERNAL_FAILURE, message: outcome.error };
}

/** " a b" of the parts that are not empty, as Envoy's log prefix. @see abi.md 6.12 */
export function joinPrefix(parts: readonly string[]): string {
  return parts.map((part) => (part === '' ? '' : ` ${part}`)).join('');
}
