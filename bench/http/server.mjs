/** A server that was launched, and what it costs under load. */
import { get } from 'node:http';

import { ask, endChild, nextMessage, startChild } from '../child.mjs';

/** @typedef {import('../child.mjs').ChildProcess} ChildProcess */
/** @typedef {import('./load.child.mjs').LoadResult} LoadResult */

/**
 * @typedef {object} Turn one spell of load
 * @property {number} requestsPerSecond
 * @property {number} cpuUs the server's CPU time per request
 * @property {number} peakRssBytes the most memory that the server has used since its start
 * @property {number} busy how much of a core the server used: below 1 the client was the slower one
 */

/** The server has one core to itself, the client the other: neither takes time from the other. */
const SERVER_CORE = 0;
const CLIENT_CORE = 1;

export class LaunchedServer {
  #child;
  /** @type {Promise<{ port: number }>} */
  #started;
  #port = 0;

  /**
   * @param {URL} script tells its port, and its use of CPU and memory whenever it is asked
   * @param {object} job
   */
  constructor(script, job) {
    this.#child = startChild(script, job, { core: SERVER_CORE });
    // Listened to from the start: it may be ready, or dead, before anybody waits for it.
    this.#started = nextMessage(this.#child);
    this.#started.catch(() => undefined);
  }

  async ready() {
    const { port } = await this.#started;
    this.#port = port;
  }

  /**
   * @param {Client} client
   * @param {number} seconds
   * @param {string} [path]
   * @returns {Promise<Turn>}
   */
  async load(client, seconds, path = '/') {
    const before = await this.#usage();
    const result = await client.load(`http://127.0.0.1:${this.#port}${path}`, seconds);
    const after = await this.#usage();
    const cpuUs = after.cpuUs - before.cpuUs;
    if (result.failures > 0) throw new Error(`${result.failures} requests failed under load`);
    return {
      requestsPerSecond: result.requests / result.seconds,
      cpuUs: cpuUs / result.requests,
      peakRssBytes: after.peakRssBytes,
      busy: cpuUs / 1e6 / result.seconds,
    };
  }

  /**
   * @param {string} path
   * @param {import('node:http').OutgoingHttpHeaders} headers
   * @returns {Promise<{ headers: import('node:http').IncomingHttpHeaders, body: Buffer }>}
   */
  request(path, headers) {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.#port, path, headers, agent: false };
      get(options, (res) => {
        /** @type {Buffer[]} */
        const chunks = [];
        res.on('data', (/** @type {Buffer} */ chunk) => chunks.push(chunk));
        res.on('end', () => resolve({ headers: res.headers, body: Buffer.concat(chunks) }));
        res.on('error', reject);
      }).on('error', reject);
    });
  }

  close() {
    return endChild(this.#child);
  }

  /** @returns {Promise<{ cpuUs: number, peakRssBytes: number }>} */
  #usage() {
    return ask(this.#child, {});
  }
}

/** The one that asks. */
export class Client {
  #child;

  /** @param {URL} [script] takes a `LoadJob`, answers a `LoadResult` */
  constructor(script = new URL('load.child.mjs', import.meta.url)) {
    this.#child = startChild(script, null, { core: CLIENT_CORE });
  }

  /**
   * @param {string} url
   * @param {number} seconds
   * @returns {Promise<LoadResult>}
   */
  load(url, seconds) {
    return ask(this.#child, { url, seconds });
  }

  close() {
    return endChild(this.#child);
  }
}
