/**
 * What the benchmark drives directly and no app ever sees: the state machine of a stream. Taken from
 * the build that the package's public entry belongs to, so both share one set of classes.
 */
const entry = import.meta.resolve('@proxy-wasm-node/core');

/** @param {string} path @returns {Promise<any>} */
const load = (path) => import(new URL(path, entry).href);

/** @type {typeof import('../packages/core/src/stream/http-stream.js')} */
export const { HttpStream } = await load('stream/http-stream.js');
/** @type {typeof import('../packages/core/src/stream/header-list.js')} */
export const { HeaderList } = await load('stream/header-list.js');

/** @typedef {import('../packages/core/src/stream/http-stream.js').HttpStream} Stream */
/** @typedef {import('../packages/core/src/stream/header-list.js').HeaderList} Headers */
/** @typedef {import('../packages/core/src/stream/ports.js').StreamEnds} StreamEnds */
