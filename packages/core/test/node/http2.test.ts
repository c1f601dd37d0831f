import { constants, type ClientHttp2Session, type ServerHttp2Session } from 'node:http2';

import { afterEach, describe, expect, it } from 'vitest';

import type { GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import {
  eventually,
  pause,
  startFilters,
  type Filters,
  type Listening,
} from '../support/filter-server.js';
import {
  connectTo,
  exchange,
  http2ServerOf,
  listenHttp2,
  type Answer,
  type Http2App,
} from '../support/http2.js';

const REQUEST_HEADERS = 0;
const RESPONSE_HEADERS = 2;
const RESPONSE_TRAILERS = 3;
const RESPONSE_BODY = 1;
const REQUEST = 0;
const RESPONSE = 1;
const ALL = 0x7fffffff;
const PAUSE = 1;

/** Contexts of streams have ids from 2. */
const resumeAll = (stream: number) =>
  Array.from({ length: 60 }, (_, index) => [
    { effectiveContext: index + 2 },
    { continueStream: stream },
  ]).flat();
const waits = (on: 'request' | 'response', ms = 30): GuestScript => ({
  callbacks: {
    proxy_on_configure: [{ setTickPeriod: ms }],
    [`proxy_on_${on}_headers`]: [{ log: 'paused' }, { return: PAUSE }],
    [`proxy_on_${on}_body`]: [],
    proxy_on_tick: resumeAll(on === 'request' ? REQUEST : RESPONSE),
  },
});
const holdsForEver: GuestScript = {
  callbacks: {
    proxy_on_request_headers: [{ log: 'paused' }, { return: PAUSE }],
    proxy_on_request_body: [],
  },
};
const seesAll: GuestScript = {
  callbacks: { proxy_on_request_body: [], proxy_on_response_body: [] },
};

let filters: Filters;
let listening: Listening;
let session: ClientHttp2Session;
const sessions: ServerHttp2Session[] = [];
const errors: unknown[] = [];
const onError = (error: unknown): void => void errors.push(error);

async function start(scripts: readonly GuestScript[], app: Http2App): Promise<void> {
  process.on('uncaughtException', onError);
  filters = await startFilters(scripts);
  const server = http2ServerOf(filters.filter, app);
  server.on('session', (made) => sessions.push(made));
  listening = await listenHttp2(server);
  session = connectTo(listening.port);
}

async function get(path = '/'): Promise<Answer> {
  return exchange(session, { ':path': path });
}

async function post(body: string, path = '/'): Promise<Answer> {
  return exchange(session, { ':path': path, ':method': 'POST' }, (stream) => stream.end(body));
}

const noStreams = (): Promise<void> =>
  eventually(() => filters.plugins.every(({ streams }) => streams === 0), 'no stream left');

const echo: Http2App = (req, res) => {
  let body = '';
  req.setEncoding('latin1');
  req.on('data', (text: string) => (body += text));
  req.on('end', () => {
    res.end(body);
  });
};

afterEach(async () => {
  session.destroy();
  await listening.close();
  sessions.length = 0;
  await noStreams();
  const { created, deleted } = await filters.close();
  process.removeListener('uncaughtException', onError);
  expect(errors.splice(0)).toEqual([]);
  expect(deleted).toBe(created);
});

describe('HTTP/2 heads', () => {
  it('maps pseudo headers both ways', async () => {
    const script: GuestScript = {
      callbacks: {
        proxy_on_request_headers: [
          { logHeader: [REQUEST_HEADERS, ':method'] },
          { logHeader: [REQUEST_HEADERS, ':path'] },
          { logHeader: [REQUEST_HEADERS, ':authority'] },
          { logHeader: [REQUEST_HEADERS, ':scheme'] },
          { logHeader: [REQUEST_HEADERS, 'host'] },
          { replace: [REQUEST_HEADERS, ':path', '/new?q'] },
          { replace: [REQUEST_HEADERS, ':authority', 'new.test'] },
          { replace: [REQUEST_HEADERS, ':method', 'PUT'] },
        ],
        proxy_on_response_headers: [
          { logHeader: [RESPONSE_HEADERS, ':status'] },
          { replace: [RESPONSE_HEADERS, ':status', '202'] },
        ],
      },
    };
    await start([script], (req, res) => {
      const { ':path': path, ':authority': authority, ':method': method } = req.headers;
      res.end(JSON.stringify([req.url, req.method, req.authority, path, authority, method]));
    });
    const answer = await exchange(session, { ':path': '/a?b', ':authority': 'old.test' });
    expect(JSON.parse(answer.body)).toEqual([
      ...['/new?q', 'PUT', 'new.test'],
      ...['/new?q', 'new.test', 'PUT'],
    ]);
    expect(answer.status).toBe(202);
    expect(filters.logs()).toEqual(['GET', '/a?b', 'old.test', 'http', 'old.test', '200']);
  });

  it('an app that sets headers of the connection is as without a filter', async () => {
    const warned: string[] = [];
    const onWarning = ({ message }: Error): void => void warned.push(message);
    process.on('warning', onWarning);
    await start([seesAll], (_req, res) => {
      res.setHeader('connection', 'close');
      res.setHeader('x-app', '1');
      res.end('fine');
    });
    const answer = await get();
    expect(answer).toMatchObject({ status: 200, body: 'fine' });
    expect(answer.headers).toMatchObject({ 'x-app': '1' });
    expect(answer.headers).not.toHaveProperty('connection');
    await pause(1);
    process.removeListener('warning', onWarning);
    // Node's own word to the app, once a process.
    expect(warned.every((message) => message.includes('connection header is not valid'))).toBe(
      true,
    );
  });

  it('1xx responses go ahead of a head that a filter holds', async () => {
    await start([waits('response')], (_req, res) => {
      res.writeEarlyHints({ link: '</a.css>; rel=preload' });
      res.end('fine');
    });
    expect(await get()).toMatchObject({ status: 200, body: 'fine', informational: [103] });
  });

  it('a header that is too long for the peer ends that stream alone', async () => {
    const script: GuestScript = {
      callbacks: {
        proxy_on_response_headers: Array.from({ length: 5 }, (_, index) => ({
          add: [RESPONSE_HEADERS, `x-long-${String(index)}`, 'x'.repeat(15_000)] as const,
        })),
      },
    };
    await start([script], (req, res) => {
      res.end(req.url);
    });
    const answer = await get('/long');
    expect([undefined, 200]).toContain(answer.status);
    await noStreams();
  });
});

describe('HTTP/2 trailers', () => {
  const app: Http2App = (req, res) => {
    req.resume();
    req.on('end', () => {
      res.write('hello');
      res.addTrailers({ 'x-sum': String(req.trailers['x-sum'] ?? 'none') });
      res.end();
    });
  };

  it('pass both ways, changed by filters', async () => {
    const script: GuestScript = {
      callbacks: {
        proxy_on_request_trailers: [{ replace: [1, 'x-sum', 'from the filter'] }],
        proxy_on_response_trailers: [
          { logHeader: [RESPONSE_TRAILERS, 'x-sum'] },
          { add: [RESPONSE_TRAILERS, 'x-made', '1'] },
          { add: [RESPONSE_TRAILERS, 'transfer-encoding', 'chunked'] },
        ],
      },
    };
    await start([script], app);
    const stream = session.request(
      { ':path': '/', ':method': 'POST' },
      { waitForTrailers: true, endStream: false },
    );
    stream.on('wantTrailers', () => {
      stream.sendTrailers({ 'x-sum': '1' });
    });
    const trailers = new Promise((resolve) => stream.on('trailers', resolve));
    stream.resume();
    stream.end('abc');
    expect(await trailers).toMatchObject({ 'x-sum': 'from the filter', 'x-made': '1' });
    expect(filters.logs()).toEqual(['from the filter']);
  });

  it('that a filter makes come after a body in one go', async () => {
    const script: GuestScript = {
      callbacks: {
        proxy_on_response_body: [{ atEnd: [{ add: [RESPONSE_TRAILERS, 'x-made', '1'] }] }],
      },
    };
    await start([script], (_req, res) => {
      res.end('hello');
    });
    const answer = await get();
    expect(answer).toMatchObject({ status: 200, body: 'hello' });
    expect(answer.trailers).toMatchObject({ 'x-made': '1' });
  });
});

describe('HTTP/2 flow', () => {
  it('starts for a filter that holds the head until the body has come', async () => {
    await start([waits('request', 20)], echo);
    const body = 'x'.repeat(200_000);
    expect(await post(body)).toMatchObject({ status: 200, body });
  });

  it('goes on for many streams at once, each with its body', async () => {
    await start([seesAll], echo);
    const bodies = Array.from({ length: 40 }, (_, index) => String(index).repeat(5000));
    const answers = await Promise.all(bodies.map((body) => post(body)));
    expect(answers.map(({ body }) => body)).toEqual(bodies);
  });

  it('drops what a filter lets go after the stream has closed', async () => {
    // The app answers without reading; the body is let go when the answer is out.
    const script: GuestScript = {
      callbacks: {
        proxy_on_configure: [{ setTickPeriod: 40 }],
        proxy_on_request_body: [{ return: PAUSE }],
        proxy_on_tick: resumeAll(REQUEST),
      },
    };
    await start([script], (_req, res) => {
      res.end('early');
    });
    const answers = await Promise.all(Array.from({ length: 20 }, () => post('y'.repeat(30_000))));
    expect(answers.every(({ body }) => body === 'early')).toBe(true);
    await pause(60);
    expect(await post('again')).toMatchObject({ body: 'early' });
  });
});

describe('an HTTP/2 exchange ends once', () => {
  it('when the client resets the stream while a filter holds the request', async () => {
    let calls = 0;
    await start([holdsForEver], () => (calls += 1));
    const stream = session.request({ ':path': '/', ':method': 'POST' }, { endStream: false });
    stream.on('error', () => undefined);
    stream.write('abc');
    await eventually(() => filters.logs().includes('paused'), 'paused');
    stream.close(constants.NGHTTP2_CANCEL);
    await noStreams();
    expect(calls).toBe(0);
  });

  it('when the client resets it while a filter holds the response', async () => {
    await start([waits('response', 10_000)], (_req, res) => {
      res.write('abc');
    });
    const stream = session.request({ ':path': '/' });
    stream.on('error', () => undefined);
    await eventually(() => filters.logs().includes('paused'), 'paused');
    stream.close(constants.NGHTTP2_CANCEL);
    await noStreams();
  });

  it('when the app resets the stream', async () => {
    await start([seesAll], (_req, res) => {
      res.write('abc');
      res.stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    });
    expect(await get()).toMatchObject({ resetCode: constants.NGHTTP2_ENHANCE_YOUR_CALM });
    await noStreams();
  });

  it('when the server says goodbye while a filter holds it: it is still answered', async () => {
    await start([waits('request', 60)], echo);
    const answer = post('late');
    await eventually(() => filters.logs().includes('paused'), 'paused');
    for (const each of sessions) each.close();
    expect(await answer).toMatchObject({ status: 200, body: 'late' });
  });

  it('when the client says goodbye while a filter holds it', async () => {
    await start([waits('request', 60)], echo);
    const answer = post('late');
    await eventually(() => filters.logs().includes('paused'), 'paused');
    session.goaway();
    session.close();
    expect(await answer).toMatchObject({ status: 200, body: 'late' });
  });

  it('when the session is destroyed while a filter holds it', async () => {
    await start([holdsForEver], echo);
    const answers = [post('a'), post('b'), get()];
    await eventually(() => filters.plugins[0]?.streams === 3, 'three streams');
    session.destroy();
    await Promise.all(answers);
    await noStreams();
  });

  it('a filter that closes the stream resets it, and no other', async () => {
    const script: GuestScript = {
      callbacks: {
        proxy_on_response_headers: [{ inContext: [2, [{ closeStream: RESPONSE }]] }],
      },
    };
    await start([script], echo);
    const [first, second] = await Promise.all([post('one'), post('two')]);
    expect([first, second].filter(({ body }) => body === '')).toHaveLength(1);
    expect([first, second].filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it('each of many that are reset at random points', async () => {
    const script: GuestScript = {
      callbacks: {
        proxy_on_configure: [{ setTickPeriod: 5 }],
        proxy_on_request_headers: [{ return: PAUSE }],
        proxy_on_request_body: [{ beforeEnd: [{ return: PAUSE }] }],
        proxy_on_response_body: [{ beforeEnd: [{ return: PAUSE }] }],
        proxy_on_tick: [...resumeAll(REQUEST), ...resumeAll(RESPONSE)],
      },
    };
    await start([script], (req, res) => {
      if (req.url === '/early') res.end('early');
      else echo(req, res);
    });
    const random = seeded(7);
    await Promise.all(
      Array.from({ length: 300 }, async () => {
        await pause(random() * 200);
        const path = random() < 0.5 ? '/early' : '/echo';
        const stream = session.request({ ':path': path, ':method': 'POST' }, { endStream: false });
        const closed = new Promise((resolve) => stream.once('close', resolve));
        stream.on('error', () => undefined);
        stream.resume();
        stream.write('x'.repeat(random() * 40_000));
        await pause(random() * 15);
        if (random() < 0.5) stream.end('end');
        await pause(random() * 15);
        stream.close(constants.NGHTTP2_CANCEL);
        await closed;
      }),
    );
    await noStreams();
  });
});

describe('a response of HTTP/2', () => {
  it('of a filter, over the app that still writes', async () => {
    const script: GuestScript = {
      callbacks: {
        proxy_on_response_headers: [{ localResponse: { status: 502, body: 'not that' } }],
      },
    };
    await start([script], (_req, res) => {
      res.writeHead(200, { 'content-length': 4 });
      res.write('ab');
      res.end('cd');
    });
    expect(await get()).toMatchObject({ status: 502, body: 'not that' });
  });

  it('has a true length or none when a filter changes it', async () => {
    const script: GuestScript = {
      callbacks: {
        proxy_on_response_body: [{ atEnd: [{ setBuffer: [RESPONSE_BODY, ALL, 0, '!'] }] }],
      },
    };
    await start([script], (req, res) => {
      const length = Number(req.url.slice(1));
      res.writeHead(200, { 'content-length': length });
      res.write('x'.repeat(length - 1));
      res.end('x');
    });
    const short = await get('/10');
    expect(short.body).toBe(`${'x'.repeat(10)}!`);
    expect(short.headers['content-length']).toBe('11');
    const long = await get('/100000');
    expect(long.body).toHaveLength(100_001);
    expect(long.headers['content-length']).toBe(undefined);
  });
});

/** Numbers from 0 to 1 that look random and are the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}
