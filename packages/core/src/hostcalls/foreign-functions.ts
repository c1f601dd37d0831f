import { AbiVersion, LogLevel, Status } from '../abi/types.js';
import { messageOf } from '../errors.js';
import type { ForeignFunction } from '../options.js';
import { ForeignFailure } from '../services/foreign/caller.js';
import type { HostServices } from '../services/host-services.js';
import type { Context } from '../vm/context.js';
import type { Vm } from '../vm/vm.js';
import { complaint } from './complaint.js';
import { GuestCaller } from './foreign-caller.js';

type Answer = ReturnType<ForeignFunction>;

/**
 * Calls a function that the app or the host adds to the ABI.
 *
 * One that answers at once gives its result here. One that answers later (with a promise) gives the
 * id of the call, 4 bytes little-endian; then `proxy_on_foreign_function(context, id, size)` tells
 * the context that called of the result, which is in buffer 8 (CallData). A failure is size 0, and
 * `proxy_get_status` answers 10 with the error's message until that callback returns. Nobody is told
 * where the context has ended meanwhile.
 *
 * - `namePtr`, `nameSize`: guest address and size of the function's name
 * - `argumentPtr`, `argumentSize`: guest address and size of its argument; copied
 * - `returnPtr`: guest address of u32 that receives the address of the result; 0: none is wanted
 * - `returnSizePtr`: guest address of u32 that receives its size; 0: none is wanted
 *
 * Allowed in every callback.
 *
 * - NOT_FOUND: no such function
 * - INTERNAL_FAILURE: the function threw, or answers later and the module can not be told (ABI 0.1.0,
 *   or no `proxy_on_foreign_function`); the log says why
 * - INVALID_MEMORY_ACCESS: an address lies outside the memory, or the guest has no memory to give
 * - others: as the function says; the result is empty then
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_call_foreign_function
 */
export function callForeignFunction(vm: Vm, { foreignFunctions }: HostServices) {
  const { memory } = vm;
  const complaints = new Map<string, ReturnType<typeof complaint>>();
  const calls = new ForeignCalls(vm);
  return (
    namePtr: number,
    nameSize: number,
    argumentPtr: number,
    argumentSize: number,
    returnPtr: number,
    returnSizePtr: number,
  ): Status => {
    const context = vm.active;
    context.ensureUnrestricted();
    const name = memory.readUtf8(namePtr >>> 0, nameSize >>> 0);
    const argument = memory.copy(argumentPtr >>> 0, argumentSize >>> 0);
    if (name === undefined || argument === undefined) return Status.INVALID_MEMORY_ACCESS;
    const run = foreignFunctions.find(name);
    if (run === undefined) return Status.NOT_FOUND;
    const result = new ResultSlots(vm, returnPtr >>> 0, returnSizePtr >>> 0);
    if (!result.isValid) return Status.INVALID_MEMORY_ACCESS;
    const failed = complaints.get(name) ?? complaint(vm, `foreign function ${name}`);
    complaints.set(name, failed);
    vm.timeLimit?.begin();
    try {
      const answer = run(argument, new GuestCaller(vm, context));
      return result.give(isPromise(answer) ? calls.start(context, name, answer) : toBytes(answer));
    } catch (error) {
      result.giveNothing();
      return failed(error, error instanceof ForeignFailure ? error.status : undefined);
    } finally {
      vm.timeLimit?.hurry();
    }
  };
}

/** Where the guest wants address and size of a result; it may want neither. */
class ResultSlots {
  readonly #vm: Vm;
  readonly #ptr: number;
  readonly #sizePtr: number;

  constructor(vm: Vm, ptr: number, sizePtr: number) {
    this.#vm = vm;
    this.#ptr = ptr;
    this.#sizePtr = sizePtr;
  }

  get isValid(): boolean {
    const { memory } = this.#vm;
    return [this.#ptr, this.#sizePtr].every((ptr) => ptr === 0 || memory.contains(ptr, 4));
  }

  give(bytes: Uint8Array): Status {
    // A block whose address nobody learns would be lost to the guest.
    if (this.#ptr !== 0 && this.#sizePtr !== 0) {
      return this.#vm.returnBytes(bytes, this.#ptr, this.#sizePtr);
    }
    this.#write(0, this.#ptr === 0 ? bytes.length : 0);
    return Status.OK;
  }

  /** As Envoy: a call that failed has an empty result. */
  giveNothing(): void {
    this.#write(0, 0);
  }

  #write(ptr: number, size: number): void {
    const { memory } = this.#vm;
    if (this.#ptr !== 0) memory.writeU32(this.#ptr, ptr);
    if (this.#sizePtr !== 0) memory.writeU32(this.#sizePtr, size);
  }
}

/** The calls of one VM whose answer comes later. */
class ForeignCalls {
  readonly #vm: Vm;
  #lastId = 0;
  #inFlight = 0;

  constructor(vm: Vm) {
    this.#vm = vm;
  }

  /**
   * Has the context told when the promise has settled.
   *
   * @returns what the guest gets now: the call's id
   * @throws Error where it could not be told
   */
  start(context: Context, name: string, answer: Promise<Awaited<Answer>>): Uint8Array {
    const settled = Promise.resolve(answer).then((value) => ({ result: toBytes(value) }));
    const { root } = context;
    if (root === undefined || !this.#canBeTold) {
      settled.catch(() => undefined);
      throw new Error('it answers later, and the module has no proxy_on_foreign_function');
    }
    if (this.#inFlight >= this.#vm.limits.upstreamCalls) {
      settled.catch(() => undefined);
      throw new Error('as many calls are in flight as may be (limits.upstreamCalls)');
    }
    this.#inFlight += 1;
    this.#lastId = (this.#lastId + 1) >>> 0;
    const id = this.#lastId;
    void settled
      .catch((error: unknown) => {
        const text = `foreign function ${name} failed: ${messageOf(error)}; the guest gets size 0`;
        context.log(LogLevel.WARN, text);
        return { error: messageOf(error) };
      })
      .then((outcome) => {
        this.#inFlight -= 1;
        root.onForeignFunction(context, id, outcome);
      });
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(id);
    return bytes;
  }

  get #canBeTold(): boolean {
    const { identity, callbacks } = this.#vm;
    return identity.abiVersion !== AbiVersion.V0_1_0 && callbacks.onForeignFunction !== null;
  }
}

function isPromise(answer: Answer): answer is Promise<Awaited<Answer>> {
  return typeof (answer as { then?: unknown } | undefined)?.then === 'function';
}

function toBytes(answer: Awaited<Answer>): Uint8Array {
  if (answer === undefined) return new Uint8Array(0);
  if (typeof answer === 'string') return Buffer.from(answer, 'utf8');
  if (answer instanceof Uint8Array) return answer;
  throw new TypeError('it answered neither bytes nor text nor undefined');
}
