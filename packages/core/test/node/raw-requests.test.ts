/** What clients and apps do that no client library would, with and without a filter. */
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import type { Operation } from '../../../conformance/src/guests/operations.js';
import type { GuestScript } from '../../../conformance/src/guests/wat-guest.js';
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
const REQUEST = 0;
const RESPONSE = 1;
const PAUSE = 1;
const BUFFER = 1;

/** Context ids of streams start at 2. */
const resumeAll = (...streams: number[]): Operation[] => [
  // For the imports of what the loop calls.
  { effectiveContext: 2 },
  { continueStream: REQUEST },
  {
    wat: `(local.set $i (i32.const 2)) (loop $next
      (drop (call $proxy_set_effective_context (local.get $i)))
      ${streams.map((stream) => `(drop (call $proxy_continue_stream (i32.const ${String(stream)})))`).join(' ')}
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 2000))))`,
  },
];
/** Lets everything go every so often. */
const ticks = (ms: number): GuestScript['callbacks'] => ({
  proxy_on_configure: [{ setTickPeriod: ms }],
  proxy_on_tick: resumeAll(REQUEST, RESPONSE),
});

const PASSES: GuestScript = {
  callbacks: {
    proxy_on_request_headers: [],
    proxy_on_request_body: [],
    proxy_on_response_headers: [],
    proxy_on_response_body: [],
  },
};
const BUFFERS: GuestScript = {
  callbacks: { proxy_on_request_body: [{ beforeEnd: [{ return: BUFFER }] }] },
};
const HOLDS_HEAD: GuestScript = {
  callbacks: {
    ...ticks(20),
    proxy_on_request_headers: [{ return: PAUSE }],
    proxy_on_request_body: [],
  },
};
const HOLDS_RESPONSE: GuestScript = {
  callbacks: {
    ...ticks(20),
    proxy_on_response_headers: [{ return: PAUSE }],
    proxy_on_response_body: [],
  },
};
const FILTERS: [string, GuestScript][] = [
  ['looks at everything', PASSES],
  ['holds the body', BUFFERS],
  ['holds the head', HOLDS_HEAD],
  ['holds the response', HOLDS_RESPONSE],
];

const echo: App = (req, res) => {
  let body = '';
  req.setEncoding('latin1');
  req.on('data', (text: string) => (body += text));
  req.on('end', () => {
    res.end(`<${String(req.url)} ${body}>`);
  });
  req.on('error', () => undefined);
};
const atOnce: App = (req, res) => {
  res.end(`<${String(req.url)}>`);
};

let filters: Filters | undefined;
let listening: Listening;
/** The server's ends of its connections. */
const accepted: Socket[] = [];
const clients: RawClient[] = [];

async function start(script: GuestScript, app: App): Promise<void> {
  filters = await startFilters([script]);
  await serve(serverOf(filters.filter, app));
}

async function serve(server: Server): Promise<void> {
  accepted.length = 0;
  server.on('connection', (socket: Socket) => accepted.push(socket));
  listening = await listen(server);
}

function connect(): RawClient {
  const client = new RawClient(listening.port);
  clients.push(client);
  return client;
}

const noStreams = (): Promise<void> =>
  eventually(() => filters?.plugins.every(({ streams }) => streams === 0) !== false, 'no stream');

async function stop(): Promise<void> {
  for (const client of clients.splice(0)) client.destroy();
  await listening.close();
  if (filters === undefined) return;
  await noStreams();
  const { created, deleted } = await filters.close();
  filters = undefined;
  expect(deleted).toBe(created);
}

afterEach(stop);

/** The server lives, and knows nothing more of what was before. */
async function expectAlive(): Promise<void> {
  await noStreams();
  const client = connect();
  client.send('POST /alive HTTP/1.1\nHost: a\nContent-Length: 2', 'ok');
  await client.until(/<\/alive/);
  await noStreams();
}

