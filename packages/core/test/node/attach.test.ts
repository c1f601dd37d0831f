import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import type { GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import type { WasmFilter } from '../../src/node/wasm-filter.js';
import {
  eventually,
  listen,
  pause,
  RawClient,
  serverOf,
  startFilters,
  type App,
  type Filters,
  type Listening,
} from '../support/filter-server.js';

const REQUEST_HEADERS = 0;
const REQUEST_BODY = 0;
const REQUEST = 0;
const ALL = 0x7fffffff;
const PAUSE = 1;
/** Holds the head and goes on with body callbacks, where the plugin's options allow it. */
const STOP_ITERATION = 1;

const passes: GuestScript = {
  callbacks: {
    proxy_on_request_headers: [
      { logHeader: [REQUEST_HEADERS, ':path'] },
      { add: [REQUEST_HEADERS, 'x-filter', 'seen'] },
    ],
    proxy_on_log: [{ log: 'over' }],
  },
};
const refuses: GuestScript = {
  callbacks: {
    proxy_on_request_headers: [
      { localResponse: { status: 403, body: 'no', headers: [['x-why', 'because']] } },
    ],
    proxy_on_response_headers: [{ log: 'response' }],
    proxy_on_log: [{ log: 'over' }],
  },
};
/** Lets the head pass with the next tick. */
const waits: GuestScript = {
  callbacks: {
    proxy_on_configure: [{ setTickPeriod: 40 }],
    proxy_on_request_headers: [{ log: 'paused' }, { return: PAUSE }],
    proxy_on_tick: [{ effectiveContext: 2 }, { continueStream: REQUEST }],
  },
};

const echo: App = (req, res) => {
  const chunks: Buffer[] = [];
  req.on('data', (chunk: Buffer) => chunks.push(chunk));
  req.on('end', () => {
    const { 'content-length': length = '-', 'x-filter': filtered = '-' } = req.headers;
    res.end(`${String(filtered)} ${length} ${Buffer.concat(chunks).toString('latin1')}`);
  });
};

const EXPECT = 'POST /up HTTP/1.1\nHost: a\nContent-Length: 5\nExpect: 100-continue';
const UPGRADE = 'GET /ws HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: echo';

let filters: Filters;
let server: Server;
let listening: Listening;
let client: RawClient;

async function start(
  scripts: readonly GuestScript[],
  app: App = echo,
  options: Parameters<typeof startFilters>[1] = {},
): Promise<void> {
  filters = await startFilters(scripts, options);
  await serve(serverOf(filters.filter, app));
  filters.filter.attach(server);
}

async function serve(made: Server): Promise<void> {
  server = made;
  listening = await listen(server);
  client = new RawClient(listening.port);
}

/** An app that speaks its own protocol on a connection: says hello, then echoes. */
function acceptUpgrades(seen: IncomingMessage[] = []): void {
  server.on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) => {
    seen.push(req);
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n',
    );
    socket.write(head);
    socket.pipe(socket);
  });
}

afterEach(async () => {
  client.destroy();
  await listening.close();
  await eventually(() => filters.plugins.every(({ streams }) => streams === 0), 'no stream left');
  const { created, deleted } = await filters.close();
  expect(deleted).toBe(created);
});

