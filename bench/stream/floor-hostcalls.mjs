/* eslint-disable max-params -- the ABI sets how many these have */
/** The cheapest hostcalls that the example filters work with. */
import { review } from './floor-memory.mjs';

/** @typedef {import('./floor-memory.mjs').Floor} Floor */

const OK = 0;
const NOT_FOUND = 1;
const REQUEST_HEADERS = 0;
const PLUGIN_CONFIGURATION = 7;

/** Below this many characters a loop is faster than the call into Node's C++. */
const LOOP_CHARACTERS = 26;

/**
 * @param {Floor} floor
 * @returns {Record<string, WebAssembly.ImportValue>}
 */
export function floorHostcalls(floor) {
  return {
    // Dropped by level on both sides.
    proxy_log: () => OK,
    proxy_set_effective_context: () => OK,
    proxy_get_header_map_value: getValue(floor),
    proxy_add_header_map_value: addValue(floor),
    proxy_replace_header_map_value: replaceValue(floor),
    proxy_remove_header_map_value: removeValue(floor),
    proxy_get_header_map_pairs: getPairs(floor),
    proxy_get_buffer_bytes: getBufferBytes(floor),
  };
}

/** @param {Floor} floor @param {number} type */
function listOf(floor, type) {
  return type === REQUEST_HEADERS ? floor.request : floor.response;
}

/** @param {readonly string[]} list @param {string} name */
function find(list, name) {
  for (let index = 0; index < list.length; index += 2) if (list[index] === name) return index;
  return -1;
}

/**
 * Guests pass the same short texts again and again, most of all names of headers. One that was seen is
 * found by its first and last bytes and compared by fours: half the price of making the string.
 *
 * @typedef {{ size: number, words: Int32Array, text: string }} KnownText
 */

const KNOWN_SLOTS = 256;
const KNOWN_SIZE = 64;

/** @type {(KnownText | undefined)[]} */
const known = new Array(KNOWN_SLOTS).fill(undefined);

/** Of one to three bytes, which are the key themselves. */
const tinyKeys = new Int32Array(KNOWN_SLOTS);
const tinyTexts = new Array(KNOWN_SLOTS).fill('');

/** @param {Floor} floor @param {number} ptr @param {number} size */
function read(floor, ptr, size) {
  review(floor);
  if (size < 4) return readTiny(floor, ptr, size);
  if (size > KNOWN_SIZE) return floor.bytes.latin1Slice(ptr, ptr + size);
  const { view } = floor;
  const ends = view.getInt32(ptr, true) ^ Math.imul(view.getInt32(ptr + size - 4, true), 31);
  const slot = Math.imul(ends ^ size, 0x9e3779b1) >>> 24;
  const candidate = known[slot];
  if (candidate !== undefined && candidate.size === size && holds(view, ptr, candidate)) {
    return candidate.text;
  }
  return learn(floor, ptr, size, slot);
}

/** @param {DataView} view @param {number} ptr @param {KnownText} text */
function holds(view, ptr, { size, words }) {
  const last = size - 4;
  for (let at = 0; at < last; at += 4) {
    if (view.getInt32(ptr + at, true) !== words[at >> 2]) return false;
  }
  return view.getInt32(ptr + last, true) === words[(last + 3) >> 2];
}

/** @param {Floor} floor @param {number} ptr @param {number} size @param {number} slot */
function learn({ bytes, view }, ptr, size, slot) {
  const text = bytes.latin1Slice(ptr, ptr + size);
  const last = size - 4;
  const words = new Int32Array(((last + 3) >> 2) + 1);
  for (let at = 0; at < last; at += 4) words[at >> 2] = view.getInt32(ptr + at, true);
  words[(last + 3) >> 2] = view.getInt32(ptr + last, true);
  known[slot] = { size, words, text };
  return text;
}

