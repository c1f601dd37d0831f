/** Who answers a request that has passed the filter. */
import * as http from 'node:http';
import * as https from 'node:https';
import { buffer } from 'node:stream/consumers';

import type {
  ExchangeMessage,
  ExchangeResponse,
  HeaderEntries,
  TestApp,
} from '@proxy-wasm-node/core/testing';

import { CommandError } from '../errors.js';
import type { Imitation } from './plan.js';

/** Answers what it is told to; without a body, what it was sent. */
export function imitate({ status, headers, body }: Imitation): TestApp {
  return (request) => {
    const echo = body ?? (request.body.length > 0 ? request.body : requestLine(request));
    const hasNoBody = status === 204 || status === 304;
    const bytes = hasNoBody ? new Uint8Array(0) : echo;
    const type =
      body === undefined ? (valueOf(request, 'content-type') ?? 'text/plain') : undefined;
    const own: HeaderEntries = [
      ...(type === undefined || hasNoBody ? [] : ([['content-type', type]] as const)),
      ...(hasNoBody ? [] : ([['content-length', String(bytes.length)]] as const)),
    ];
    const names = new Set(headers.map(([name]) => name));
    return {
      status,
      headers: [...headers, ...own.filter(([name]) => !names.has(name))],
      body: bytes,
    };
  };
}

function requestLine(request: ExchangeMessage): Uint8Array {
  const [method = '', path = ''] = [valueOf(request, ':method'), valueOf(request, ':path')];
  return Buffer.from(`${method} ${path}\n`, 'latin1');
}

function valueOf({ headers }: ExchangeMessage, name: string): string | undefined {
  return headers.find(([each]) => each === name)?.[1];
}

/** Headers of a connection, which ends here. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding']);

/**
 * Asks a server: with the headers that the filter has let pass, and no others.
 *
 * @param timeoutMs for all of its answer
 */
export function forwardTo(url: URL, timeoutMs: number): TestApp {
  return async (request) => {
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      return await send(url, request, signal);
    } catch (cause) {
      const reason = signal.aborted
        ? `no answer within ${String(timeoutMs)} ms (--timeout)`
        : describe(cause);
      throw new CommandError(
        'PW_ERR_CALL_UPSTREAM',
        `the upstream ${url.origin} could not be asked: ${reason}; see whether it runs there`,
        cause,
      );
    }
  };
}

/** Node's error for several addresses has no message of its own. */
function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join(', ');
  return error instanceof Error ? error.message : String(error);
}

async function send(
  url: URL,
  message: ExchangeMessage,
  signal: AbortSignal,
): Promise<ExchangeResponse> {
  const { request } = url.protocol === 'https:' ? https : http;
  const headers = message.headers.flatMap(([name, value]): string[] => {
    if (name === ':authority') return ['host', value];
    return name.startsWith(':') ? [] : [name, value];
  });
  const sending = request(url, {
    method: valueOf(message, ':method') ?? 'GET',
    path: valueOf(message, ':path') ?? '/',
    headers,
    agent: false,
    signal,
  });
  const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
    sending.on('response', resolve);
    sending.on('error', reject);
  });
  if (message.body.length > 0) sending.write(message.body);
  sending.end();
  const response = await answered;
  const body = await buffer(response);
  return {
    status: response.statusCode,
    headers: pairsOf(response.rawHeaders).filter(([name]) => !HOP_BY_HOP.has(name)),
    body,
    trailers: pairsOf(response.rawTrailers),
  };
}

function pairsOf(flat: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index < flat.length; index += 2) {
    pairs.push([(flat[index] as string).toLowerCase(), flat[index + 1] as string]);
  }
  return pairs;
}
