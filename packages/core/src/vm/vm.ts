/**
 * One WebAssembly instance: its memory, its contexts and whose turn it is. A VM runs guest code
 * only through {@link Vm.enter} and {@link Vm.leave}; what the guest throws ends the VM and is
 * never seen by the caller, who gets {@link TRAPPED}.
 */
import { Status, type AbiVersion } from '../abi/types.js';
import { messageOf, ProxyWasmError, type ErrorCode, type ErrorDetails } from '../errors.js';
import { CallIds } from './call-ids.js';
import { findCallbacks, type Callbacks } from './callbacks.js';
import { wallClockNs } from './clock.js';
import { ContextTable } from './context-table.js';
import type { Context } from './context.js';
import { withDeepStacks } from './deep-stacks.js';
import { guestEntered, guestReturned } from './deferred.js';
import { readGuestStack, type CodePlaces } from './guest-stack.js';
import type { HostcallHistory } from './hostcall-history.js';
import { DEFAULT_HOSTCALL_LIMITS, type HostcallLimits } from './hostcall-limits.js';
import { LogLimit } from './log-limit.js';
import { GuestMemory } from './memory.js';
import type { RecycleWatch } from './recycle-watch.js';
import type { TimeLimit } from './time-limit.js';
import type { CallTrace } from './trace/call-trace.js';

/** Result of a callback that trapped: no i32, so no guest can return it. */
export const TRAPPED = 0x1_0000_0000;

const NO_CALLBACKS = findCallbacks({});

export interface VmIdentity {
  /** `vm.id`, '' if none: the key of shared data and queues. */
  readonly vmId: string;
  readonly abiVersion: AbiVersion;
  /** `vm.configuration`, as bytes. */
  readonly configuration: Uint8Array;
  /** WASI environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Whether a hostcall or callback of that name may be used. */
  readonly allowed: (name: string) => boolean;
}

export class Vm {
  readonly identity: VmIdentity;
  readonly memory = new GuestMemory();
  /** Live contexts by id; id 0 (the VM's own) is not among them. */
  readonly contexts = new ContextTable();
  /** Ids of calls to upstreams. */
  readonly callIds = new CallIds();
  /** What may be called now: nothing once the VM has failed. */
  callbacks: Callbacks = NO_CALLBACKS;
  /** What the module exports, also after a failure. */
  exported: Callbacks = NO_CALLBACKS;
  /** The time that guests are told: nanoseconds since the Unix epoch. */
  nowNs: () => bigint = wallClockNs;
  /** Of what hostcalls take; to be set before the imports are made. */
  limits: HostcallLimits = DEFAULT_HOSTCALL_LIMITS;
  /** Of the lines that the guest logs, or has the host log. */
  logLimit = new LogLimit(false);
  /** Counts what it has served; undefined: it serves for ever. */
  recycling: RecycleWatch | undefined;
  /** undefined: guest code may take as long as it likes. */
  timeLimit: TimeLimit | undefined;
  /** Told of every call; undefined: nobody is, and nothing is in a call's way. */
  trace: CallTrace | undefined;
  /** What is known of places in the module's code. */
  places: CodePlaces = { offsets: undefined, lines: undefined };
  /** undefined: hostcalls are not recorded. To be set before the imports are made. */
  history: HostcallHistory | undefined;

  /** The context whose callback runs, or ran last if it lives. */
  current: Context;
  /** Why this VM is dead. Once set, no guest code of it ever runs again. */
  failure: ProxyWasmError | undefined;
  /** Called once, when the VM fails; no guest of this VM runs again after it. */
  onFailure: (error: ProxyWasmError) => void = () => undefined;

  readonly #own: Context;
  readonly #restricted: Context;
  #active: Context;
  #isRestricted = false;
  #allocate: ((sizeBytes: number) => number) | null = null;
  #lastContextId = 0;

  /**
   * @param own the VM's own context (id 0), current while no other is
   * @param restricted stands for the active context while only a few hostcalls are allowed: while
   *   the module starts and while its allocator runs
   */
  constructor(identity: VmIdentity, own: (vm: Vm) => Context, restricted: (vm: Vm) => Context) {
    this.identity = identity;
    this.#own = own(this);
    this.#restricted = restricted(this);
    this.current = this.#own;
    this.#active = this.#own;
  }

  /** Takes the instance's exports, before the module is started. */
  bind(exports: WebAssembly.Exports, memory: WebAssembly.Memory): void {
    this.memory.bind(memory);
    this.exported = findCallbacks(exports, this.identity.allowed);
    this.callbacks = this.exported;
    const allocate = exports['malloc'] ?? exports['proxy_on_memory_allocate'];
    this.#allocate = allocate as (sizeBytes: number) => number;
  }

  /** An id that no live context has. @see abi.md 1.4 */
  nextContextId(): number {
    this.#lastContextId = this.contexts.nextFreeId(this.#lastContextId);
    return this.#lastContextId;
  }

  /**
   * The context that hostcalls act on: the current one, unless an effective one was set, or only a
   * few hostcalls are allowed.
   */
  get active(): Context {
    return this.#isRestricted ? this.#restricted : this.#active;
  }

  /** Sets the effective context, until the callback returns. */
  set active(context: Context) {
    this.#active = context;
  }