describe('Expect: 100-continue', () => {
  it('asks for the body once the filter has let the head pass, and runs it once', async () => {
    await start([passes]);
    client.send(EXPECT);
    await client.until(/^HTTP\/1.1 100 Continue\r\n\r\n$/);
    client.write('hello');
    await client.until(/seen 5 hello$/);
    expect(filters.logs()).toEqual(['/up', 'over']);
  });

  it('does not ask for the body of a request that the filter answers', async () => {
    await start([refuses]);
    client.send(EXPECT);
    await client.closed;
    expect(client.text).toMatch(/^HTTP\/1.1 403 Forbidden\r\n/);
    expect(client.text).toMatch(/\r\nConnection: close\r\n/i);
    expect(client.text).toMatch(/\r\nx-why: because\r\n/);
    expect(client.text).toMatch(/\r\n\r\nno$/);
    expect(client.text).not.toContain('100 Continue');
    expect(filters.logs()).toEqual(['response', 'over']);
  });

  it('waits as long as the filter does', async () => {
    await start([waits]);
    client.send(EXPECT);
    await eventually(() => filters.logs().includes('paused'), 'paused');
    expect(client.text).toBe('');
    await client.until(/100 Continue/);
    client.write('hello');
    await client.until(/5 hello$/);
  });

  it('keeps the length true of a body that a filter changes', async () => {
    const append = [{ atEnd: [{ setBuffer: [REQUEST_BODY, ALL, 0, '!!'] as const }] }];
    await start([{ callbacks: { proxy_on_request_body: append } }]);
    client.send(EXPECT);
    await client.until(/100 Continue/);
    client.write('hello');
    await client.until(/- 7 hello!!$/);
  });

  it('asks for the body where a filter holds the head until it has seen it', async () => {
    const script: GuestScript = {
      callbacks: {
        proxy_on_request_headers: [{ return: STOP_ITERATION }],
        proxy_on_request_body: [
          { atEnd: [{ localResponse: { status: 400, body: 'bad body' } }] },
          { return: PAUSE },
        ],
      },
    };
    await start([script], echo, { allowOnHeadersStopIteration: true });
    client.send(EXPECT);
    await client.until(/100 Continue/);
    client.write('hello');
    await client.until(/400 Bad Request[^]*bad body$/);
  });

  it("leaves the 100 to the app's own listener, behind the filter", async () => {
    await start([passes]);
    server.on('checkContinue', (req: IncomingMessage, res) => {
      res.writeHead(417, { 'x-saw': req.headers['x-filter'] });
      res.end();
    });
    client.send(EXPECT);
    await client.until(/^HTTP\/1.1 417 [^]*x-saw: seen\r\n[^]*\r\n\r\n/);
  });

  it("refuses in front of the app's own listener", async () => {
    filters = await startFilters([refuses]);
    await serve(createServer());
    let calls = 0;
    server.on('checkContinue', () => (calls += 1));
    filters.filter.attach(server);
    client.send(EXPECT);
    await client.until(/403 Forbidden[^]*no$/);
    expect(calls).toBe(0);
  });

  it('lets several filters decide in the order they were attached', async () => {
    await start([waits]);
    const other = await startFilters([refuses]);
    other.filter.attach(server);
    client.send(EXPECT);
    await client.closed;
    expect(client.text).toMatch(/^HTTP\/1.1 403/);
    expect(filters.logs()).toEqual(['paused']);
    await other.close();
  });

  it('asks for the body when the last of several has let it pass', async () => {
    await start([passes]);
    const other = await startFilters([waits]);
    other.filter.attach(server);
    client.send(EXPECT);
    await eventually(() => other.logs().includes('paused'), 'paused');
    expect(client.text).toBe('');
    await client.until(/100 Continue/);
    client.write('hello');
    await client.until(/seen 5 hello$/);
    await other.close();
  });

  it('a filter that the app uses twice runs as often as without attach', async () => {
    filters = await startFilters([passes]);
    const { filter } = filters;
    const twice: App = (req, res) => {
      filter(req, res, () => {
        echo(req, res);
      });
    };
    await serve(serverOf(filter, twice));
    filter.attach(server);
    client.send(EXPECT);
    await client.until(/100 Continue/);
    client.write('hello');
    await client.until(/hello$/);
    expect(filters.logs()).toEqual(['/up', '/up', 'over', 'over']);
  });

  it('a client that goes away meanwhile is forgotten', async () => {
    const script: GuestScript = { callbacks: { proxy_on_request_headers: [{ return: PAUSE }] } };
    await start([script]);
    client.send(EXPECT);
    await eventually(() => filters.plugins[0]?.streams === 1, 'a stream');
    client.destroy();
    await eventually(() => filters.plugins[0]?.streams === 0, 'no stream');
  });

  it('without attach Node asks for the body before any filter sees the request', async () => {
    filters = await startFilters([refuses]);
    await serve(serverOf(filters.filter, echo));
    client.send(EXPECT);
    await client.until(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 403/);
  });

  it('leaves other expectations to Node: 417', async () => {
    await start([passes]);
    client.send('GET / HTTP/1.1\nHost: a\nExpect: miracles');
    await client.until(/^HTTP\/1.1 417/);
  });
});

