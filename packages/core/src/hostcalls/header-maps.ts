import { areAllowedHeaders, isAllowedHeader, isConnectionHeader } from '../abi/header-syntax.js';
import { decodePairs, pairsText, pairsTextOffset } from '../abi/pairs.js';
import { AbiVersion, MapType, Status } from '../abi/types.js';
import type { Context, HeaderMap } from '../vm/context.js';
import { HEADER_WRITE_BYTES } from '../vm/hostcall-limits.js';
import type { Vm } from '../vm/vm.js';
import { complaint } from './complaint.js';

const NOT_ALLOWED = 'a name or value is none that HTTP allows';
const NOT_PAIRS = 'these are no pairs, so as in Envoy the map is empty now';

/**
 * Serializes entries (name, value, …) straight into the guest: the lengths one by one, the text in
 * one write, which is many times faster than string by string.
 */
function returnPairs(
  vm: Vm,
  entries: readonly string[],
  returnPtr: number,
  returnSizePtr: number,
): Status {
  const count = entries.length >> 1;
  if (count === 0) return vm.returnEmpty(returnPtr, returnSizePtr);
  const text = pairsText(entries);
  const textOffset = pairsTextOffset(count);
  const size = textOffset + text.length;
  const ptr = vm.allocate(size);
  if (ptr === 0) return Status.INVALID_MEMORY_ACCESS;
  const { memory } = vm;
  memory.writeU32(ptr, count);
  for (let index = 0, at = ptr + 4; index < entries.length; index += 1, at += 4) {
    memory.writeU32(at, (entries[index] as string).length);
  }
  memory.writeLatin1(ptr + textOffset, text);
  return vm.returnBlock(ptr, size, returnPtr, returnSizePtr);
}

/**
 * Reads a whole map: pairs in order, names lower-case, repeated names one by one.
 *
 * - `mapType`: a MapType
 * - `returnMapPtr`: guest address of u32 that receives the address of the pairs
 * - `returnMapSizePtr`: guest address of u32 that receives their size, bytes
 *
 * Allowed in every callback; a map that is empty or not there now is no bytes.
 *
 * - BAD_ARGUMENT: unknown map type
 * - INVALID_MEMORY_ACCESS: an address lies outside the memory, or the guest has no memory to give
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_header_map_pairs
 */
export function getHeaderMapPairs(vm: Vm) {
  return (mapType: number, returnMapPtr: number, returnMapSizePtr: number): Status => {
    if (mapType >>> 0 > MapType.HTTP_CALL_RESPONSE_TRAILERS) return Status.BAD_ARGUMENT;
    const map = vm.active.headerMap(mapType);
    if (map === undefined) return vm.returnEmpty(returnMapPtr >>> 0, returnMapSizePtr >>> 0);
    return returnPairs(vm, map.entries(), returnMapPtr >>> 0, returnMapSizePtr >>> 0);
  };
}

/**
 * Replaces a whole map. Malformed pairs are an empty list, as in Envoy: they clear the map.
 *
 * - `mapType`: a MapType
 * - `mapPtr`, `mapSize`: guest address and size of the pairs, at most `limits.pairsEntries` and
 *   `limits.pairsBytes`, which are 1024 and 1 MiB
 *
 * Allowed in the map's own callback and while its head is held.
 *
 * - BAD_ARGUMENT: unknown map type, a map that is not there or can't be changed now, a name or
 *   value that HTTP does not allow (the map is then as it was; the log says so)
 * - INTERNAL_FAILURE: the context has written more than `limits.headerBytes` into header maps
 * - INVALID_MEMORY_ACCESS: the pairs lie outside the memory
 *
 * What is written under a name that belongs to the connection is ignored: see `isConnectionHeader`.
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_set_header_map_pairs
 */
export function setHeaderMapPairs(vm: Vm) {
  const { memory } = vm;
  const isTooMuch = writeBudget(vm);
  const failed = complaint(vm, 'proxy_set_header_map_pairs');
  return (mapType: number, mapPtr: number, mapSize: number): Status => {
    if (mapType >>> 0 > MapType.HTTP_CALL_RESPONSE_TRAILERS) return Status.BAD_ARGUMENT;
    const bytes = memory.slice(mapPtr >>> 0, mapSize >>> 0);
    if (bytes === undefined) return Status.INVALID_MEMORY_ACCESS;
    const entries = decodePairs(bytes, vm.limits);
    if (!areAllowedHeaders(mapType, entries)) return failed(NOT_ALLOWED, Status.BAD_ARGUMENT);
    const context = vm.active;
    const map = context.mutableHeaderMap(mapType);
    if (map === undefined) return Status.BAD_ARGUMENT;
    if (isTooMuch(context, bytes.length + HEADER_WRITE_BYTES * (entries.length >> 1))) {
      return failed(FULL);
    }
    map.assign(withoutNewConnectionHeaders(map, entries));
    if (entries.length === 0 && bytes.some((byte) => byte !== 0))
      return failed(NOT_PAIRS, Status.OK);
    return Status.OK;
  };
}

