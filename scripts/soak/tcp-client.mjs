import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Between two lines: this is company for the requests, not load. */
const PAUSE_MS = 5;
const LINES_EACH = 50;

/**
 * Line after line, and a new connection every so often.
 *
 * @param {number} port
 * @param {number} until of `performance.now()`
 * @returns {Promise<number>} how many lines were answered
 * @throws Error if one is answered otherwise than it should be
 */
export async function talkInLines(port, until) {
  let lines = 0;
  while (performance.now() < until) lines += await talkOnce(port, until);
  return lines;
}

/** @param {number} port @param {number} until */
async function talkOnce(port, until) {
  const socket = connect(port, '127.0.0.1');
  try {
    for (let line = 0; line < LINES_EACH; line += 1) {
      if (line > 0 && performance.now() > until) return line;
      socket.write('get a\r\n');
      const [answer] = /** @type {[Buffer]} */ (await once(socket, 'data'));
      if (answer.toString() !== 'OK\r\n') throw new Error(`TCP: ${JSON.stringify(String(answer))}`);
      await delay(PAUSE_MS);
    }
    return LINES_EACH;
  } finally {
    socket.end();
    if (!socket.closed) await once(socket, 'close');
  }
}
