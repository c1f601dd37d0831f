import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

import type * as undiciModule from 'undici';
import type { Client, Dispatcher, Pool } from 'undici';

import type { HttpCall } from './http-call.js';
import type { ResolvedUpstream } from './upstream-options.js';

type Undici = typeof undiciModule;

let undici: Undici | undefined;

/** undici takes 80 ms to load, so that is done where upstreams are named, and nowhere else. */
export async function loadUndici(): Promise<Undici> {
  undici ??= await import('undici');
  return undici;
}

/** Most calls go this way: one pool of connections, HTTP/1.1 or 2. */
export class UndiciTransport {
  readonly #upstream: ResolvedUpstream;
  #pool: Pool | undefined;
  #closed = false;

  constructor(upstream: ResolvedUpstream) {
    this.#upstream = upstream;
  }

  send(call: HttpCall): void {
    if (undici !== undefined) {
      this.#dispatch(call, undici);
      return;
    }
    loadUndici()
      .then((loaded) => {
        this.#dispatch(call, loaded);
      })
      .catch((error: unknown) => {
        call.fail(error);
      });
  }

  close(): void {
    this.#closed = true;
    void this.#pool?.destroy();
  }

  #dispatch(call: HttpCall, loaded: Undici): void {
    if (call.over) return;
    if (this.#closed) {
      call.fail(new Error('the upstream has been closed'));
      return;
    }
    this.#pool ??= createPool(this.#upstream, loaded);
    const { method, path, authority, headers, body } = call.request;
    const options: Dispatcher.DispatchOptions & { servername: string } = {
      method,
      path,
      headers: ['host', authority, ...headers],
      body: body.length === 0 ? null : body,
      // undici would take it from the host header and open a new connection for each other one.
      servername: this.#upstream.url.hostname,
    };
    this.#pool.dispatch(options, new CallHandler(call));
  }
}

/** Streams on one HTTP/2 connection. */
const MAX_STREAMS = 100;

function createPool(upstream: ResolvedUpstream, loaded: Undici): Pool {
  return new loaded.Pool(upstream.url.origin, {
    connections: upstream.connections,
    headersTimeout: upstream.headersTimeoutMs,
    bodyTimeout: upstream.bodyTimeoutMs,
    allowH2: upstream.http2,
    factory: (origin, options) => createClient(origin, options, upstream, loaded),
  });
}

/** One connection of a pool. */
function createClient(
  origin: URL,
  options: object,
  { url, tls, http2, connectTimeoutMs }: ResolvedUpstream,
  { Client, buildConnector }: Undici,
): Client {
  // Prior knowledge: without TLS nobody can be asked.
  const useH2c = http2 && url.protocol === 'http:';
  const connector = buildConnector({
    ...tls,
    timeout: connectTimeoutMs,
    allowH2: http2,
    ...(useH2c ? { useH2c } : {}),
    // Node's defaults, and its type says that a path is needed.
  } as Parameters<typeof buildConnector>[0]);
  const client = new Client(origin, {
    ...options,
    // The name to check is the upstream's, whatever authority a guest asks for.
    connect: ({ servername: _, ...destination }, callback) => {
      connector(destination, (...result) => {
        // Many calls at once on HTTP/2, one after the other on HTTP/1: known only now.
        client.pipelining = isHttp2(result[1]) ? MAX_STREAMS : 1;
        callback(...result);
      });
    },
  });
  return client;
}

function isHttp2(socket: Socket | null): boolean {
  return (socket as Partial<TLSSocket> | null)?.alpnProtocol === 'h2';
}

/**
 * Hands what undici reports to the call. These are undici 7's first methods, which it prefers people
 * not to use: the others make an object of all headers first, which costs a tenth of a call.
 */
class CallHandler implements Dispatcher.DispatchHandler {
  readonly #call: HttpCall;

  constructor(call: HttpCall) {
    this.#call = call;
  }

  /** Once a connection is there; the call may be over since long. */
  onConnect(abort: (error?: Error) => void): void {
    this.#call.onAbort = abort;
  }

  onHeaders(status: number, headers: Buffer[]): boolean {
    this.#call.head(status, entriesOf(headers));
    return true;
  }

  onData(chunk: Buffer): boolean {
    this.#call.data(chunk);
    return true;
  }

  onComplete(trailers: unknown): void {
    this.#call.end(entriesOf(trailers as Buffer[] | IncomingHttpHeaders | null));
  }

  onError(error: Error): void {
    this.#call.fail(error);
  }
}

/** Node's latin1Slice is on every Buffer; its type declaration is missing. */
type Latin1Buffer = Buffer & { latin1Slice(): string };

/** name, value, …; names lower-case. undici gives buffers, or (trailers over HTTP/2) an object. */
function entriesOf(raw: Buffer[] | IncomingHttpHeaders | null): string[] {
  if (raw === null) return [];
  if (!Array.isArray(raw)) return Object.entries(raw).flatMap(flatten);
  const entries: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] as Latin1Buffer).latin1Slice().toLowerCase();
    entries.push(name, (raw[index + 1] as Latin1Buffer).latin1Slice());
  }
  return entries;
}

function flatten([name, value]: [string, string | string[] | undefined]): string[] {
  const values = Array.isArray(value) ? value : [value ?? ''];
  return values.flatMap((each) => [name.toLowerCase(), each]);
}
