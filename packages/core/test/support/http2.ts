/** HTTP/2 servers with filters, and what a client sees of one stream. */
import {
  connect,
  createServer,
  type ClientHttp2Session,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';

import type { WasmFilter } from '../../src/node/wasm-filter.js';
import { listen, type Listening } from './filter-server.js';

export type Http2App = (req: Http2ServerRequest, res: Http2ServerResponse) => void;

/** Without TLS. */
export function http2ServerOf(filter: WasmFilter, app: Http2App): Http2Server {
  return createServer((req, res) => {
    filter(req, res, () => {
      app(req, res);
    });
  });
}

export async function listenHttp2(server: Http2Server): Promise<Listening> {
  return listen(server);
}

export function connectTo(port: number): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${String(port)}`);
  session.on('error', () => undefined);
  return session;
}

export interface Answer {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  trailers: IncomingHttpHeaders;
  body: string;
  /** Statuses of 1xx responses before it. */
  informational: number[];
  /** The stream's code, where it was reset. */
  resetCode: number;
}

/** Sends a request; `send` gives the body. Resolves when the stream is over, however it ended. */
export async function exchange(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  send?: (stream: ReturnType<ClientHttp2Session['request']>) => void,
): Promise<Answer> {
  const stream = session.request(headers, { endStream: send === undefined });
  const answer: Answer = {
    status: undefined,
    headers: {},
    trailers: {},
    body: '',
    informational: [],
    resetCode: 0,
  };
  stream.setEncoding('latin1');
  stream.on('headers', ({ ':status': status }) => answer.informational.push(Number(status)));
  stream.on('response', (received) => {
    answer.status = received[':status'];
    answer.headers = received;
  });
  stream.on('trailers', (received) => {
    answer.trailers = received;
  });
  stream.on('data', (text: string) => {
    answer.body += text;
  });
  stream.on('error', () => undefined);
  send?.(stream);
  await new Promise((resolve) => stream.once('close', resolve));
  answer.resetCode = stream.rstCode;
  return answer;
}