describe('Upgrade', () => {
  it('passes the edited request on, and then every byte as it is', async () => {
    await start([passes]);
    const seen: IncomingMessage[] = [];
    acceptUpgrades(seen);
    client.send(UPGRADE, 'early');
    await client.until(/101 Switching Protocols[^]*\r\n\r\nearly$/);
    client.write('late');
    await client.until(/earlylate$/);
    expect(seen.map(({ headers }) => headers['x-filter'])).toEqual(['seen']);
    expect(filters.logs()).toEqual(['/ws']);
    expect(filters.plugins[0]?.streams).toBe(1);
    client.socket.end();
    await client.closed;
    await eventually(() => filters.logs().includes('over'), 'on_log');
  });

  it('refuses with a whole response and closes the connection', async () => {
    await start([refuses]);
    const seen: IncomingMessage[] = [];
    acceptUpgrades(seen);
    client.send(UPGRADE);
    await client.closed;
    expect(client.text).toMatch(/^HTTP\/1.1 403 Forbidden\r\n/);
    expect(client.text).toMatch(/\r\ncontent-length: 2\r\n/);
    expect(client.text).toMatch(/\r\nConnection: close\r\n/i);
    expect(client.text).toMatch(/\r\n\r\nno$/);
    expect(seen).toEqual([]);
    expect(filters.logs()).toEqual(['response', 'over']);
  });

  it('waits as long as the filter does, and loses no byte', async () => {
    await start([waits]);
    acceptUpgrades();
    client.send(UPGRADE, 'a');
    client.write('b');
    await eventually(() => filters.logs().includes('paused'), 'paused');
    client.write('c');
    await client.until(/\r\n\r\nabc$/);
  });

  it('takes listeners that come before and after it, in their order, and gives them back', async () => {
    filters = await startFilters([passes]);
    await serve(createServer());
    const calls: string[] = [];
    const listener = (name: string) => (req: IncomingMessage, socket: Socket) => {
      calls.push(`${name} ${String(req.headers['x-filter'])}`);
      if (name === 'last') socket.end('done');
    };
    const [first, second, last] = [listener('first'), listener('second'), listener('last')];
    server.once('upgrade', first);
    filters.filter.attach(server);
    server.on('upgrade', second);
    server.on('upgrade', last);
    await pause(1);
    expect(server.listeners('upgrade')).toEqual([first, second, last]);
    client.send(UPGRADE);
    await client.closed;
    expect(calls).toEqual(['first seen', 'second seen', 'last seen']);
    expect(server.listeners('upgrade')).toEqual([second, last]);
    server.removeListener('upgrade', second);
    expect(server.listeners('upgrade')).toEqual([last]);
    server.once('upgrade', first);
    await pause(1);
    await filters.filter.close();
    expect(server.rawListeners('upgrade')[0]).toBe(last);
    expect(server.rawListeners('upgrade')).toHaveLength(2);
    expect(server.eventNames()).not.toContain('newListener');
    expect(server.listenerCount('checkContinue')).toBe(0);
    expect(server.listenerCount('connect')).toBe(0);
    server.emit('upgrade', { headers: {} }, { end: () => undefined });
    expect(calls.slice(3)).toEqual(['last undefined', 'first undefined']);
    expect(server.rawListeners('upgrade')).toEqual([last]);
  });

  it('without a listener of the app, Node treats it as any request', async () => {
    await start([passes]);
    client.send(UPGRADE);
    await client.until(/HTTP\/1.1 200 OK[^]*seen - $/);
    expect(filters.logs()).toEqual(['/ws', 'over']);
  });

  it('a filter that answers later, by a timer, ends a connection that is upgraded', async () => {
    const script: GuestScript = {
      callbacks: {
        proxy_on_configure: [{ setTickPeriod: 30 }],
        proxy_on_request_headers: [{ log: 'seen' }],
        proxy_on_tick: [{ effectiveContext: 2 }, { localResponse: { status: 500, body: 'late' } }],
      },
    };
    await start([script]);
    acceptUpgrades();
    client.send(UPGRADE);
    await client.until(/101/);
    await client.closed;
    expect(client.text).not.toContain('late');
  });

  it('a filter that fails refuses new ones and leaves those that are open', async () => {
    const script: GuestScript = {
      callbacks: {
        proxy_on_request_headers: [{ inContext: [3, [{ trap: true }]] }],
        proxy_on_response_headers: [{ log: 'response' }],
      },
    };
    await start([script]);
    acceptUpgrades();
    client.send(UPGRADE);
    await client.until(/101/);
    const second = new RawClient(listening.port);
    second.send(UPGRADE);
    await second.closed;
    expect(second.text).toMatch(/^HTTP\/1.1 503/);
    client.write('still here');
    await client.until(/still here$/);
    client.destroy();
    await once(client.socket, 'close');
    // The contexts of a VM that has failed are gone without a callback.
    const { created } = await filters.close();
    filters = { ...filters, plugins: [], close: async () => ({ created, deleted: created }) };
  });

  it('comes after the response to the request before it on the connection', async () => {
    await start([refuses], echo);
    acceptUpgrades();
    const slow: App = (_req, res) => void setTimeout(() => res.end('slow'), 30);
    server.removeAllListeners('request');
    server.on('request', slow);
    client.write('GET /first HTTP/1.1\r\nHost: a\r\n\r\n');
    client.send(UPGRADE);
    await client.closed;
    expect(client.text).toMatch(/^HTTP\/1.1 200 OK[^]*slow[^]*HTTP\/1.1 403 Forbidden[^]*no$/);
  });

  it('a client that goes away while the filter waits never reaches the app', async () => {
    const script: GuestScript = {
      callbacks: {
        proxy_on_request_headers: [{ log: 'paused' }, { return: PAUSE }],
      },
    };
    await start([script]);
    const seen: IncomingMessage[] = [];
    acceptUpgrades(seen);
    const accepted: Socket[] = [];
    server.on('connection', (socket: Socket) => accepted.push(socket));
    client = new RawClient(listening.port);
    client.send(UPGRADE);
    await eventually(() => filters.logs().includes('paused'), 'paused');
    for (const socket of accepted) socket.destroy();
    await client.closed;
    await eventually(() => filters.plugins[0]?.streams === 0, 'no stream');
    expect(seen).toEqual([]);
  });

  it('without attach no filter sees it', async () => {
    filters = await startFilters([refuses]);
    await serve(serverOf(filters.filter, echo));
    acceptUpgrades();
    client.send(UPGRADE);
    await client.until(/101/);
    expect(filters.logs()).toEqual([]);
  });
});

