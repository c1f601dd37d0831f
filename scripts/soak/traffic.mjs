/** Everything at once: the examples' exchanges, their TCP filter, and the sites that fail. */
import { steadyLoad } from '../load/steady-load.mjs';
import { siteNames } from './failing-site.mjs';
import { sendAndLeave } from './leaving-client.mjs';
import { SiteClient } from './site-client.mjs';
import { talkInLines } from './tcp-client.mjs';

/** @typedef {import('../load/steady-load.mjs').LoadResult} LoadResult */
/** @typedef {import('./server.child.mjs').Ports} Ports */
/** @typedef {import('./site-client.mjs').Answers} Answers */

const EXAMPLE_CONNECTIONS = 2;
const WARM_UP_CONNECTIONS = 16;
/** A server that can't keep up is late whatever its filters do: that is no question here. */
const EXAMPLES_PER_SECOND = 50;
/** To each site, so that others are open on a VM when it fails. */
const SITE_CONNECTIONS = 3;

export class Traffic {
  #ports;
  /** @type {Record<string, SiteClient>} */
  #sites;
  /** Of the examples. @type {Pick<LoadResult, 'requests' | 'sent' | 'errors' | 'unexpected'>} */
  #examples = { requests: 0, sent: 0, errors: 0, unexpected: [] };
  #lines = 0;
  #left = 0;

  /** @param {Ports} ports */
  constructor(ports) {
    this.#ports = ports;
    this.#sites = Object.fromEntries(
      siteNames.map((name) => [name, new SiteClient(ports.sitesPort, name)]),
    );
  }

  /** As much as there can be of it. @param {number} seconds */
  warmUp(seconds) {
    return this.#run(seconds, { connections: WARM_UP_CONNECTIONS });
  }

  /** @param {number} seconds */
  run(seconds) {
    const perSecond = EXAMPLES_PER_SECOND;
    return this.#run(seconds, { connections: EXAMPLE_CONNECTIONS, perSecond });
  }

  /** @param {number} seconds @param {{ connections: number, perSecond?: number }} load */
  async #run(seconds, load) {
    const until = performance.now() + seconds * 1000;
    const [examples, lines, left] = await Promise.all([
      steadyLoad({ port: this.#ports.appPort, seconds, ...load }),
      talkInLines(this.#ports.tcpPort, until),
      sendAndLeave(this.#ports.appPort, until),
      ...Object.values(this.#sites).map((site) => site.run(SITE_CONNECTIONS, until)),
    ]);
    this.#examples.requests += examples.requests;
    this.#examples.unexpected.push(...examples.unexpected);
    this.#examples.sent += examples.sent;
    this.#examples.errors += examples.errors;
    this.#lines += lines;
    this.#left += left;
  }

  get examples() {
    return this.#examples;
  }

  /** What the TCP filter has passed. */
  get lines() {
    return this.#lines;
  }

  /** Requests to the examples whose client went away. */
  get left() {
    return this.#left;
  }

  /** What each site has answered. @returns {Record<string, Answers>} */
  get sites() {
    return Object.fromEntries(
      Object.entries(this.#sites).map(([name, { answers }]) => [name, answers]),
    );
  }
}
