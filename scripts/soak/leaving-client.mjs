import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { Random } from '../load/random.mjs';

const SEED = 7;
const LONGEST_STAY_MS = 30;
const REQUEST = Buffer.from(
  `POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000\r\n\r\n${'x'.repeat(2000)}`,
);

/**
 * Requests whose client goes away at some byte, after some time.
 *
 * @param {number} port
 * @param {number} until of `performance.now()`
 * @returns {Promise<number>} how many there were
 */
export async function sendAndLeave(port, until) {
  const random = new Random(SEED);
  let count = 0;
  for (; performance.now() < until; count += 1) {
    const socket = connect(port, '127.0.0.1');
    // It may be answered and closed before it goes.
    socket.on('error', () => undefined);
    socket.write(REQUEST.subarray(0, 1 + random.below(REQUEST.length)));
    await delay(random.below(LONGEST_STAY_MS));
    socket.destroy();
    if (!socket.closed) await once(socket, 'close');
  }
  return count;
}