const FULL = 'the context has written more than limits.headerBytes into header maps';

/** By what the guest itself writes: what a client sends must not bring a filter to its limit. */
function writeBudget(vm: Vm) {
  const { headerBytes } = vm.limits;
  return (context: Context, sizeBytes: number): boolean => {
    context.headerBytes += sizeBytes + HEADER_WRITE_BYTES;
    return context.headerBytes > headerBytes;
  };
}

/** Those that were there are kept: a guest may write back what it has read. */
function withoutNewConnectionHeaders(
  map: HeaderMap,
  entries: readonly string[],
): readonly string[] {
  const names = entries.filter((_, index) => index % 2 === 0);
  if (!names.some(isConnectionHeader)) return entries;
  const kept: string[] = [];
  for (const [index, name] of names.entries()) {
    const value = entries[2 * index + 1] as string;
    if (!isConnectionHeader(name) || map.values(name).includes(value)) kept.push(name, value);
  }
  return kept;
}

/**
 * Tells the size of a map: all names and values together, as in Envoy (the spec means the size of
 * the serialized pairs).
 *
 * - `mapType`: a MapType
 * - `returnSizePtr`: guest address of u32 that receives the size, bytes
 *
 * Allowed where the map can be changed.
 *
 * - BAD_ARGUMENT: unknown map type, or a map that is not there or can't be changed now
 * - INVALID_MEMORY_ACCESS: `returnSizePtr` lies outside the memory
 *
 * Deviates: asking for the size of trailers that are not there does not create them.
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_header_map_size
 */
export function getHeaderMapSize(vm: Vm) {
  const { memory } = vm;
  return (mapType: number, returnSizePtr: number): Status => {
    if (mapType >>> 0 > MapType.HTTP_CALL_RESPONSE_TRAILERS) return Status.BAD_ARGUMENT;
    const context = vm.active;
    if (context.headerMap(mapType) === undefined) return Status.BAD_ARGUMENT;
    const map = context.mutableHeaderMap(mapType);
    if (map === undefined) return Status.BAD_ARGUMENT;
    let size = 0;
    for (const text of map.entries()) size += text.length;
    return memory.writeU32(returnSizePtr >>> 0, size) ? Status.OK : Status.INVALID_MEMORY_ACCESS;
  };
}

/**
 * Reads the first value of a name.
 *
 * - `mapType`: a MapType
 * - `keyPtr`, `keySize`: guest address and size of the name, in any case
 * - `returnValuePtr`: guest address of u32 that receives the address of the value
 * - `returnValueSizePtr`: guest address of u32 that receives its size, bytes
 *
 * Allowed in every callback, for maps that are there.
 *
 * - BAD_ARGUMENT: unknown map type, or a map that is not there now (in `proxy_on_log`: as absent)
 * - NOT_FOUND: no such name (ABI 0.1.0: OK and an empty value)
 * - INVALID_MEMORY_ACCESS: an address lies outside the memory, or the guest has no memory to give
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_header_map_value
 */
export function getHeaderMapValue(vm: Vm) {
  const { memory } = vm;
  const emptyIfAbsent = vm.identity.abiVersion === AbiVersion.V0_1_0;
  return (
    mapType: number,
    keyPtr: number,
    keySize: number,
    returnValuePtr: number,
    returnValueSizePtr: number,
  ): Status => {
    if (mapType >>> 0 > MapType.HTTP_CALL_RESPONSE_TRAILERS) return Status.BAD_ARGUMENT;
    const name = memory.readName(keyPtr >>> 0, keySize >>> 0);
    if (name === undefined) return Status.INVALID_MEMORY_ACCESS;
    const context = vm.active;
    const map = context.headerMap(mapType);
    if (map === undefined && !context.logging) return Status.BAD_ARGUMENT;
    const value = map?.get(name);
    if (value !== undefined) {
      return vm.returnLatin1(value, returnValuePtr >>> 0, returnValueSizePtr >>> 0);
    }
    return emptyIfAbsent
      ? vm.returnEmpty(returnValuePtr >>> 0, returnValueSizePtr >>> 0)
      : Status.NOT_FOUND;
  };
}

/**
 * Appends an entry, beside others of that name.
 *
 * - `mapType`: a MapType
 * - `keyPtr`, `keySize`: guest address and size of the name, in any case
 * - `valuePtr`, `valueSize`: guest address and size of the value
 *
 * Allowed in the map's own callback and while its head is held; for trailers also in the body
 * callback that ends the stream, where it creates them.
 *
 * - BAD_ARGUMENT: unknown map type, a map that is not there or can't be changed now, a name or
 *   value that HTTP does not allow (the log says so)
 * - INTERNAL_FAILURE: the context has written more than `limits.headerBytes` into header maps
 * - INVALID_MEMORY_ACCESS: name or value lies outside the memory
 *
 * What is written under a name that belongs to the connection is ignored: see `isConnectionHeader`.
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_add_header_map_value
 */
