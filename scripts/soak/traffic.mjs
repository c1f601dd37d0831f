/** Clients of the soak: what they send, and what they count. */
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

const ALICE = `Basic ${Buffer.from('alice:wonderland').toString('base64')}`;

/** @typedef {{ method?: string, path: string, headers?: Record<string, string>, body?: string, expected: number }} Shape */

/** What the examples do with it is known. @type {Shape[]} */
const MIXED = [
  { path: '/examples/a?b=c', expected: 200 },
  { path: '/examples/tenant', headers: { 'x-tenant': 'a' }, expected: 200 },
  { method: 'POST', path: '/examples/upload', body: 'x'.repeat(10_000), expected: 200 },
  { method: 'HEAD', path: '/examples/head', expected: 200 },
  { path: '/examples/with-name', headers: { authorization: ALICE }, expected: 200 },
];

export class Client {
  #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #port;
  requests = 0;
  /** @type {Record<string, number>} */
  unexpected = {};

  /** @param {number} port */
  constructor(port) {
    this.#port = port;
  }

  /** @param {Shape} shape @returns {Promise<number>} the status; 0 where there was none */
  send({ method = 'GET', path, headers = {}, body = '' }) {
    this.requests += 1;
    return new Promise((resolve) => {
      const options = { agent: this.#agent, host: '127.0.0.1', port: this.#port, method, path };
      const req = request({ ...options, headers }, (res) => {
        res.resume();
        res.on('end', () => resolve(res.statusCode ?? 0));
        res.on('error', () => resolve(0));
      });
      req.on('error', () => resolve(0));
      req.end(body);
    });
  }

  /** @param {() => boolean} goesOn */
  async sendMixed(goesOn) {
    for (let index = 0; goesOn(); index += 1) {
      const shape = /** @type {Shape} */ (MIXED[index % MIXED.length]);
      const status = await this.send(shape);
      if (status !== shape.expected) this.#note(`${shape.path}: ${status}`);
    }
  }

  /**
   * One request after the other through a filter that fails now and then. A 503 is what the policy
   * says of the request that failed; the next is sent when the plugin has healed, so that there is
   * exactly one for each failure.
   *
   * @param {string} path
   * @param {() => boolean} goesOn
   * @param {() => Promise<boolean>} isRunning
   * @returns {Promise<number>} how many were answered 503
   */
  async sendFailing(path, goesOn, isRunning) {
    let refused = 0;
    while (goesOn()) {
      const status = await this.send({ path, expected: 200 });
      if (status === 503) {
        refused += 1;
        while (!(await isRunning())) await delay(5);
      } else if (status !== 200) {
        this.#note(`${path}: ${status}`);
      }
    }
    return refused;
  }

  /** Connections that are cut at any point. @param {() => boolean} goesOn */
  async sendAndLeave(goesOn) {
    while (goesOn()) {
      const req = request({
        ...{ host: '127.0.0.1', port: this.#port, method: 'POST', path: '/examples/left' },
        headers: { 'content-length': '100000' },
      });
      req.on('error', () => undefined);
      req.write('x'.repeat(1000));
      await delay(Math.random() * 20);
      req.destroy();
    }
  }

  /** @param {string} what */
  #note(what) {
    this.unexpected[what] = (this.unexpected[what] ?? 0) + 1;
  }

  close() {
    this.#agent.destroy();
  }
}
