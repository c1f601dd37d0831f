import { once } from 'node:events';
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';

import { pause } from './answer.js';
import type { Reply, RequestSpec } from './behaviour.js';
import { piecesOf, type RowClient } from './client.js';

/** Sends requests over HTTP/2, all on one connection. */
export class Http2Client implements RowClient {
  readonly #session: ClientHttp2Session;

  constructor(port: number) {
    this.#session = connect(`http://127.0.0.1:${String(port)}`);
    this.#session.on('error', () => undefined);
  }

  async send(spec: RequestSpec): Promise<Reply> {
    const { path = '/', headers = {}, trailers } = spec;
    if (this.#session.connecting) await once(this.#session, 'connect');
    const { host, ...others } = headers;
    const hasBody = spec.body !== undefined || spec.pieces !== undefined;
    const length =
      spec.pieces?.join('').length ??
      (typeof spec.body === 'string' ? spec.body.length : undefined);
    const stream = this.#session.request(
      {
        ':path': path,
        ':method': spec.method ?? (hasBody ? 'POST' : 'GET'),
        ...(host === undefined ? {} : { ':authority': host as string }),
        ...(length === undefined ? {} : { 'content-length': length }),
        ...others,
      },
      { endStream: !hasBody, waitForTrailers: trailers !== undefined },
    );
    if (trailers !== undefined)
      stream.on('wantTrailers', () => {
        stream.sendTrailers(trailers);
      });
    const reply = readReply(stream, this.#session.socket.localPort ?? 0);
    reply.catch(() => undefined);
    for (const piece of piecesOf(spec)) {
      stream.write(piece, 'latin1');
      await pause(10);
    }
    if (hasBody)
      stream.end(typeof spec.body === 'string' ? Buffer.from(spec.body, 'latin1') : undefined);
    return reply;
  }

  close(): void {
    this.#session.destroy();
  }
}

async function readReply(stream: ClientHttp2Stream, port: number): Promise<Reply> {
  const reply: Reply = {
    status: 0,
    reason: '',
    headers: {},
    rawHeaders: [],
    body: '',
    trailers: {},
    port,
  };
  stream.on('response', (headers) => {
    reply.status = headers[':status'] ?? 0;
    reply.headers = { ...headers };
  });
  stream.on('trailers', (trailers) => {
    reply.trailers = Object.fromEntries(Object.entries(trailers));
  });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  if (reply.status === 0) throw new Error('the stream ended without a reply');
  reply.body = Buffer.concat(chunks).toString('latin1');
  return reply;
}
