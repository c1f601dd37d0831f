/** Requests whose client goes away: in the head, in the body, while it waits, while it is answered. */
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { Random } from './random.mjs';

/** @typedef {import('node:net').Socket} Socket */
/** @typedef {{ head: Buffer, body: Buffer, isLarge?: boolean }} Message isLarge: its answer is */

/** What the client had done when it went; `over`: the answer was complete before. */
/** @typedef {'head' | 'body' | 'waiting' | 'answer' | 'over'} Phase */
/** @typedef {Record<Phase, number>} Phases */

const SEED = 20;
const LONGEST_WAIT_MS = 50;
/** For the first bytes of an answer that comes. */
const PATIENCE_MS = 2000;
const LONGEST_UPLOAD = 300_000;
const ORDER = Buffer.from(JSON.stringify({ id: 1, item: 'tea', quantity: 2 }));
const OCTETS = 'content-type: application/octet-stream';

/** @type {readonly [(random: Random) => Message, ...((random: Random) => Message)[]]} */
const KINDS = [
  () => message('GET /'),
  () => message('GET /admin'),
  () => message('GET /late'),
  () => message('GET /never'),
  () => ({ ...message('GET /large'), isLarge: true }),
  () => message('POST /orders', ORDER, ['content-type: application/json']),
  (random) => message('POST /upload', upload(random), [OCTETS]),
  (random) => chunkedMessage('POST /upload', upload(random), [OCTETS]),
  // Answered by nobody before the body is there.
  (random) => message('POST /orders', upload(random), ['content-type: application/json']),
];

/**
 * Goes on until `count` requests have been aborted before their answer was complete.
 *
 * @param {{ port: number, connections: number, count: number }} aborts
 * @returns {Promise<Phases>}
 */
export async function abortRequests({ port, connections, count }) {
  const random = new Random(SEED);
  /** @type {Phases} */
  const phases = { head: 0, body: 0, waiting: 0, answer: 0, over: 0 };
  let left = count;
  const work = async () => {
    while (left > 0) {
      left -= 1;
      const phase = await new AbortedRequest(port, random).run();
      phases[phase] += 1;
      if (phase === 'over') left += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, work));
  return phases;
}

/** One connection, one request, one abort. */
class AbortedRequest {
  #random;
  #message;
  /** @type {Socket} */
  #socket;
  #sent = 0;
  #received = 0;
  #isOver = false;

  /** @param {number} port @param {Random} random */
  constructor(port, random) {
    this.#random = random;
    this.#message = random.pick(KINDS)(random);
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk) => (this.#received += chunk.length));
    this.#socket.on('end', () => (this.#isOver = true));
    // A server may close first, after an answer to half a request; what follows shows in the counts.
    this.#socket.on('error', () => undefined);
  }

  /** @returns {Promise<Phase>} */
  async run() {
    const { head, body } = this.#message;
    const until = this.#pickEnd();
    await this.#send(head.subarray(0, until));
    if (until > head.length) await this.#send(body.subarray(0, until - head.length));
    const isWhole = until === head.length + body.length;
    if (isWhole) await this.#await();
    else if (this.#random.below(2) === 0) await delay(this.#random.below(5));
    const phase = this.#phase();
    await this.#leave();
    return phase;
  }

  /** How many bytes are sent at all: half of the requests are complete. */
  #pickEnd() {
    const { head, body } = this.#message;
    const whole = head.length + body.length;
    const choice = this.#random.below(8);
    if (choice === 0) return this.#random.below(head.length);
    if (choice < 4 && body.length > 0) return head.length + this.#random.below(body.length);
    return whole;
  }

  /** @param {Buffer} bytes */
  async #send(bytes) {
    if (bytes.length === 0 || this.#socket.destroyed) return;
    await new Promise((resolve) => this.#socket.write(bytes, resolve));
    this.#sent += bytes.length;
  }

  /** For a while, or for the first bytes of an answer that has more. */
  async #await() {
    const until = delay(this.#random.below(LONGEST_WAIT_MS));
    if (this.#message.isLarge && this.#random.below(4) > 0) {
      const arrived = new Promise((resolve) => this.#socket.once('data', resolve));
      await Promise.race([arrived, delay(PATIENCE_MS)]);
      this.#socket.pause();
      if (this.#random.below(2) === 0) return;
    }
    await until;
  }

  /** @returns {Phase} */
  #phase() {
    const { head, body, isLarge } = this.#message;
    if (this.#isOver || this.#socket.destroyed) return 'over';
    if (this.#received > 0) return isLarge ? 'answer' : 'over';
    if (this.#sent < head.length) return 'head';
    return this.#sent < head.length + body.length ? 'body' : 'waiting';
  }

  /** In one of the two ways in which connections break: closed, or reset. */
  async #leave() {
    if (this.#socket.closed) return;
    const closed = new Promise((resolve) => this.#socket.once('close', resolve));
    if (this.#random.below(2) === 0) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
    await closed;
  }
}

/** @param {Random} random */
function upload(random) {
  return Buffer.alloc(1 + random.below(LONGEST_UPLOAD), 'x');
}

/** @param {string} start @param {Buffer} [body] @param {string[]} [headers] @returns {Message} */
function message(start, body = Buffer.alloc(0), headers = []) {
  const length = body.length > 0 ? [`content-length: ${body.length}`] : [];
  return { head: headOf(start, [...headers, ...length]), body };
}

/** @param {string} start @param {Buffer} body @param {string[]} headers @returns {Message} */
function chunkedMessage(start, body, headers) {
  const parts = [
    Buffer.from(`${body.length.toString(16)}\r\n`),
    body,
    Buffer.from('\r\n0\r\n\r\n'),
  ];
  return {
    head: headOf(start, [...headers, 'transfer-encoding: chunked']),
    body: Buffer.concat(parts),
  };
}

/** @param {string} start @param {string[]} headers */
function headOf(start, headers) {
  const lines = [`${start} HTTP/1.1`, 'host: localhost', 'connection: close', ...headers];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
}