const LONG = 'x'.repeat(20_000);
const CHUNKED = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
const MALFORMED: [string, string][] = [
  ['a chunk size that is no number', `${CHUNKED}xyz\r\nabc\r\n0\r\n\r\n`],
  ['a chunk longer than it says', `${CHUNKED}3\r\nabcdef\r\n0\r\n\r\n`],
  ['a bad chunk behind a good one', `${CHUNKED}3\r\nabc\r\n-1\r\nabc\r\n0\r\n\r\n`],
  ['a chunk size that is far too large', `${CHUNKED}ffffffffffffffffff\r\nabc\r\n`],
  ['a chunk with an extension', `${CHUNKED}3;a=b\r\nabc\r\n0\r\n\r\n`],
  ['a malformed trailer', `${CHUNKED}3\r\nabc\r\n0\r\nno colon\r\n\r\n`],
  ['bare line feeds', 'GET / HTTP/1.1\nHost: a\n\n'],
  ['a negative length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n'],
  ['a length that is no number', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1a\r\n\r\na'],
  ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
  [
    'a length and chunks',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  ],
  [
    'an encoding other than chunks',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nabc',
  ],
  [
    'a body longer than its length',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcdef',
  ],
  ['a body shorter than its length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc'],
  ['chunks without an end', `${CHUNKED}3\r\nabc\r\n`],
  ['a head that is too long', `GET / HTTP/1.1\r\nHost: a\r\nX-Long: ${LONG}\r\n\r\n`],
  ['a path that is too long', `GET /${LONG} HTTP/1.1\r\nHost: a\r\n\r\n`],
  ['no host', 'GET / HTTP/1.1\r\n\r\n'],
  ['two hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
  ['a name with a space', 'GET / HTTP/1.1\r\nHost: a\r\nx y: 1\r\n\r\n'],
  ['a value with a zero', 'GET / HTTP/1.1\r\nHost: a\r\nx: a\0b\r\n\r\n'],
  ['a folded line', 'GET / HTTP/1.1\r\nHost: a\r\nx: a\r\n b\r\n\r\n'],
  ['an old version', 'POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc'],
  ['a version that is none', 'GET / HTTP/9.9\r\nHost: a\r\n\r\n'],
  ['a method that is none', 'NONSENSE / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['an absolute target', 'GET http://b.test/path HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a target that is a star', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
];

interface Outcome {
  /** What came before the client's end. */
  readonly early: string[];
  readonly lines: string[];
}

/**
 * What comes back when these bytes are sent and then the client's end: statuses and bodies.
 *
 * @param expected how many lines come before that end, where it is known
 */
async function outcome(bytes: string, expected = 0): Promise<Outcome> {
  const client = connect();
  const lines = (): string[] => client.text.match(/HTTP\/1.1 \d+|<[^>]*>/g) ?? [];
  client.write(bytes);
  await eventually(() => isRead(client, bytes), 'the server has read all, or closed');
  const hasCome = (): boolean =>
    lines().length >= expected || isRefusal(lines()) || client.socket.closed;
  await eventually(hasCome, 'the answer');
  // For what comes beyond, or without being known.
  await Promise.race([client.closed, pause(40)]);
  const early = lines();
  client.socket.end();
  await client.closed;
  return { early, lines: lines() };
}

/** The server has taken all of it, or wants no more. */
function isRead({ socket }: RawClient, bytes: string): boolean {
  if (socket.closed) return true;
  const atServer = accepted.find(({ remotePort }) => remotePort === socket.localPort);
  return atServer !== undefined && (atServer.destroyed || atServer.bytesRead >= bytes.length);
}

const isRefusal = (lines: readonly string[]): boolean =>
  lines.length > 0 && lines.every((line) => /^HTTP\/1.1 [45]/.test(line));

describe.each([
  ['an app that reads', echo],
  ['an app that answers at once', atOnce],
])('malformed requests, %s', (_app, app) => {
  it.each(FILTERS)('a filter that %s: as without it, or refused', async (_filter, script) => {
    await serve(createServer(app));
    const without = await Promise.all(MALFORMED.map(([, bytes]) => outcome(bytes)));
    await stop();
    await start(script, app);
    for (const [index, [name, bytes]] of MALFORMED.entries()) {
      const { early, lines: expected } = without[index] as Outcome;
      const { lines } = await outcome(bytes, early.length);
      if (!isRefusal(lines)) expect(lines, name).toEqual(expected);
    }
    await expectAlive();
  });
});

const HEAD = 'POST /it HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n';
const CHUNKS = CHUNKED.replace('POST /', 'POST /it');
const STATES: [string, string][] = [
  ['in the head', 'POST /it HTTP/1.1\r\nHos'],
  ['after the head', HEAD],
  ['in the body', `${HEAD}abc`],
  ['in a chunk', `${CHUNKS}6\r\nabc`],
  ['between chunks', `${CHUNKS}3\r\nabc\r\n`],
  ['after the body', `${HEAD}abcdef`],
  ['after the last chunk', `${CHUNKS}3\r\nabc\r\n0\r\n\r\n`],
];
const waitsForEver: App = () => undefined;
const trickles: App = (req, res) => {
  req.resume();
  res.write('first');
  const timer = setInterval(() => res.write('more'), 5);
  res.on('close', () => {
    clearInterval(timer);
  });
};
const APPS: [string, App][] = [
  ['reads', echo],
  ['answers at once', atOnce],
  ['never answers', waitsForEver],
  ['never ends its answer', trickles],
];

describe.each(FILTERS)('a client that goes away, a filter that %s', (_filter, script) => {
  it.each(APPS)('an app that %s', async (_app, app) => {
    await start(script, (req, res) => {
      (req.url === '/alive' ? echo : app)(req, res);
    });
    const leave = async (bytes: string, ms: number): Promise<void> => {
      const gone = connect();
      gone.write(bytes);
      const half = connect();
      half.write(bytes);
      await pause(ms);
      gone.destroy();
      half.socket.end();
      await pause(5);
      half.destroy();
    };
    await Promise.all([0, 5, 40].flatMap((ms) => STATES.map(([, bytes]) => leave(bytes, ms))));
    await expectAlive();
  });
});

const ENDS: [string, App][] = [
  ['at once', (_req, res) => void res.destroy()],
  ['with its request', (req) => void req.destroy()],
  [
    'after the head',
    (_req, res) => {
      res.writeHead(200, { 'content-length': 10 });
      res.flushHeaders();
      res.destroy();
    },
  ],
  [
    'in the body',
    (_req, res) => {
      res.write('abc');
      res.destroy();
    },
  ],
  [
    'in the body, later',
    (_req, res) => {
      res.write('abc');
      setTimeout(() => res.destroy(), 10);
    },
  ],
  [
    'after the end',
    (_req, res) => {
      res.end('abc');
      res.destroy();
    },
  ],
  [
    'with an error',
    (_req, res) => {
      res.on('error', () => undefined);
      res.write('abc');
      res.destroy(new Error('broken'));
    },
  ],
];

describe.each(FILTERS)('a response that is destroyed, a filter that %s', (_filter, script) => {
  it.each(ENDS)('%s', async (_when, app) => {
    await start(script, (req, res) => {
      (req.url === '/alive' ? echo : app)(req, res);
    });
    const requests = ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', `${HEAD}abcdef`, `${HEAD}abc`, CHUNKS];
    await Promise.all(
      requests.map(async (bytes) => {
        const client = connect();
        client.write(bytes);
        await Promise.race([client.closed, pause(60)]);
        client.destroy();
      }),
    );
    await expectAlive();
  });
});

describe('pipelined requests', () => {
  const refuseSome: GuestScript = {
    callbacks: {
      proxy_on_request_headers: [
        {
          inContext: [3, [{ localResponse: { status: 403, body: '<refused>' } }]],
        },
      ],
      proxy_on_request_body: [{ beforeEnd: [{ return: BUFFER }] }],
      proxy_on_response_headers: [],
    },
  };
  const many = Array.from({ length: 12 }, (_, index) => {
    const body = String(index).repeat(index * 10);
    const head = `POST /${String(index)} HTTP/1.1\r\nHost: a\r\n`;
    const sized = `${head}Content-Length: ${String(body.length)}\r\n\r\n${body}`;
    const chunk = body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`;
    const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`;
    return { bytes: index % 2 === 0 ? sized : chunked, reply: `</${String(index)} ${body}>` };
  });

  it.each(FILTERS)('are answered in order by a filter that %s', async (_filter, script) => {
    await start(script, (req, res) => {
      setTimeout(() => {
        echo(req, res);
      }, Math.random() * 10);
    });
    const client = connect();
    client.write(many.map(({ bytes }) => bytes).join(''));
    await client.until(/<\/11 [^>]*>/);
    expect(client.text.match(/<[^>]*>/g)).toEqual(many.map(({ reply }) => reply));
  });

  it('one that is refused leaves the others in their places', async () => {
    await start(refuseSome, echo);
    const client = connect();
    client.write(many.map(({ bytes }) => bytes).join(''));
    await client.until(/<\/11 [^>]*>/);
    const replies = client.text.match(/<[^>]*>/g) ?? [];
    expect(replies.filter((reply) => reply === '<refused>')).toHaveLength(1);
    expect(replies).toHaveLength(many.length);
    const places = replies.map((reply, index) => [reply, many[index]?.reply]);
    for (const [reply, own] of places) if (reply !== '<refused>') expect(reply).toBe(own);
  });

  it('that wait for others end when the client goes', async () => {
    await start(PASSES, waitsForEver);
    const client = connect();
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(15));
    await eventually(() => filters?.plugins[0]?.streams === 15, 'all of them');
    client.destroy();
    await noStreams();
  });

  it('byte by byte are as in one packet', async () => {
    await start(PASSES, echo);
    const client = connect();
    client.socket.setNoDelay(true);
    for (const byte of many
      .slice(0, 5)
      .map(({ bytes }) => bytes)
      .join('')) {
      client.write(byte);
      if (byte === '\n') await pause(1);
    }
    await client.until(/<\/4 [^>]*>/);
    const replies = many.slice(0, 5).map(({ reply }) => reply);
    expect(client.text.match(/<[^>]*>/g)).toEqual(replies);
  });
});

describe('an app', () => {
  it.each(FILTERS)(
    'may answer early, and the connection goes on, a filter that %s',
    async (_filter, script) => {
      await start(script, atOnce);
      const client = connect();
      client.write(`${HEAD}abcdef`);
      await client.until(/<\/it>/);
      client.write(`${CHUNKS}3\r\nabc\r\n`);
      await client.until(/<\/it>[^]*<\/it>/);
      client.write('3\r\ndef\r\n0\r\n\r\n');
      client.write('GET /last HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(/<\/it>[^]*<\/it>[^]*<\/last>/);
    },
  );

  it('that answers while a filter holds the request has answered', async () => {
    filters = await startFilters([HOLDS_HEAD]);
    const { filter } = filters;
    let passed = 0;
    const server = createServer((req, res) => {
      filter(req, res, () => {
        passed += 1;
        res.end('late');
      });
      // A guard in front of it, say, that has waited long enough.
      if (req.url === '/it') res.writeHead(504).end('<given up>');
      else if (req.url === '/alive') res.end('</alive>');
    });
    await serve(server);
    const client = connect();
    client.write(`${HEAD}abcdef`);
    await client.until(/504[^]*<given up>/);
    await pause(50);
    expect(client.text).not.toContain('late');
    expect(passed).toBe(0);
    await expectAlive();
  });

  it('that never answers keeps its context until the client goes', async () => {
    await start(PASSES, waitsForEver);
    const client = connect();
    client.write(`${HEAD}abcdef`);
    await eventually(() => filters?.plugins[0]?.streams === 1, 'a stream');
    await pause(30);
    expect(filters?.plugins[0]?.streams).toBe(1);
    client.destroy();
    await noStreams();
  });

  it('that closes the connection while it reads is told that nothing more comes', async () => {
    const ends: string[] = [];
    await start(PASSES, (req, res) => {
      req.on('close', () => ends.push('closed'));
      req.resume();
      res.setHeader('connection', 'close');
      res.end('<early>');
    });
    const client = connect();
    client.write(`${CHUNKS}3\r\nabc\r\n`);
    await client.until(/<early>/);
    await client.closed;
    await noStreams();
    expect(ends).toEqual(['closed']);
  });

  it('that is too slow for the server’s own time limit loses the connection, not the context', async () => {
    filters = await startFilters([PASSES]);
    const server = serverOf(filters.filter, waitsForEver);
    server.setTimeout(30);
    await serve(server);
    const client = connect();
    client.write(`${HEAD}abcdef`);
    await client.closed;
    await noStreams();
  });
});

it('many requests that are aborted anywhere leave nothing behind', async () => {
  const holdsEverything: GuestScript = {
    callbacks: {
      ...ticks(3),
      proxy_on_request_headers: [{ return: PAUSE }],
      proxy_on_request_body: [{ beforeEnd: [{ return: BUFFER }] }],
      proxy_on_response_headers: [{ logHeader: [REQUEST_HEADERS, 'x'] }, { return: PAUSE }],
      proxy_on_response_body: [{ beforeEnd: [{ return: PAUSE }] }],
    },
  };
  await start(holdsEverything, (req, res) => {
    (req.url === '/early' ? atOnce : echo)(req, res);
  });
  const random = seeded(3);
  const request = `${HEAD}abcdef${CHUNKS}3\r\nabc\r\n0\r\n\r\n`.repeat(2);
  for (let round = 0; round < 10; round += 1) {
    await Promise.all(
      Array.from({ length: 40 }, async () => {
        const client = connect();
        client.write(request.slice(0, Math.floor(random() * request.length)));
        await pause(random() * 25);
        client.destroy();
        await client.closed;
      }),
    );
  }
  await expectAlive();
});

/** Numbers from 0 to 1 that look random and are the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}
