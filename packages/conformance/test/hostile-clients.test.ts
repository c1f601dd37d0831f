/**
 * What clients that mean ill, or are very slow, send to each kind of server: with filters that change
 * nothing the app is given the same and the client gets the same as without, or the request is refused.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

import { afterEach, describe, expect, it, vi } from 'vitest';
import { createHost, type Plugin } from '@proxy-wasm-node/core';
import { wasmFilter } from '@proxy-wasm-node/core/node';

import { pause } from '../src/answer.js';
import type { Handler, Running, Target } from '../src/behaviour.js';
import { guest, type GuestScript } from '../src/guests/wat-guest.js';
import { hostileRequests } from '../src/hostile-requests.js';
import { RawConnection } from '../src/raw-connection.js';
import { targets } from '../src/targets/index.js';

const PAUSE_AND_BUFFER = 1;
const REQUEST_HEADERS = 0;
const WAIT = { timeout: 10_000, interval: 5 };
const NAMES = ['node:http', 'express 5', 'fastify 5', 'koa 3', 'http-proxy'];
const chosen = targets.filter(({ name }) => NAMES.includes(name));

const everything: GuestScript['callbacks'] = {
  proxy_on_request_headers: [{ logHeader: [REQUEST_HEADERS, ':path'] }],
  proxy_on_request_body: [],
  proxy_on_request_trailers: [],
  proxy_on_response_headers: [],
  proxy_on_response_body: [],
  proxy_on_response_trailers: [],
};
const FILTERS: Record<string, GuestScript> = {
  'looks at everything': { callbacks: everything },
  'holds bodies': {
    callbacks: {
      ...everything,
      proxy_on_request_body: [{ beforeEnd: [{ return: PAUSE_AND_BUFFER }] }],
      proxy_on_response_body: [{ beforeEnd: [{ return: PAUSE_AND_BUFFER }] }],
    },
  },
};

/** What an app was given; the body only once all of it has come. */
interface Given {
  method: string | undefined;
  url: string | undefined;
  headers: readonly string[];
  trailers: readonly string[];
  body: string | undefined;
}

interface Started {
  running: Running;
  given: Given[];
  plugin: Plugin | undefined;
  /** The paths that the guest has seen. */
  guest: string[];
}

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const CANARY = '/canary';
const OVERTAKING = 4;
const PLAIN = 'POST /it HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde';
const LARGE = 'abcdefghijklmnop'.repeat(1 << 18);

/** Tells what it was given, or sends a lot, or waits. */
function appOf(given: Given[]): Handler {
  return async (req: IncomingMessage, res: ServerResponse) => {
    const { method, url } = req;
    const headers = req.rawHeaders.map(normalize);
    const mine: Given = { method, url, headers, trailers: [], body: undefined };
    if (url !== CANARY) given.push(mine);
    // Of a body that breaks off, nothing is said.
    req.on('error', () => undefined);
    if (url === '/never') return;
    if (url === '/large') {
      res.end(LARGE);
      return;
    }
    let body = '';
    req.setEncoding('latin1');
    req.on('data', (text: string) => (body += text));
    await new Promise<void>((resolve) => {
      req.on('end', () => {
        Object.assign(mine, { body, trailers: [...req.rawTrailers] });
        res.end(`<${String(url)} ${body}>`);
      });
      req.on('close', resolve);
    });
  };
}

/** A length may be written anew; and a proxy's upstream has another port each time. */
function normalize(text: string): string {
  return text.replace(/^0+(?=\d+$)/, '').replace(/^127\.0\.0\.1:\d+$/, 'upstream');
}

async function start(target: Target, script?: GuestScript): Promise<Started> {
  const given: Given[] = [];
  const paths: string[] = [];
  const take = (_fields: object, line: string): void => {
    const path = line.replace(/^wasm log[^:]*: /, '');
    if (path !== line && path !== CANARY) paths.push(path);
  };
  const host = createHost({ logger: { level: 'info', info: take } });
  const code = script && (await guest(script));
  const plugin = code && (await host.createPlugin({ code, name: 'guest' }));
  const filters =
    plugin === undefined
      ? []
      : [
          target.wasmFilter?.([plugin], { host, isAttached: false }) ??
            wasmFilter([plugin], { host }),
        ];
  // A proxy's last middleware stands in its upstream.
  const last = (_req: unknown, _res: unknown, next: () => void): void => {
    next();
  };
  const running = await target.start([...filters, last], appOf(given));
  closing.push(async () => {
    await running.close();
    for (const filter of filters) await filter.close();
    await host.close();
  });
  return { running, given, plugin, guest: paths };
}

interface Outcome {
  /** Status lines, and bodies. */
  replies: string[];
  given: Given[];
  guest: string[];
}

/** Sends these bytes on a connection of its own, then the client's end, and waits for the server's. */
async function outcomeOf(started: Started, bytes: string): Promise<Outcome> {
  const { running, given, guest: paths } = started;
  given.length = 0;
  paths.length = 0;
  const connection = new RawConnection(running.port);
  await connection.open;
  connection.write(bytes);
  await overtake(running.port);
  connection.end();
  await connection.closed;
  const replies = connection.text.match(/HTTP\/1.1 \d+|<[^>]*>/g) ?? [];
  return { replies, given: [...given], guest: [...paths] };
}

