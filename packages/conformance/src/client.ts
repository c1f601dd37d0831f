import { once } from 'node:events';
import { Agent, request, type ClientRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

import { until } from './answer.js';
import type { Reply, RequestSpec } from './behaviour.js';
import { Received, writePieces } from './received.js';
import { sendRaw } from './send-raw.js';

export interface RowClient {
  /** Of the response that is coming, or came last. */
  readonly received: Received;
  /** All of the request that it sends before it is answered or told to go on. */
  readonly hasSent: boolean;
  /**
   * @param abandoned resolves when the client is to give the request up
   */
  send(spec: RequestSpec, abandoned?: Promise<void>): Promise<Reply>;
  close(): void;
}

/** Sends requests to a port of this machine, one after the other on one connection. */
export class Client implements RowClient {
  readonly received = new Received();
  hasSent = false;
  /** The server's ends of its connections, where they are known. */
  readonly #accepted: ReadonlySet<Socket> | undefined;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #port: number;

  constructor(port: number, accepted?: ReadonlySet<Socket>) {
    this.#port = port;
    this.#accepted = accepted;
  }

  async send(spec: RequestSpec, abandoned?: Promise<void>): Promise<Reply> {
    this.hasSent = spec.raw !== undefined || spec.awaitsContinue === true;
    if (spec.raw !== undefined) return sendRaw(this.#port, spec.raw, spec.endsAfter);
    this.received.reset();
    const { path = '/', headers = {}, trailers } = spec;
    const hasBody = spec.body !== undefined || spec.pieces !== undefined;
    const method = spec.method ?? (hasBody ? 'POST' : 'GET');
    const expects = spec.awaitsContinue === true ? { expect: '100-continue' } : {};
    const all = { ...headers, ...expects, ...framing(spec) };
    const options = { port: this.#port, host: '127.0.0.1', agent: this.#agent, path, method };
    const outgoing = request({ ...options, headers: all });
    const reply = new Promise<Reply>((resolve, reject) => {
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        readReply(response, this.received).then(resolve, reject);
      });
    });
    reply.catch(() => undefined);
    let continued = false;
    outgoing.on('continue', () => (continued = true));
    if (spec.awaitsContinue === true) {
      outgoing.flushHeaders();
      await Promise.race([once(outgoing, 'continue'), reply]);
      if (!continued) return giveUp(outgoing, await reply);
    }
    const pieces = piecesOf(spec);
    await writePieces(pieces, spec.inStep === true, this.received, (piece) => {
      outgoing.write(piece, 'latin1');
      return this.#isRead(outgoing, reply);
    });
    if (trailers !== undefined) outgoing.addTrailers(trailers);
    outgoing.end(typeof spec.body === 'string' ? Buffer.from(spec.body, 'latin1') : undefined);
    if (pieces.length > 0) await this.#isRead(outgoing, reply);
    this.hasSent = true;
    if (abandoned === undefined) return { ...(await reply), continued };
    await abandoned;
    outgoing.destroy();
    throw new Error('aborted');
  }

  /** Resolves when the server has read all that was written, or answered without. */
  async #isRead(outgoing: ClientRequest, reply: Promise<Reply>): Promise<void> {
    let isOver = false;
    void reply.catch(() => undefined).finally(() => (isOver = true));
    const isRead = (): boolean => {
      const { socket } = outgoing;
      if (isOver) return true;
      if (socket === null || socket.connecting) return false;
      if (this.#accepted === undefined) return socket.writableLength === 0;
      const accepted = [...this.#accepted].find(
        ({ remotePort }) => remotePort === socket.localPort,
      );
      return accepted !== undefined && accepted.bytesRead >= socket.bytesWritten;
    };
    await until(isRead, 'the server reads what it is sent');
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Of a request whose body is not wanted: it is never sent. */
function giveUp(outgoing: ClientRequest, reply: Reply): Reply {
  outgoing.destroy();
  return reply;
}

/** What is sent packet by packet. */
export function piecesOf({ body, pieces: sized }: RequestSpec): readonly string[] {
  if (sized !== undefined) return sized;
  return typeof body === 'object' ? body : [];
}

function framing({ body, pieces: sized, trailers }: RequestSpec): Record<string, string> {
  if (sized !== undefined) return { 'content-length': String(sized.join('').length) };
  if (typeof body === 'string') return { 'content-length': String(body.length) };
  if (body === undefined) return {};
  const names = Object.keys(trailers ?? {});
  return {
    'transfer-encoding': 'chunked',
    ...(names.length === 0 ? {} : { trailer: names.join(', ') }),
  };
}

async function readReply(response: IncomingMessage, received: Received): Promise<Reply> {
  // Later the socket is the agent's again.
  const port = response.socket.localPort ?? 0;
  const chunks: Buffer[] = [];
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
    received.append(chunk as Buffer);
  }
  return {
    status: response.statusCode ?? 0,
    reason: response.statusMessage ?? '',
    headers: response.headers,
    rawHeaders: response.rawHeaders,
    body: Buffer.concat(chunks).toString('latin1'),
    trailers: response.trailers,
    continued: false,
    port,
  };
}
