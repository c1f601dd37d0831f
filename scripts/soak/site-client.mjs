/** Requests to a site that fails now and then, and what came of each. */
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

import { MARK } from './failing-guest.mjs';

/**
 * @typedef {object} Answers
 * @property {number} requests
 * @property {number} filtered by the app, with the guest's mark
 * @property {number} unfiltered by the app, without it
 * @property {number} refused with 503
 * @property {string[]} wrong anything else
 */

/** @type {readonly { method: string, path: string, body?: string }[]} */
const EXCHANGES = [
  { method: 'GET', path: '' },
  { method: 'GET', path: '/late' },
  { method: 'POST', path: '', body: 'x'.repeat(2000) },
];
const TIMEOUT_MS = 10_000;
/** After each answer, so that the server can keep up. */
const PAUSE_MS = 40;
const MOST_WRONG = 10;

export class SiteClient {
  #port;
  #name;
  /** @type {Answers} */
  #answers = { requests: 0, filtered: 0, unfiltered: 0, refused: 0, wrong: [] };

  /** @param {number} port @param {string} name */
  constructor(port, name) {
    this.#port = port;
    this.#name = name;
  }

  get answers() {
    return this.#answers;
  }

  /** @param {number} connections @param {number} until of `performance.now()` */
  async run(connections, until) {
    const agent = new Agent({ keepAlive: true, maxSockets: connections });
    const work = async (/** @type {unknown} */ _, /** @type {number} */ first) => {
      for (let turn = first; performance.now() < until; turn += 1) {
        await this.#send(agent, turn);
        await delay(PAUSE_MS);
      }
    };
    await Promise.all(Array.from({ length: connections }, work));
    agent.destroy();
  }

  /** @param {Agent} agent @param {number} turn */
  async #send(agent, turn) {
    const { method, path, body } = /** @type {{ method: string, path: string, body?: string }} */ (
      EXCHANGES[turn % EXCHANGES.length]
    );
    this.#answers.requests += 1;
    try {
      const target = { host: '127.0.0.1', port: this.#port, path: `/${this.#name}${path}` };
      const length = body === undefined ? {} : { 'content-length': body.length };
      const answer = await exchange({ ...target, method, headers: length, agent }, body);
      this.#count(answer, await text(answer));
    } catch (error) {
      this.#isWrong(String(error));
    }
  }

  /** @param {import('node:http').IncomingMessage} answer @param {string} body */
  #count({ statusCode, headers }, body) {
    const answers = this.#answers;
    const isMarked = headers[MARK] === 'seen';
    if (statusCode === 503 && !isMarked) answers.refused += 1;
    else if (statusCode !== 200 || body !== 'answered\n') this.#isWrong(`${statusCode} ${body}`);
    else if (isMarked) answers.filtered += 1;
    else answers.unfiltered += 1;
  }

  /** @param {string} what */
  #isWrong(what) {
    if (this.#answers.wrong.length < MOST_WRONG) this.#answers.wrong.push(what);
  }
}

/**
 * @param {import('node:http').RequestOptions} options
 * @param {string} [body]
 * @returns {Promise<import('node:http').IncomingMessage>}
 */
function exchange(options, body) {
  return new Promise((resolve, reject) => {
    const sent = request({ ...options, timeout: TIMEOUT_MS }, resolve);
    sent.on('error', reject);
    sent.on('timeout', () => sent.destroy(new Error(`no answer in ${TIMEOUT_MS} ms`)));
    sent.end(body);
  });
}