/** @param {Floor} floor @param {number} ptr @param {number} size */
function readTiny({ bytes }, ptr, size) {
  if (size === 0) return '';
  let key = (size << 24) | (bytes[ptr] ?? 0);
  if (size > 1) key |= (bytes[ptr + 1] ?? 0) << 8;
  if (size > 2) key |= (bytes[ptr + 2] ?? 0) << 16;
  const slot = Math.imul(key, 0x9e3779b1) >>> 24;
  if (tinyKeys[slot] !== key) {
    tinyKeys[slot] = key;
    tinyTexts[slot] = bytes.latin1Slice(ptr, ptr + size);
  }
  return /** @type {string} */ (tinyTexts[slot]);
}

/** @param {Floor} floor @param {number} size the guest gets a block of that size */
function allocate(floor, size) {
  const ptr = floor.allocate(size);
  review(floor);
  return ptr;
}

/** @param {Floor} floor @param {number} ptr @param {string} text */
function write({ bytes }, ptr, text) {
  const { length } = text;
  if (length > LOOP_CHARACTERS) bytes.latin1Write(text, ptr, length);
  else for (let index = 0; index < length; index += 1) bytes[ptr + index] = text.charCodeAt(index);
}

/** @param {Floor} floor @returns {(...values: number[]) => number} */
function getValue(floor) {
  return (type, keyPtr, keySize, returnPtr, returnSizePtr) => {
    const list = listOf(floor, type);
    const index = find(list, read(floor, keyPtr, keySize));
    if (index < 0) return NOT_FOUND;
    const value = list[index + 1] ?? '';
    const ptr = value.length === 0 ? 0 : allocate(floor, value.length);
    write(floor, ptr, value);
    floor.view.setUint32(returnPtr, ptr, true);
    floor.view.setUint32(returnSizePtr, value.length, true);
    return OK;
  };
}

/** @param {Floor} floor @returns {(...values: number[]) => number} */
function addValue(floor) {
  return (type, keyPtr, keySize, valuePtr, valueSize) => {
    const name = read(floor, keyPtr, keySize);
    listOf(floor, type).push(name, read(floor, valuePtr, valueSize));
    return OK;
  };
}

/** @param {Floor} floor @returns {(...values: number[]) => number} */
function replaceValue(floor) {
  return (type, keyPtr, keySize, valuePtr, valueSize) => {
    const list = listOf(floor, type);
    const name = read(floor, keyPtr, keySize);
    const value = read(floor, valuePtr, valueSize);
    const index = find(list, name);
    if (index < 0) list.push(name, value);
    else list[index + 1] = value;
    return OK;
  };
}

/** @param {Floor} floor @returns {(...values: number[]) => number} */
function removeValue(floor) {
  return (type, keyPtr, keySize) => {
    const list = listOf(floor, type);
    const index = find(list, read(floor, keyPtr, keySize));
    if (index >= 0) list.splice(index, 2);
    return OK;
  };
}

/** @param {Floor} floor @returns {(...values: number[]) => number} */
function getPairs(floor) {
  return (type, returnPtr, returnSizePtr) => {
    const list = listOf(floor, type);
    let text = '';
    for (const entry of list) text += `${entry}\0`;
    const textOffset = 4 + list.length * 4;
    const ptr = allocate(floor, textOffset + text.length);
    const { view } = floor;
    view.setUint32(ptr, list.length >> 1, true);
    for (let index = 0; index < list.length; index += 1) {
      view.setUint32(ptr + 4 + index * 4, list[index]?.length ?? 0, true);
    }
    write(floor, ptr + textOffset, text);
    view.setUint32(returnPtr, ptr, true);
    view.setUint32(returnSizePtr, textOffset + text.length, true);
    return OK;
  };
}

/** Only while the plugin is configured. @param {Floor} floor @returns {(...values: number[]) => number} */
function getBufferBytes(floor) {
  return (type, _start, _size, returnPtr, returnSizePtr) => {
    if (type !== PLUGIN_CONFIGURATION) return NOT_FOUND;
    const { configuration } = floor;
    const ptr = configuration.length === 0 ? 0 : allocate(floor, configuration.length);
    review(floor);
    floor.bytes.set(configuration, ptr);
    floor.view.setUint32(returnPtr, ptr, true);
    floor.view.setUint32(returnSizePtr, configuration.length, true);
    return OK;
  };
}
