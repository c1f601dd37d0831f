import { Agent, request, type IncomingMessage } from 'node:http';

import { pause } from './answer.js';
import type { Reply, RequestSpec } from './behaviour.js';

export interface RowClient {
  send(spec: RequestSpec): Promise<Reply>;
  close(): void;
}

/** Sends requests to a port of this machine, one after the other on one connection. */
export class Client implements RowClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  async send(spec: RequestSpec): Promise<Reply> {
    const { path = '/', headers = {}, trailers } = spec;
    const hasBody = spec.body !== undefined || spec.pieces !== undefined;
    const method = spec.method ?? (hasBody ? 'POST' : 'GET');
    const all = { ...headers, ...framing(spec) };
    const options = { port: this.#port, host: '127.0.0.1', agent: this.#agent, path, method };
    const outgoing = request({ ...options, headers: all });
    const reply = new Promise<Reply>((resolve, reject) => {
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        readReply(response).then(resolve, reject);
      });
    });
    for (const piece of piecesOf(spec)) {
      outgoing.write(piece, 'latin1');
      await pause(10);
    }
    if (trailers !== undefined) outgoing.addTrailers(trailers);
    outgoing.end(typeof spec.body === 'string' ? Buffer.from(spec.body, 'latin1') : undefined);
    return reply;
  }

  close(): void {
    this.#agent.destroy();
  }
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

async function readReply(response: IncomingMessage): Promise<Reply> {
  // Later the socket is the agent's again.
  const port = response.socket.localPort ?? 0;
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return {
    status: response.statusCode ?? 0,
    reason: response.statusMessage ?? '',
    headers: response.headers,
    rawHeaders: response.rawHeaders,
    body: Buffer.concat(chunks).toString('latin1'),
    trailers: response.trailers,
    port,
  };
}