export function addHeaderMapValue(vm: Vm) {
  const { memory } = vm;
  const isTooMuch = writeBudget(vm);
  const failed = complaint(vm, 'proxy_add_header_map_value');
  return (
    mapType: number,
    keyPtr: number,
    keySize: number,
    valuePtr: number,
    valueSize: number,
  ): Status => {
    if (mapType >>> 0 > MapType.HTTP_CALL_RESPONSE_TRAILERS) return Status.BAD_ARGUMENT;
    const name = memory.readName(keyPtr >>> 0, keySize >>> 0);
    const value = memory.readValue(valuePtr >>> 0, valueSize >>> 0);
    if (name === undefined || value === undefined) return Status.INVALID_MEMORY_ACCESS;
    if (!isAllowedHeader(mapType, name, value)) return failed(NOT_ALLOWED, Status.BAD_ARGUMENT);
    const context = vm.active;
    const map = context.mutableHeaderMap(mapType);
    if (map === undefined) return Status.BAD_ARGUMENT;
    if (isTooMuch(context, name.length + value.length)) return failed(FULL);
    if (!isConnectionHeader(name)) map.add(name, value);
    return Status.OK;
  };
}

/**
 * Sets the first entry of a name, or appends one.
 *
 * - `mapType`: a MapType
 * - `keyPtr`, `keySize`: guest address and size of the name, in any case
 * - `valuePtr`, `valueSize`: guest address and size of the value
 *
 * Allowed where `proxy_add_header_map_value` is.
 *
 * - BAD_ARGUMENT: unknown map type, a map that is not there or can't be changed now, a name or
 *   value that HTTP does not allow (the log says so)
 * - INTERNAL_FAILURE: the context has written more than `limits.headerBytes` into header maps
 * - INVALID_MEMORY_ACCESS: name or value lies outside the memory
 *
 * What is written under a name that belongs to the connection is ignored: see `isConnectionHeader`.
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_replace_header_map_value
 */
export function replaceHeaderMapValue(vm: Vm) {
  const { memory } = vm;
  const isTooMuch = writeBudget(vm);
  const failed = complaint(vm, 'proxy_replace_header_map_value');
  return (
    mapType: number,
    keyPtr: number,
    keySize: number,
    valuePtr: number,
    valueSize: number,
  ): Status => {
    if (mapType >>> 0 > MapType.HTTP_CALL_RESPONSE_TRAILERS) return Status.BAD_ARGUMENT;
    const name = memory.readName(keyPtr >>> 0, keySize >>> 0);
    const value = memory.readValue(valuePtr >>> 0, valueSize >>> 0);
    if (name === undefined || value === undefined) return Status.INVALID_MEMORY_ACCESS;
    if (!isAllowedHeader(mapType, name, value)) return failed(NOT_ALLOWED, Status.BAD_ARGUMENT);
    const context = vm.active;
    const map = context.mutableHeaderMap(mapType);
    if (map === undefined) return Status.BAD_ARGUMENT;
    if (isTooMuch(context, name.length + value.length)) return failed(FULL);
    if (!isConnectionHeader(name)) map.replace(name, value);
    return Status.OK;
  };
}

/**
 * Removes every entry of a name; that there is none is no error.
 *
 * - `mapType`: a MapType
 * - `keyPtr`, `keySize`: guest address and size of the name, in any case
 *
 * Allowed where `proxy_add_header_map_value` is.
 *
 * - BAD_ARGUMENT: unknown map type, or a map that is not there or can't be changed now
 * - INTERNAL_FAILURE: the context has written more than `limits.headerBytes` into header maps
 * - INVALID_MEMORY_ACCESS: the name lies outside the memory
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_remove_header_map_value
 */
export function removeHeaderMapValue(vm: Vm) {
  const { memory } = vm;
  const isTooMuch = writeBudget(vm);
  const failed = complaint(vm, 'proxy_remove_header_map_value');
  return (mapType: number, keyPtr: number, keySize: number): Status => {
    if (mapType >>> 0 > MapType.HTTP_CALL_RESPONSE_TRAILERS) return Status.BAD_ARGUMENT;
    const name = memory.readName(keyPtr >>> 0, keySize >>> 0);
    if (name === undefined) return Status.INVALID_MEMORY_ACCESS;
    const context = vm.active;
    const map = context.mutableHeaderMap(mapType);
    if (map === undefined) return Status.BAD_ARGUMENT;
    if (isTooMuch(context, name.length)) return failed(FULL);
    map.remove(name);
    return Status.OK;
  };
}
