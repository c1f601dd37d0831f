import { once } from 'node:events';
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';

import type { Reply, RequestSpec } from './behaviour.js';
import { piecesOf, type RowClient } from './client.js';
import { Received, writePieces } from './received.js';

/** Sends requests over HTTP/2, all on one connection. */
export class Http2Client implements RowClient {
  readonly received = new Received();
  hasSent = false;
  readonly #session: ClientHttp2Session;

  constructor(port: number) {
    this.#session = connect(`http://127.0.0.1:${String(port)}`);
    this.#session.on('error', () => undefined);
  }

  async send(spec: RequestSpec, abandoned?: Promise<void>): Promise<Reply> {
    this.hasSent = spec.awaitsContinue === true;
    this.received.reset();
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
        ...(spec.awaitsContinue === true ? { expect: '100-continue' } : {}),
        ...others,
      },
      { endStream: !hasBody, waitForTrailers: trailers !== undefined },
    );
    if (trailers !== undefined)
      stream.on('wantTrailers', () => {
        stream.sendTrailers(trailers);
      });
    const reply = readReply(stream, this.#session.socket.localPort ?? 0, this.received);
    reply.catch(() => undefined);
    let continued = false;
    stream.on('continue', () => (continued = true));
    if (spec.awaitsContinue === true) {
      await Promise.race([once(stream, 'continue'), reply]);
      if (!continued) return reply.finally(() => stream.close());
    }
    await writePieces(piecesOf(spec), spec.inStep === true, this.received, (piece) => {
      // On the wire it is a frame of its own, which the server takes as such.
      return new Promise((resolve) => stream.write(piece, 'latin1', () => resolve()));
    });
    if (hasBody)
      stream.end(typeof spec.body === 'string' ? Buffer.from(spec.body, 'latin1') : undefined);
    this.hasSent = true;
    if (abandoned === undefined) return { ...(await reply), continued };
    await abandoned;
    stream.close(constants.NGHTTP2_CANCEL);
    throw new Error('aborted');
  }

  close(): void {
    this.#session.destroy();
  }
}

async function readReply(
  stream: ClientHttp2Stream,
  port: number,
  received: Received,
): Promise<Reply> {
  const reply: Reply = {
    status: 0,
    reason: '',
    headers: {},
    rawHeaders: [],
    body: '',
    trailers: {},
    continued: false,
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
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer);
    received.append(chunk as Buffer);
  }
  if (reply.status === 0) throw new Error('the stream ended without a reply');
  reply.body = Buffer.concat(chunks).toString('latin1');
  return reply;
}