  /**
   * Before guest code: `context` becomes current, the effective context is reset. A context that
   * was current before stays so without a write: to write a young object into an old one costs more
   * than the call into the guest.
   */
  enter(context: Context): void {
    guestEntered();
    if (this.#active === context && this.current === context) return;
    this.current = context;
    this.#active = context;
  }

  /** After guest code, however it ended. */
  leave(): void {
    guestReturned();
  }

  /** Before start functions and start sections: few hostcalls are allowed there. */
  enterStart(): void {
    guestEntered();
    this.#isRestricted = true;
  }

  leaveStart(): void {
    guestReturned();
    this.#isRestricted = this.failure !== undefined;
  }

  /** Takes the VM out of service. Safe to call again: the first failure counts. */
  fail(error: ProxyWasmError): void {
    if (this.failure !== undefined) return;
    this.failure = error;
    this.callbacks = NO_CALLBACKS;
    this.current.root?.countTrap();
    // A guest that is still on the stack gets nothing any more, and no time.
    this.#allocate = null;
    this.#isRestricted = true;
    this.timeLimit?.end();
    this.onFailure(error);
  }

  /** What a guest call's catch does: marks the VM dead, answers {@link TRAPPED}. */
  trapped(cause: unknown, context: Context, callback: string): typeof TRAPPED {
    if (this.failure !== undefined) return TRAPPED;
    const { timeLimit } = this;
    const where = `(context ${String(context.id)})`;
    const details = { contextId: context.id, callback, cause, ...this.evidence(cause) };
    this.fail(
      timeLimit?.isSpent === true
        ? new ProxyWasmError(
            'PW_ERR_CALLBACK_TIME',
            `${timeLimit.describe(callback)} ${where}`,
            details,
          )
        : new ProxyWasmError(
            'PW_ERR_CALLBACK_TRAPPED',
            `${callback} trapped ${where}: ${messageOf(cause)}`,
            details,
          ),
    );
    return TRAPPED;
  }

  /** What an error tells of how it came to it. `thrown` has the guest's stack. */
  evidence(thrown: unknown): Pick<ErrorDetails, 'guestStack' | 'hostcalls'> {
    return {
      guestStack: readGuestStack(thrown, this.places),
      hostcalls: this.history?.last(),
    };
  }

  /**
   * Ends the VM from inside a hostcall. Dead first, then to be thrown by the caller: a guest that
   * catches the exception gains nothing by it.
   */
  failHere(code: ErrorCode, message: string): ProxyWasmError {
    const here = withDeepStacks(() => new Error(message));
    const details = { contextId: this.current.id, ...this.evidence(here) };
    const error = new ProxyWasmError(code, message, details);
    error.stack = here.stack?.replace('Error', error.name) ?? '';
    this.fail(error);
    return error;
  }

  /** Forgets a context; if it was the effective one, hostcalls fall back to the current one. */
  forget(context: Context): void {
    this.contexts.delete(context.id);
    if (this.current === context) this.current = this.#own;
    if (this.#active === context) this.#active = this.current;
  }

  /**
   * Asks the guest for `sizeBytes` (never 0) and answers the address, or 0 where it has none: it
   * answered 0, a block outside its memory, or trapped.
   */
  allocate(sizeBytes: number): number {
    if (this.#allocate === null) return 0;
    const wasRestricted = this.#isRestricted;
    this.#isRestricted = true;
    try {
      const ptr = this.#allocate(sizeBytes) >>> 0;
      return this.memory.contains(ptr, sizeBytes) ? ptr : 0;
    } catch (error) {
      this.trapped(error, this.current, 'malloc');
      return 0;
    } finally {
      this.#isRestricted = wasRestricted || this.failure !== undefined;
    }
  }

  /** Hands a string (one byte per character) to the guest: address and size at the two out slots. */
  returnLatin1(text: string, returnPtr: number, returnSizePtr: number): Status {
    if (text.length === 0) return this.returnEmpty(returnPtr, returnSizePtr);
    const ptr = this.allocate(text.length);
    if (ptr === 0 || !this.memory.writeLatin1(ptr, text)) return Status.INVALID_MEMORY_ACCESS;
    return this.returnBlock(ptr, text.length, returnPtr, returnSizePtr);
  }

  returnBytes(bytes: Uint8Array, returnPtr: number, returnSizePtr: number): Status {
    if (bytes.length === 0) return this.returnEmpty(returnPtr, returnSizePtr);
    const ptr = this.allocate(bytes.length);
    if (ptr === 0 || !this.memory.writeBytes(ptr, bytes)) return Status.INVALID_MEMORY_ACCESS;
    return this.returnBlock(ptr, bytes.length, returnPtr, returnSizePtr);
  }

  /** An empty result: address 0, size 0, and the allocator is not asked (Go's panics on 0). */
  returnEmpty(returnPtr: number, returnSizePtr: number): Status {
    return this.returnBlock(0, 0, returnPtr, returnSizePtr);
  }

  /** Writes address and size of a block that the guest has been given. */
  returnBlock(ptr: number, size: number, returnPtr: number, returnSizePtr: number): Status {
    const { memory } = this;
    // Both or none: a hostcall that fails leaves what the guest had there.
    if (!memory.contains(returnSizePtr, 4) || !memory.writeU32(returnPtr, ptr)) {
      return Status.INVALID_MEMORY_ACCESS;
    }
    memory.writeU32(returnSizePtr, size);
    return Status.OK;
  }
}
