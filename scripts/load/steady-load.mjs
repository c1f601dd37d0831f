/** Requests that are all answered: what the example apps are made for, again and again. */
import autocannon from 'autocannon';

import { greet, GREETING } from './apps/app.mjs';

/** `requests` were answered; more may have been `sent`, and cut off at the end. */
/** @typedef {{ requests: number, sent: number, errors: number, unexpected: string[], requestsPerSecond: number, p99Ms: number }} LoadResult */
/** @typedef {{ status: number, body: string | RegExp }} Expected */

const TIMEOUT_SECONDS = 5;
const JSON_TYPE = { 'content-type': 'application/json' };
const ORDER = JSON.stringify({ id: 1, item: 'tea', quantity: 2 });
const ALICE = { authorization: `Basic ${Buffer.from('alice:wonderland').toString('base64')}` };

/** One after the other on each connection. @type {[autocannon.Request, Expected][]} */
const EXCHANGES = [
  [{ path: '/' }, { status: 200, body: GREETING }],
  [
    { path: '/admin', headers: ALICE },
    { status: 200, body: greet('alice') },
  ],
  [{ path: '/admin' }, { status: 401, body: /./ }],
  [post('/orders', ORDER), { status: 200, body: ORDER }],
  [post('/orders', '{"id":1}'), { status: 403, body: /error/ }],
  [{ path: '/secret' }, { status: 200, body: 'card XXXX-XXXX-XXXX-1111\n' }],
];

/** @param {string} path @param {string} body @returns {autocannon.Request} */
function post(path, body) {
  return { method: 'POST', path, body, headers: JSON_TYPE };
}

/**
 * @param {{ port: number, connections: number, seconds: number, perSecond?: number }} load
 *   perSecond: at most; default: as many as there can be
 * @returns {Promise<LoadResult>} errors: connections that failed, timeouts, and answers that are not
 *   what they should be
 */
export async function steadyLoad({ port, connections, seconds, perSecond }) {
  let wrong = 0;
  /** @type {Set<string>} */
  const unexpected = new Set();
  const unanswered = new Set(EXCHANGES);
  const requests = EXCHANGES.map((exchange) => ({
    ...exchange[0],
    onResponse: (/** @type {number} */ status, /** @type {string} */ body) => {
      unanswered.delete(exchange);
      if (isExpected(status, body, exchange[1])) return;
      wrong += 1;
      unexpected.add(`${exchange[0].path}: ${status} ${body.slice(0, 80)}`);
    },
  }));
  const result = await autocannon({
    url: `http://127.0.0.1:${port}`,
    ...{ connections, duration: seconds, requests, timeout: TIMEOUT_SECONDS },
    ...(perSecond === undefined ? {} : { overallRate: perSecond }),
  });
  // In a short run a connection that hangs has not timed out yet; at a low rate not all have a turn.
  const hung = perSecond === undefined ? [...unanswered] : [];
  wrong += hung.length;
  for (const [{ path }] of hung) unexpected.add(`${path}: never answered`);
  if (result.errors > 0)
    unexpected.add(`${result.errors} errors, ${result.timeouts} of them timeouts`);
  return {
    requests: result.requests.total,
    sent: result.requests.sent,
    errors: result.errors + result.timeouts + wrong,
    unexpected: [...unexpected],
    requestsPerSecond: result.requests.total / result.duration,
    p99Ms: result.latency.p99,
  };
}

/** @param {number} status @param {string} body @param {Expected} expected */
function isExpected(status, body, expected) {
  if (status !== expected.status) return false;
  return typeof expected.body === 'string' ? body === expected.body : expected.body.test(body);
}
