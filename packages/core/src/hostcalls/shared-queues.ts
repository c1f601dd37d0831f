import { Status } from '../abi/types.js';
import type { HostServices } from '../services/host-services.js';
import type { Vm } from '../vm/vm.js';
import { complaint } from './complaint.js';

/**
 * Makes a queue of the own vm id, or finds it again with what is in it. From now on
 * `proxy_on_queue_ready` is called on this plugin's context, once for each message.
 *
 * - `namePtr`, `nameSize`: guest address and size of the queue's name
 * - `returnIdPtr`: guest address of u32 that receives the queue's id
 *
 * Allowed in every callback.
 *
 * - INTERNAL_FAILURE: as many queues as may be, or the store failed; the log says why
 * - INVALID_MEMORY_ACCESS: an address lies outside the memory
 *
 * Deviates: messages that came while the registrant's plugin had failed are told to the next one
 * that registers; Envoy tells nobody of them.
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_register_shared_queue
 */
export function registerSharedQueue(vm: Vm, { queueEvents }: HostServices) {
  const { memory, identity } = vm;
  const failed = complaint(vm, 'proxy_register_shared_queue');
  return (namePtr: number, nameSize: number, returnIdPtr: number): Status => {
    const { root } = vm.active;
    const name = memory.readLatin1(namePtr >>> 0, nameSize >>> 0);
    if (name === undefined || !memory.contains(returnIdPtr >>> 0, 4)) {
      return Status.INVALID_MEMORY_ACCESS;
    }
    if (root === undefined) return failed('no plugin has been started yet');
    try {
      const id = queueEvents.register(root, identity.vmId, name);
      if (id === 'full') return failed(`vm id "${identity.vmId}" has as many queues as may be`);
      memory.writeU32(returnIdPtr >>> 0, id);
      return Status.OK;
    } catch (error) {
      return failed(error);
    }
  };
}

/**
 * Finds a queue of any vm id, once somebody has registered it.
 *
 * - `vmIdPtr`, `vmIdSize`: guest address and size of the vm id; empty: the own one
 * - `namePtr`, `nameSize`: guest address and size of the queue's name
 * - `returnIdPtr`: guest address of u32 that receives the queue's id
 *
 * Allowed in every callback.
 *
 * - NOT_FOUND: no such queue; the log says so
 * - INTERNAL_FAILURE: the store failed; the log says why
 * - INVALID_MEMORY_ACCESS: an address lies outside the memory
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_resolve_shared_queue
 */
export function resolveSharedQueue(vm: Vm, { sharedState }: HostServices) {
  const { memory, identity } = vm;
  const failed = complaint(vm, 'proxy_resolve_shared_queue');
  return (
    vmIdPtr: number,
    vmIdSize: number,
    namePtr: number,
    nameSize: number,
    returnIdPtr: number,
  ): Status => {
    vm.active.ensureUnrestricted();
    const vmId = memory.readUtf8(vmIdPtr >>> 0, vmIdSize >>> 0);
    const name = memory.readLatin1(namePtr >>> 0, nameSize >>> 0);
    if (vmId === undefined || name === undefined) return Status.INVALID_MEMORY_ACCESS;
    try {
      const id = sharedState.resolveQueue(vmId === '' ? identity.vmId : vmId, name);
      if (id === undefined) return Status.NOT_FOUND;
      return memory.writeU32(returnIdPtr >>> 0, id) ? Status.OK : Status.INVALID_MEMORY_ACCESS;
    } catch (error) {
      return failed(error);
    }
  };
}

/**
 * Appends a message; its registrant hears of it once this callback has returned.
 *
 * - `queueId`: of a queue of any vm id
 * - `valuePtr`, `valueSize`: guest address and size of the message; copied
 *
 * Allowed in every callback.
 *
 * - NOT_FOUND: no such queue; the log says so
 * - INTERNAL_FAILURE: the queue is full, the message is larger than `limits.sharedDataBytes`, or the
 *   store failed; the log says why
 * - INVALID_MEMORY_ACCESS: the message lies outside the memory
 *
 * Deviates: Envoy's queues have no limits.
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_enqueue_shared_queue
 */
export function enqueueSharedQueue(vm: Vm, { sharedState }: HostServices) {
  const { memory, limits } = vm;
  const failed = complaint(vm, 'proxy_enqueue_shared_queue');
  return (queueId: number, valuePtr: number, valueSize: number): Status => {
    vm.active.ensureUnrestricted();
    const message = memory.copy(valuePtr >>> 0, valueSize >>> 0);
    if (message === undefined) return Status.INVALID_MEMORY_ACCESS;
    if (message.length > limits.sharedDataBytes) {
      return failed('the message is larger than limits.sharedDataBytes');
    }
    try {
      const result = sharedState.enqueue(queueId >>> 0, message);
      if (result === 'full') return failed(`queue ${String(queueId >>> 0)} is full`);
      return result === 'ok' ? Status.OK : failed(unknownQueue(queueId), Status.NOT_FOUND);
    } catch (error) {
      return failed(error);
    }
  };
}

/**
 * Takes the oldest message.
 *
 * - `queueId`: of a queue of any vm id
 * - `returnValuePtr`: guest address of u32 that receives the address of the message
 * - `returnValueSizePtr`: guest address of u32 that receives its size
 *
 * Allowed in every callback.
 *
 * - NOT_FOUND: no such queue
 * - EMPTY: no message waits
 * - INTERNAL_FAILURE: the store failed; the log says why
 * - INVALID_MEMORY_ACCESS: an address lies outside the memory, or the guest has no memory to give;
 *   the message is gone where only the latter was wrong
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_dequeue_shared_queue
 */
export function dequeueSharedQueue(vm: Vm, { sharedState }: HostServices) {
  const { memory } = vm;
  const failed = complaint(vm, 'proxy_dequeue_shared_queue');
  return (queueId: number, returnValuePtr: number, returnValueSizePtr: number): Status => {
    vm.active.ensureUnrestricted();
    // Looked at before a message is taken, which could not be put back.
    if (
      !memory.contains(returnValuePtr >>> 0, 4) ||
      !memory.contains(returnValueSizePtr >>> 0, 4)
    ) {
      return Status.INVALID_MEMORY_ACCESS;
    }
    let message;
    try {
      message = sharedState.dequeue(queueId >>> 0);
    } catch (error) {
      return failed(error);
    }
    if (message === 'not-found') return failed(unknownQueue(queueId), Status.NOT_FOUND);
    if (message === 'empty') return Status.EMPTY;
    return vm.returnBytes(message, returnValuePtr >>> 0, returnValueSizePtr >>> 0);
  };
}

function unknownQueue(queueId: number): string {
  return `there is no queue ${String(queueId >>> 0)}`;
}
