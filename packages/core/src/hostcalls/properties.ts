import { trimPropertyPath } from '../abi/property-path.js';
import { encodePropertyValue, isAscii } from '../abi/property-value.js';
import { Status } from '../abi/types.js';
import type { SetPropertyResult } from '../vm/context.js';
import type { Vm } from '../vm/vm.js';
import { complaint } from './complaint.js';

/**
 * Reads an attribute of the exchange, the plugin or the app, or a value that was set before.
 *
 * - `pathPtr`, `pathSize`: guest address and size of the path, segments joined by a zero byte
 * - `returnValuePtr`: guest address of u32 that receives the address of the value
 * - `returnValueSizePtr`: guest address of u32 that receives its size
 *
 * Allowed in every callback; what belongs to a stream is known in stream contexts only.
 *
 * - NOT_FOUND: no such property, or not known now
 * - SERIALIZATION_FAILURE: the path is empty, or the value has no byte form
 * - INVALID_MEMORY_ACCESS: an address lies outside the memory, or the guest has no memory to give
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_property
 */
export function getProperty(vm: Vm) {
  const { memory } = vm;
  return (
    pathPtr: number,
    pathSize: number,
    returnValuePtr: number,
    returnValueSizePtr: number,
  ): Status => {
    const path = memory.readPropertyPath(pathPtr >>> 0, pathSize >>> 0);
    if (path === undefined) return Status.INVALID_MEMORY_ACCESS;
    if (path.length === 0) return Status.SERIALIZATION_FAILURE;
    const value = vm.active.property(path);
    if (value === undefined) return Status.NOT_FOUND;
    if (typeof value === 'string' && isAscii(value)) {
      return vm.returnLatin1(value, returnValuePtr >>> 0, returnValueSizePtr >>> 0);
    }
    const bytes = encodePropertyValue(value);
    if (bytes === undefined) return Status.SERIALIZATION_FAILURE;
    return vm.returnBytes(bytes, returnValuePtr >>> 0, returnValueSizePtr >>> 0);
  };
}

const SET_STATUS: Record<SetPropertyResult, Status> = {
  ok: Status.OK,
  'no-stream': Status.NOT_FOUND,
  'read-only': Status.BAD_ARGUMENT,
  full: Status.INTERNAL_FAILURE,
};

/**
 * Keeps a value for the rest of the exchange, for every plugin of its chain and for the app.
 *
 * - `pathPtr`, `pathSize`: guest address and size of the path, segments joined by a zero byte
 * - `valuePtr`, `valueSize`: guest address and size of the value; copied
 *
 * Allowed in every callback of a stream context.
 *
 * - NOT_FOUND: the context has no stream
 * - BAD_ARGUMENT: the property can't be changed
 * - INTERNAL_FAILURE: the exchange's properties would come to more than `limits.propertyBytes`
 * - INVALID_MEMORY_ACCESS: path or value lies outside the memory
 *
 * Deviates: a path of several segments can be read back; Envoy finds it by its first segment only.
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_set_property
 */
export function setProperty(vm: Vm) {
  const { memory } = vm;
  const failed = complaint(vm, 'proxy_set_property');
  return (pathPtr: number, pathSize: number, valuePtr: number, valueSize: number): Status => {
    const path = memory.readUtf8(pathPtr >>> 0, pathSize >>> 0);
    const value = memory.copy(valuePtr >>> 0, valueSize >>> 0);
    if (path === undefined || value === undefined) return Status.INVALID_MEMORY_ACCESS;
    const result = vm.active.setProperty(trimPropertyPath(path), value);
    if (result === 'full') failed('limits.propertyBytes is reached');
    return SET_STATUS[result];
  };
}
