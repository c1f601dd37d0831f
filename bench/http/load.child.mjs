/** The client, in a process of its own: puts load on one server after the other. */
import autocannon from 'autocannon';

import { REQUEST_HEADERS } from './exchange.mjs';

/** @typedef {{ url: string, seconds: number }} LoadJob */
/** @typedef {{ requests: number, seconds: number, failures: number }} LoadResult */

const CONNECTIONS = 32;

process.on('message', async (/** @type {LoadJob} */ { url, seconds }) => {
  const result = await autocannon({
    url,
    connections: CONNECTIONS,
    duration: seconds,
    // How soon after its time the load ends.
    sampleInt: 50,
    headers: REQUEST_HEADERS,
  });
  const { requests, duration, errors, timeouts, non2xx } = result;
  process.send?.({
    requests: requests.total,
    seconds: duration,
    failures: errors + timeouts + non2xx,
  });
});
process.once('disconnect', () => process.exit(0));
