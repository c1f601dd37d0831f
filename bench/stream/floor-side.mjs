/**
 * The floor: the same module driven by hand, with no more around it than it takes to work. What a
 * host costs is told by its distance from this. Not a host: it checks nothing, and knows only what
 * the example filters call.
 */
import { floorHostcalls } from './floor-hostcalls.mjs';
import { createFloor, review } from './floor-memory.mjs';
import { floorWasi, PROCESS_EXITED } from './floor-wasi.mjs';
import { PSEUDO_HEADERS, RAW_REQUEST_HEADERS, RESPONSE_HEADERS } from './messages.mjs';

/** @typedef {import('./floor-memory.mjs').Floor} Floor */
/** @typedef {(...values: number[]) => number} Export */

/** What the host makes of the raw headers is given to the floor as it should be. */
const [, host = '', ...others] = RAW_REQUEST_HEADERS;
const REQUEST = [
  ...[':authority', host],
  ...PSEUDO_HEADERS,
  ...others.map((text, index) => (index % 2 === 0 ? text.toLowerCase() : text)),
];

/**
 * @param {Uint8Array<ArrayBuffer>} code
 * @param {string} [configuration]
 * @returns {{ floor: Floor, run: () => void }} `run` runs one whole stream
 */
export function floorSide(code, configuration = '') {
  const module = new WebAssembly.Module(code);
  const floor = createFloor();
  floor.configuration = Buffer.from(configuration);
  const { exports } = new WebAssembly.Instance(module, importsOf(module, floor));
  start(floor, /** @type {Record<string, any>} */ (exports));
  return { floor, run: streamOf(floor, /** @type {Record<string, any>} */ (exports)) };
}

/**
 * @param {WebAssembly.Module} module
 * @param {Floor} floor
 * @returns {WebAssembly.Imports}
 */
function importsOf(module, floor) {
  /** @type {Record<string, Record<string, WebAssembly.ImportValue>>} */
  const imports = {};
  const families = [floorHostcalls(floor), floorWasi(floor)];
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    const family = families[from === 'env' ? 0 : 1] ?? {};
    imports[from] ??= {};
    imports[from][name] =
      family[name] ??
      (() => {
        throw new Error(`the floor has no ${from}.${name}`);
      });
  }
  return imports;
}

/**
 * @param {Floor} floor
 * @param {Record<string, any>} exports
 */
function start(floor, exports) {
  floor.memory = exports['memory'];
  floor.allocate = exports['malloc'] ?? exports['proxy_on_memory_allocate'];
  review(floor);
  try {
    (exports['_initialize'] ?? exports['_start'])?.();
  } catch (error) {
    if (error !== PROCESS_EXITED) throw error;
  }
  exports['proxy_on_context_create']?.(1, 0);
  exports['proxy_on_vm_start']?.(1, 0);
  exports['proxy_on_configure']?.(1, floor.configuration.length);
}

/**
 * @param {Floor} floor
 * @param {Record<string, Export | undefined>} exports
 * @returns {() => void}
 */
function streamOf(floor, exports) {
  const {
    proxy_on_context_create: onContextCreate,
    proxy_on_request_headers: onRequestHeaders,
    proxy_on_response_headers: onResponseHeaders,
    proxy_on_log: onLog,
    proxy_on_done: onDone,
    proxy_on_delete: onDelete,
  } = exports;
  let id = 1;
  return () => {
    id += 1;
    floor.request = REQUEST.slice();
    floor.response = RESPONSE_HEADERS.slice();
    if (onContextCreate !== undefined) onContextCreate(id, 1);
    if (onRequestHeaders !== undefined) onRequestHeaders(id, floor.request.length >> 1, 1);
    if (onResponseHeaders !== undefined) onResponseHeaders(id, floor.response.length >> 1, 1);
    if (onLog !== undefined) onLog(id);
    if (onDone !== undefined) onDone(id);
    if (onDelete !== undefined) onDelete(id);
  };
}
