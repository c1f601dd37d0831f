/**
 * An app behind one plugin that fails now and then. It notes of every request what its client has to
 * get by the plugin's policy, from what the app itself sees: whether the guest has marked the request,
 * and whether the plugin has failed since.
 */
import { setTimeout as delay } from 'node:timers/promises';

import { wasmFilter } from '@proxy-wasm-node/core/node';

import { LATE_MS } from '../load/apps/app.mjs';
import { failingGuest, MARK } from './failing-guest.mjs';

/** @typedef {import('@proxy-wasm-node/core').Host} Host */
/** @typedef {import('@proxy-wasm-node/core').Plugin} Plugin */
/** @typedef {import('node:http').IncomingMessage} Request */
/** @typedef {import('node:http').ServerResponse} Response */
/** @typedef {import('./failing-guest.mjs').Failure} Failure */
/** @typedef {'fail-closed' | 'fail-open' | 'fail-reload'} Policy */

/**
 * @typedef {object} SiteRates
 * @property {number} trapEvery
 * @property {number} loopEvery
 * @property {number} callbackTimeMs of the guest that loops
 */

/**
 * @typedef {object} SiteCounts
 * @property {Policy} policy
 * @property {number} every
 * @property {number} requests all that came
 * @property {number} marked requests that the guest let through to the app
 * @property {number} filtered answers that have to come with the guest's mark
 * @property {number} unfiltered answers that have to come without it
 * @property {number} failures of the plugin
 * @property {number} recoveries
 * @property {string[]} wrong what no policy allows
 */

/** @type {readonly Policy[]} */
const POLICIES = ['fail-closed', 'fail-open', 'fail-reload'];
/** @type {readonly Failure[]} */
const FAILURES = ['trap', 'loop'];
/** @type {Record<Failure, string>} */
const CODES = { trap: 'PW_ERR_CALLBACK_TRAPPED', loop: 'PW_ERR_CALLBACK_TIME' };

/** Without fail-reload it is the app that reloads, this long after. */
const APP_RELOADS_AFTER_MS = 30;
const RELOAD_BACKOFF = { baseIntervalMs: 20, maxIntervalMs: 60 };

/** The names of all sites, which their paths begin with. */
export const siteNames = FAILURES.flatMap((failure) =>
  POLICIES.map((policy) => `${failure}-${policy}`),
);

/** @param {Host} host @param {SiteRates} rates @returns {Promise<Map<string, FailingSite>>} by name */
export async function openSites(host, rates) {
  /** @type {Map<string, FailingSite>} */
  const sites = new Map();
  for (const failure of FAILURES) {
    for (const policy of POLICIES) {
      sites.set(`${failure}-${policy}`, await openSite(host, failure, policy, rates));
    }
  }
  return sites;
}

/** @param {Host} host @param {Failure} failure @param {Policy} policy @param {SiteRates} rates */
async function openSite(host, failure, policy, { trapEvery, loopEvery, callbackTimeMs }) {
  const every = failure === 'trap' ? trapEvery : loopEvery;
  const plugin = await host.createPlugin({
    name: `${failure}-${policy}`,
    code: await failingGuest(failure, every),
    failurePolicy: policy,
    reloadBackoff: RELOAD_BACKOFF,
    ...(failure === 'loop' ? { limits: { callbackTimeMs } } : {}),
  });
  return new FailingSite(plugin, policy, every, CODES[failure]);
}

class FailingSite {
  plugin;
  #filter;
  /** @type {SiteCounts} */
  #counts;

  /** @param {Plugin} plugin @param {Policy} policy @param {number} every @param {string} code of its failures */
  constructor(plugin, policy, every, code) {
    this.plugin = plugin;
    this.#filter = wasmFilter(plugin);
    const none = { requests: 0, marked: 0, filtered: 0, unfiltered: 0, failures: 0, recoveries: 0 };
    this.#counts = { policy, every, ...none, wrong: [] };
    plugin.on('failed', (error) => {
      this.#counts.failures += 1;
      if (error.code !== code) this.#counts.wrong.push(`failed with ${error.code}`);
      if (policy !== 'fail-reload') void this.#reload();
    });
    plugin.on('recovered', () => (this.#counts.recoveries += 1));
  }

  /** Whether it runs, and has told so. */
  get isWell() {
    const { failures, recoveries } = this.#counts;
    return this.plugin.state === 'running' && failures === recoveries;
  }

  get counts() {
    return this.#counts;
  }

  /** @param {Request} req @param {Response} res */
  handle(req, res) {
    const counts = this.#counts;
    const { failures } = counts;
    let isPassed = false;
    counts.requests += 1;
    this.#filter(req, res, () => {
      isPassed = true;
      void this.#answer(req, res);
    });
    // One with a body waits for its beginning.
    const isLeft = req.method === 'GET' && !isPassed && failures === counts.failures;
    if (isLeft && this.plugin.state === 'running') {
      counts.wrong.push('a plugin that ran let a request wait, or refused it');
    }
  }

  async #reload() {
    await delay(APP_RELOADS_AFTER_MS);
    await this.plugin.reload();
  }

  /** At once, late, or when the body has come. @param {Request} req @param {Response} res */
  async #answer(req, res) {
    const counts = this.#counts;
    const { failures } = counts;
    const isMarked = req.headers[MARK] === 'seen';
    if (isMarked) counts.marked += 1;
    else if (counts.policy !== 'fail-open') counts.wrong.push('the app got a request unfiltered');
    if (req.method === 'POST') {
      req.on('end', () => this.#end(res, isMarked, failures)).resume();
    } else {
      if (req.url?.endsWith('/late')) await delay(LATE_MS);
      this.#end(res, isMarked, failures);
    }
  }

  /** @param {Response} res @param {boolean} isMarked @param {number} failures when the app was called */
  #end(res, isMarked, failures) {
    const counts = this.#counts;
    const isSameVm = failures === counts.failures;
    if (isMarked && isSameVm) counts.filtered += 1;
    else if (counts.policy === 'fail-open') counts.unfiltered += 1;
    res.end('answered\n');
  }
}