/** Requests of which each is answered after what was sent before it: no time has to be guessed. */
async function overtake(port: number): Promise<void> {
  const connection = new RawConnection(port);
  for (let answers = 1; answers <= OVERTAKING; answers += 1) {
    connection.write(`GET ${CANARY} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await connection.until(new RegExp(`(?:<${CANARY} >[^]*){${String(answers)}}`));
  }
  connection.destroy();
}

async function outcomes(started: Started): Promise<Record<string, Outcome>> {
  const all: Record<string, Outcome> = {};
  for (const [name, bytes] of Object.entries(hostileRequests)) {
    all[name] = await outcomeOf(started, bytes);
  }
  return all;
}

function isRefusal({ replies }: Outcome): boolean {
  return replies.length > 0 && replies.every((line) => /^HTTP\/1.1 [45]/.test(line));
}

/** The first of each, as often as it is there, in the same order. */
function isPartOf(few: readonly unknown[], many: readonly unknown[]): boolean {
  const rest = many.map((value) => JSON.stringify(value));
  return few.every((value) => {
    const at = rest.indexOf(JSON.stringify(value));
    rest.splice(0, at + 1);
    return at >= 0;
  });
}

describe.each(chosen.map((target) => [target.name, target] as const))('%s', (_name, target) => {
  describe.each(Object.entries(FILTERS))('a filter that %s', (_filter, script) => {
    it('malformed and ambiguous requests come to the same, or are refused', async () => {
      const without = await outcomes(await start(target));
      const started = await start(target, script);
      const withFilter = await outcomes(started);
      for (const [name, outcome] of Object.entries(withFilter)) {
        const plain = without[name]!;
        if (isRefusal(outcome)) {
          expect(isPartOf(outcome.given, plain.given), `${name}: ${JSON.stringify(outcome)}`).toBe(
            true,
          );
        } else {
          expect({ ...outcome, guest: [] }, name).toEqual({ ...plain, guest: [] });
        }
        // Nothing comes to the app that the guest has not seen.
        expect(outcome.guest.length, name).toBeGreaterThanOrEqual(outcome.given.length);
      }
      await vi.waitFor(() => {
        expect(started.plugin?.streams).toBe(0);
      }, WAIT);
      expect(started.plugin?.state).toBe('running');
    });

    it('a byte at a time is as all at once', async () => {
      const started = await start(target, script);
      const connection = new RawConnection(started.running.port);
      const requests = [PLAIN, hostileRequests['trailers']!];
      for (const byte of requests.join('')) {
        connection.write(byte);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await connection.until(/<\/smuggled >/);
      connection.destroy();
      const { given } = await start(target).then(async (plain) => {
        const other = new RawConnection(plain.running.port);
        other.write(requests.join(''));
        await other.until(/<\/smuggled >/);
        other.destroy();
        return plain;
      });
      expect(started.given).toEqual(given);
      expect(started.given.map(({ body }) => body)).toEqual(['abcde', 'abc', '']);
    });

    it('a client that reads slowly gets everything, and keeps nobody waiting', async () => {
      const started = await start(target, script);
      const slow = new RawConnection(started.running.port);
      slow.write('GET /large HTTP/1.0\r\nHost: a\r\n\r\n');
      await slow.until(/HTTP/);
      slow.pause();
      const other = new RawConnection(started.running.port);
      other.write(PLAIN);
      await other.until(/HTTP\/1.1 \d+/);
      other.destroy();
      for (let reads = 0; reads < 20; reads += 1) {
        slow.resume();
        await pause(1);
        slow.pause();
        await pause(1);
      }
      slow.resume();
      await slow.closed;
      // What comes in pieces and is held is more than may be held.
      const isTooMuch = target.name === 'http-proxy' && script === FILTERS['holds bodies'];
      if (isTooMuch) expect(slow.text).toMatch(/^HTTP\/1.1 500/);
      else expect(slow.text.endsWith(`\r\n\r\n${LARGE}`)).toBe(true);
    });

    it.each([
      ['in the head', 'POST /it HTTP/1.1\r\nHos'],
      ['in the body', 'POST /it HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc'],
      ['in a chunk', 'POST /it HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc'],
      ['while it waits', 'GET /never HTTP/1.1\r\nHost: a\r\n\r\n'],
      ['in the answer', 'GET /large HTTP/1.1\r\nHost: a\r\n\r\n'],
    ])('a client that goes away %s leaves nothing behind', async (phase, bytes) => {
      const started = await start(target, script);
      for (const reset of [true, false]) {
        const connection = new RawConnection(started.running.port);
        connection.write(bytes);
        if (phase === 'in the answer') {
          await connection.until(/HTTP/);
          connection.pause();
        } else if (phase !== 'in the head') {
          await vi.waitFor(() => {
            expect(started.plugin?.streams).toBe(1);
          }, WAIT);
        } else await pause(5);
        connection.destroy(reset);
        await connection.closed;
        await vi.waitFor(() => {
          expect(started.plugin?.streams).toBe(0);
        }, WAIT);
      }
      const { replies } = await outcomeOf(started, PLAIN);
      const { replies: plain } = await outcomeOf(await start(target), PLAIN);
      expect(replies).toEqual(plain);
    });
  });
});
