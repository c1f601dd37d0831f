/**
 * What every app under load answers, whatever it is made with:
 *
 * - `/`, `/admin`, `/orders` and `/secret` as the example apps do;
 * - `/late` after a moment, `/never` not at all, `/large` in many chunks;
 * - `/upload` the number of bytes that came.
 */
import { createServer } from 'node:http';
import { Readable } from 'node:stream';

/** @typedef {import('@proxy-wasm-node/core').Plugin} Plugin */
/** @typedef {import('node:http').IncomingMessage} IncomingMessage */

/**
 * An app that listens, with the chain in front of it.
 *
 * @typedef {object} App
 * @property {import('node:net').Server} server
 * @property {number} port
 * @property {() => Promise<void>} close resolves when the server and its filter are closed
 */

/**
 * @callback OpenApp
 * @param {readonly Plugin[]} plugins
 * @param {(error: unknown, request: IncomingMessage) => void} onError
 * @returns {Promise<App>}
 */

export const LATE_MS = 20;
export const GREETING = 'hello world\n';
export const SECRET = 'card 4111-1111-1111-1111\n';

const CHUNKS = 16;
const CHUNK = Buffer.alloc(16 * 1024, 'nothing to redact in here, but a filter has to look. ');

/** @param {string | string[] | undefined} user */
export function greet(user) {
  return `hello ${String(user)}\n`;
}

/** The body of `/large`. */
export function largeBody() {
  return Readable.from(Array.from({ length: CHUNKS }, () => CHUNK));
}

/**
 * @param {AsyncIterable<Buffer>} body
 * @returns {Promise<string>} rejects if it ends early
 */
export async function countBytes(body) {
  let bytes = 0;
  for await (const chunk of body) bytes += chunk.length;
  return String(bytes);
}

/** @param {AsyncIterable<Buffer>} body @returns {Promise<unknown>} */
export async function readJson(body) {
  /** @type {Buffer[]} */
  const chunks = [];
  for await (const chunk of body) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

/**
 * @param {import('node:http').RequestListener} listener
 * @param {{ close(): Promise<void> }} filter
 * @returns {Promise<App>}
 */
export async function listen(listener, filter) {
  const server = createServer(listener);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    server,
    port: address.port,
    async close() {
      await new Promise((resolve) => server.close(resolve));
      await filter.close();
    },
  };
}
