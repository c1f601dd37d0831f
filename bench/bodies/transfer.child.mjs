/** The client, in a process of its own: sends or takes one body after the other on each connection. */
import { Agent, request } from 'node:http';

/** @typedef {import('../http/load.child.mjs').LoadJob} LoadJob */
/** @typedef {import('../http/load.child.mjs').LoadResult} LoadResult */

const CONNECTIONS = 4;
const PIECE = Buffer.alloc(64 * 1024, 'a piece of a body ');

process.on('message', async (/** @type {LoadJob} */ job) => {
  process.send?.(await transfer(job));
});
process.once('disconnect', () => process.exit(0));

/** What has begun in time is finished, and counts. @param {LoadJob} job @returns {Promise<LoadResult>} */
async function transfer({ url, seconds }) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const start = performance.now();
  const until = start + seconds * 1000;
  let requests = 0;
  let failures = 0;
  const work = async () => {
    do {
      const isWhole = await exchange(new URL(url), agent).catch(() => false);
      requests += 1;
      if (!isWhole) failures += 1;
    } while (performance.now() < until);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  agent.destroy();
  return { requests, seconds: (performance.now() - start) / 1000, failures };
}

/**
 * @param {URL} url `/up` or `/down`, with the number of `bytes`
 * @param {Agent} agent
 * @returns {Promise<boolean>} whether all bytes have arrived
 */
function exchange(url, agent) {
  const bytes = Number(url.searchParams.get('bytes'));
  const isUp = url.pathname === '/up';
  return new Promise((resolve, reject) => {
    const method = isUp ? 'POST' : 'GET';
    const headers = isUp ? { 'content-length': bytes } : {};
    const outgoing = request(url, { agent, method, headers }, (answer) => {
      let received = 0;
      let text = '';
      answer.on('data', (/** @type {Buffer} */ piece) => {
        received += piece.length;
        if (isUp) text += piece.toString();
      });
      answer.on('end', () => resolve((isUp ? Number(text) : received) === bytes));
      answer.on('error', reject);
    });
    outgoing.on('error', reject);
    if (isUp) send(outgoing, bytes);
    else outgoing.end();
  });
}

/** @param {import('node:http').ClientRequest} outgoing @param {number} bytes */
function send(outgoing, bytes) {
  let left = bytes;
  const go = () => {
    let mayGo = true;
    while (left > 0 && mayGo) {
      const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE;
      left -= piece.length;
      mayGo = outgoing.write(piece);
    }
    if (left === 0) outgoing.end();
    else outgoing.once('drain', go);
  };
  go();
}