describe('CONNECT', () => {
  const CONNECT = 'CONNECT example.test:443 HTTP/1.1\nHost: example.test:443';

  it('is refused with a word where nobody listens for it', async () => {
    await start([passes]);
    client.send(CONNECT);
    await client.closed;
    expect(client.text).toMatch(/^HTTP\/1.1 501 Not Implemented\r\n/);
    expect(client.text).toMatch(/CONNECT is not supported by this server\.\n$/);
    expect(filters.logs()).toEqual([]);
  });

  it("passes the filter before the app's own listener has it", async () => {
    await start([passes]);
    server.on('connect', (req: IncomingMessage, socket: Socket) => {
      socket.end(`HTTP/1.1 200 OK\r\n\r\n${String(req.headers['x-filter'])}`);
    });
    await pause(1);
    client.send(CONNECT);
    await client.closed;
    expect(client.text).toBe('HTTP/1.1 200 OK\r\n\r\nseen');
    expect(filters.logs()[0]).toBe('example.test:443');
  });

  it("is refused again when the app's listener has gone", async () => {
    await start([passes]);
    const listener = (): void => undefined;
    server.on('connect', listener);
    await pause(1);
    server.removeListener('connect', listener);
    await pause(1);
    client.send(CONNECT);
    await client.closed;
    expect(client.text).toMatch(/^HTTP\/1.1 501 Not Implemented\r\n/);
  });
});

describe('attach', () => {
  it('twice to one server is as once', async () => {
    await start([passes]);
    filters.filter.attach(server);
    client.send(EXPECT);
    await client.until(/100 Continue/);
    client.write('hello');
    await client.until(/hello$/);
    expect(filters.logs()).toEqual(['/up', 'over']);
  });

  it('can go to several servers', async () => {
    await start([refuses]);
    const second = createServer();
    const other = await listen(second);
    filters.filter.attach(second);
    for (const port of [listening.port, other.port]) {
      const each = new RawClient(port);
      each.send(EXPECT);
      await each.closed;
      expect(each.text).toMatch(/^HTTP\/1.1 403/);
    }
    await other.close();
  });

  it('refuses what is no server', async () => {
    await start([passes]);
    const attach = filters.filter.attach as (server: unknown) => void;
    expect(() => attach(undefined)).toThrow(/attach takes a server/);
    expect(() => attach({})).toThrow(expect.objectContaining({ code: 'PW_ERR_OPTIONS_INVALID' }));
  });

  it('waits for plugins that are still starting', async () => {
    await start([passes]);
    const { wasmFilter } = await import('../../src/node/wasm-filter.js');
    const late: WasmFilter = wasmFilter({
      code: new Uint8Array([0, 1, 2]),
      logger: { error: () => undefined },
    });
    const second = createServer();
    const other = await listen(second);
    late.attach(second);
    const each = new RawClient(other.port);
    each.send(EXPECT);
    await each.closed;
    expect(each.text).toMatch(/^HTTP\/1.1 503/);
    await other.close();
    await late.close();
  });
});
