import { once } from 'node:events';
import { connect } from 'node:net';

import type { Reply } from './behaviour.js';

/** Sends a text to a port of this machine; the reply's body is all that comes back until the end. */
export async function sendRaw(port: number, text: string, endsAfter = false): Promise<Reply> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // A server may close while something is still on its way to it.
  socket.on('error', () => undefined);
  if (endsAfter) socket.end(text, 'latin1');
  else socket.write(text, 'latin1');
  await once(socket, 'close');
  const body = Buffer.concat(chunks).toString('latin1');
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(body)?.[1] ?? 0);
  if (status === 0) throw new Error('the connection ended without a reply');
  return {
    status,
    reason: '',
    headers: {},
    rawHeaders: [],
    body,
    trailers: {},
    continued: false,
    port: 0,
  };
}
