import { BufferType, Status } from '../abi/types.js';
import type { ReadableBuffer } from '../vm/context.js';
import type { Vm } from '../vm/vm.js';
import { complaint } from './complaint.js';

/** Copies [start, start + maxSize) of a buffer, as far as it reaches, straight into the guest. */
export function returnBuffer(
  vm: Vm,
  buffer: ReadableBuffer,
  start: number,
  maxSize: number,
  returnPtr: number,
  returnSizePtr: number,
): Status {
  const { length } = buffer;
  if (start >= length || maxSize === 0) return vm.returnEmpty(returnPtr, returnSizePtr);
  const size = Math.min(maxSize, length - start);
  const ptr = vm.allocate(size);
  const target = ptr === 0 ? undefined : vm.memory.slice(ptr, size);
  if (target === undefined) return Status.INVALID_MEMORY_ACCESS;
  buffer.copyTo(target, start, size);
  return vm.returnBlock(ptr, size, returnPtr, returnSizePtr);
}

/**
 * Copies a range of a buffer to the guest; what lies past the buffer's end is left out.
 *
 * - `bufferType`: a BufferType
 * - `start`, `maxSize`: the range, bytes
 * - `returnBufferPtr`: guest address of u32 that receives the address of the bytes
 * - `returnBufferSizePtr`: guest address of u32 that receives their size
 *
 * Allowed in every callback; each buffer has content in its own callbacks and while it is held.
 *
 * - BAD_ARGUMENT: unknown buffer type
 * - NOT_FOUND: the context has no such buffer now
 * - INVALID_MEMORY_ACCESS: an address lies outside the memory, or the guest has no memory to give
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_buffer_bytes
 */
export function getBufferBytes(vm: Vm) {
  return (
    bufferType: number,
    start: number,
    maxSize: number,
    returnBufferPtr: number,
    returnBufferSizePtr: number,
  ): Status => {
    if (bufferType >>> 0 > BufferType.CALL_DATA) return Status.BAD_ARGUMENT;
    const buffer = vm.active.buffer(bufferType);
    if (buffer === undefined) return Status.NOT_FOUND;
    return returnBuffer(
      vm,
      buffer,
      start >>> 0,
      maxSize >>> 0,
      returnBufferPtr >>> 0,
      returnBufferSizePtr >>> 0,
    );
  };
}

/**
 * Tells a buffer's size.
 *
 * - `bufferType`: a BufferType
 * - `returnSizePtr`: guest address of u32 that receives the size, bytes
 * - `returnFlagsPtr`: guest address of u32 that receives the flags: always 0, as in Envoy
 *
 * Allowed in every callback.
 *
 * - BAD_ARGUMENT: unknown buffer type
 * - NOT_FOUND: the context has no such buffer now
 * - INVALID_MEMORY_ACCESS: an address lies outside the memory
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_buffer_status
 */
export function getBufferStatus(vm: Vm) {
  return (bufferType: number, returnSizePtr: number, returnFlagsPtr: number): Status => {
    if (bufferType >>> 0 > BufferType.CALL_DATA) return Status.BAD_ARGUMENT;
    const buffer = vm.active.buffer(bufferType);
    if (buffer === undefined) return Status.NOT_FOUND;
    return vm.returnBlock(buffer.length, 0, returnSizePtr >>> 0, returnFlagsPtr >>> 0);
  };
}

/**
 * Changes a buffer: start 0 and size 0 prepends, start 0 replaces the first `size` bytes, start at
 * or past the end appends.
 *
 * - `bufferType`: a BufferType
 * - `start`, `size`: the range to replace, bytes
 * - `dataPtr`, `dataSize`: guest address and size of the new bytes; copied
 *
 * Allowed in body and data callbacks, and while the body is held.
 *
 * - BAD_ARGUMENT: unknown buffer type, a buffer that can't be changed now, or a range within it
 * - NOT_FOUND: the context has no such buffer now
 * - INTERNAL_FAILURE: the buffer would grow beyond `limits.bodyBytes`
 * - INVALID_MEMORY_ACCESS: the data lies outside the memory
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_set_buffer_bytes
 */
export function setBufferBytes(vm: Vm) {
  const { memory, limits } = vm;
  const failed = complaint(vm, 'proxy_set_buffer_bytes');
  return (
    bufferType: number,
    start: number,
    size: number,
    dataPtr: number,
    dataSize: number,
  ): Status => {
    if (bufferType >>> 0 > BufferType.CALL_DATA) return Status.BAD_ARGUMENT;
    const buffer = vm.active.buffer(bufferType);
    if (buffer === undefined) return Status.NOT_FOUND;
    if (!memory.contains(dataPtr >>> 0, dataSize >>> 0)) return Status.INVALID_MEMORY_ACCESS;
    if (dataSize >>> 0 > 0 && buffer.length + (dataSize >>> 0) > limits.bodyBytes) {
      const kept = start >>> 0 === 0 ? Math.max(0, buffer.length - (size >>> 0)) : buffer.length;
      if (kept + (dataSize >>> 0) > limits.bodyBytes) return failed('limits.bodyBytes is reached');
    }
    const data = memory.copy(dataPtr >>> 0, dataSize >>> 0);
    if (data === undefined) return Status.INVALID_MEMORY_ACCESS;
    return buffer.set(start >>> 0, size >>> 0, data) ? Status.OK : Status.BAD_ARGUMENT;
  };
}
