/** Servers that code is fetched from, and folders that it is kept in. */
import { mkdtemp, rm } from 'node:fs/promises';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach } from 'vitest';

import { tls } from '../../../conformance/src/tls/index.js';
import type { CodeSourceOptions } from '../../src/code/code-source-options.js';
import { readCode } from '../../src/code/code-source.js';
import { listen } from './filter-server.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Something that ends with the test. */
export function afterTest(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

export interface CodeServer {
  readonly origin: string;
  readonly host: string;
  /** What it was asked, in order. */
  readonly requests: { url: string; headers: IncomingHttpHeaders }[];
  close(): Promise<void>;
}

type Answer = (req: IncomingMessage, res: ServerResponse, index: number) => void;

/** @param answer gets the request's number too, from 0 */
export async function codeServer(
  answer: Answer,
  { secure = false }: { secure?: boolean } = {},
): Promise<CodeServer> {
  const requests: CodeServer['requests'] = [];
  const handle = (req: IncomingMessage, res: ServerResponse): void => {
    const { url = '', headers } = req;
    requests.push({ url, headers });
    answer(req, res, requests.length - 1);
  };
  const server = secure ? createHttpsServer(tls, handle) : createServer(handle);
  const { port, close } = await listen(server);
  cleanups.push(close);
  const host = `localhost:${String(port)}`;
  // By number, since `localhost` may be tried as ::1 first; the certificate has both names.
  const origin = secure ? `https://${host}` : `http://127.0.0.1:${String(port)}`;
  return { origin, host: new URL(origin).host, requests, close };
}

export async function cacheFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'code-cache-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  return folder;
}

/** Quick, and nothing is left of it. */
export const QUICK: CodeSourceOptions = {
  cacheDir: false,
  retryBackoff: { baseIntervalMs: 1, maxIntervalMs: 10 },
  negativeCacheMs: false,
  tls: { ca: tls.cert },
};

/** Gets code as a plugin would, and hears what its log would be told. */
export function reader(options: CodeSourceOptions = {}) {
  const warnings: string[] = [];
  const counts: Record<string, number> = {};
  const read = (code: string, sha256?: string, again = false) =>
    readCode(code, sha256, {
      source: { ...QUICK, ...options },
      warn: (message) => warnings.push(message),
      count: (what) => (counts[what] = (counts[what] ?? 0) + 1),
      again,
    });
  return { read, warnings, counts };
}

/** What an action was refused with. */
export async function refusalOf(
  action: Promise<unknown>,
): Promise<{ code: string; message: string }> {
  return action.then(
    () => ({ code: 'none', message: '' }),
    ({ code, message }: { code: string; message: string }) => ({ code, message }),
  );
}
