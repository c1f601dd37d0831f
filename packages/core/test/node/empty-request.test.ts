/** Requests without a body, once they are answered. @see src/node/empty-request.ts */
import { once } from 'node:events';
import {
  createServer,
  IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { finished } from 'node:stream/promises';
import { setImmediate as turn } from 'node:timers/promises';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { guest } from '../../../conformance/src/guests/wat-guest.js';
import { wasmFilter } from '../../src/node/index.js';
import { rawClient } from '../support/node-server.js';

const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const close of closers.splice(0).reverse()) await close();
});

async function listen(listener: RequestListener, options = {}): Promise<number> {
  const server: Server = createServer(options, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function behindFilter(listener: RequestListener): Promise<RequestListener> {
  const code = await guest({ callbacks: { proxy_on_request_headers: [], proxy_on_log: [] } });
  const filter = wasmFilter({ name: 'guest', code });
  await filter.ready();
  closers.push(() => filter.close());
  return (req, res) => {
    filter(req, res, () => {
      listener(req, res);
    });
  };
}

interface Observed {
  readonly notes: string[];
  readonly state: string[] | undefined;
}

/** Notes what it sees and does; what it still waits for is part of what it answers. */
type App = (req: IncomingMessage, res: ServerResponse, note: (what: string) => void) => unknown;

const EVENTS = ['end', 'close', 'error', 'aborted', 'data'];

function noteEvents(req: IncomingMessage, note: (what: string) => void): void {
  for (const name of EVENTS) {
    req.on(name, () => {
      note(name);
    });
  }
}

function answerWhenRead(...[req, res, note]: Parameters<App>): void {
  noteEvents(req, note);
  req.on('readable', () => {
    note(`readable ${String(req.read())}`);
  });
  req.on('end', () => res.end('bye'));
}

const REQUESTS = [
  ['GET', GET],
  ['with a length of 0', 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n'],
] as const;

const APPS: Record<string, App> = {
  'answers at once': (_req, res) => res.end('bye'),
  'answers later': async (_req, res) => {
    await turn();
    res.end('bye');
  },
  'listens before it answers': (req, res, note) => {
    noteEvents(req, note);
    res.end('bye');
  },
  'reads it long after': async (req, res, note) => {
    res.end('bye');
    await once(res, 'close');
    for (let turns = 0; turns < 3; turns++) await turn();
    for await (const chunk of req) note(String(chunk));
    req.resume();
    note('read');
  },
  'reads it before it answers': async (req, res, note) => {
    for await (const chunk of req) note(String(chunk));
    note('read');
    res.end('bye');
  },
  'waits for it to be readable': answerWhenRead,
  'waits for it to be readable when it has come': async (...exchange) => {
    await turn();
    answerWhenRead(...exchange);
  },
  'reads it when it has come': async (req, res, note) => {
    await turn();
    note(String(req.read()));
    for await (const chunk of req) note(String(chunk));
    res.end('bye');
  },
  'pipes it': (req, res) => {
    res.write('bye');
    req.pipe(res);
  },
  'resumes it before it answers': (req, res) => {
    req.resume();
    res.end('bye');
  },
  'pauses it': (req, res) => {
    req.pause();
    res.end('bye');
  },
};

/** They come to it after Node has begun to put it away. */
const LATE_APPS: Record<string, App> = {
  'listens when its answer is out': (req, res, note) => {
    res.on('finish', () => {
      noteEvents(req, note);
    });
    res.end('bye');
  },
  'waits for the answer, then for the request': async (req, res, note) => {
    res.end('bye');
    await once(res, 'finish');
    note('finished');
    await once(req, 'close');
    note('closed');
  },
  'waits for the request to be finished': async (req, res, note) => {
    res.end('bye');
    await once(res, 'close');
    await finished(req);
    note('finished');
  },
  'reads it when its answer is out': async (req, res, note) => {
    res.end('bye');
    await once(res, 'finish');
    for await (const chunk of req) note(String(chunk));
    note('read');
  },
  'destroys it when its answer is out': (req, res, note) => {
    req.socket.on('close', () => {
      note('connection closed');
    });
    res.on('finish', () => req.destroy());
    res.end('bye');
  },
};

const STATE = [
  ...['complete', 'aborted', 'destroyed', 'closed', 'errored', 'readable', 'readableAborted'],
  ...['readableDidRead', 'readableEnded', 'readableLength'],
] as const;

function stateOf(req: IncomingMessage): string[] {
  const values = req as unknown as Record<string, unknown>;
  return STATE.map((name) => `${name} ${String(values[name])}`);
}

async function observe(app: App, request: string, filtered: boolean): Promise<Observed> {
  const notes: string[] = [];
  let met: IncomingMessage | undefined;
  const listener: RequestListener = (req, res) => {
    met = req;
    void app(req, res, (what) => notes.push(what));
  };
  const port = await listen(filtered ? await behindFilter(listener) : listener);
  const client = await rawClient(port);
  client.socket.write(request);
  await client.until(/bye(\r\n0\r\n\r\n)?$/);
  // Nothing to wait for where the point is what never comes.
  for (let turns = 0; turns < 20; turns++) await turn();
  client.socket.destroy();
  return { notes, state: met && stateOf(met) };
}

describe.each(Object.entries(APPS))('a request without a body, of an app that %s', (_, app) => {
  it.each(REQUESTS)('ends as it does without filters: %s', async (_name, request) => {
    expect(await observe(app, request, true)).toEqual(await observe(app, request, false));
  });
});

describe.each(Object.entries(LATE_APPS))(
  'a request without a body, of an app that %s',
  (_, app) => {
    it.each(REQUESTS)('tells it all that Node would: %s', async (_name, request) => {
      const { notes } = await observe(app, request, false);
      expect(notes).not.toEqual([]);
      expect((await observe(app, request, true)).notes).toEqual(expect.arrayContaining(notes));
    });
  },
);

describe('a request that nobody listens to', () => {
  it('costs no event and no destroy, and its connection goes on', async () => {
    const destroy = vi.spyOn(IncomingMessage.prototype, 'destroy');
    const emit = vi.spyOn(IncomingMessage.prototype, 'emit');
    const requests: IncomingMessage[] = [];
    const app: RequestListener = (req, res) => {
      requests.push(req);
      res.end('bye');
    };
    const client = await rawClient(await listen(await behindFilter(app)));
    for (const count of [1, 2, 3]) {
      client.socket.write(GET);
      await client.until(new RegExp(`^(.*bye){${String(count)}}$`, 's'));
      await turn();
      await turn();
    }
    expect(requests.map((req) => req.destroyed)).toEqual([true, true, true]);
    expect(destroy).not.toHaveBeenCalled();
    expect(emit.mock.calls).toEqual([]);
    client.socket.destroy();
  });

  it('is let go of by its connection', async () => {
    let parser: { incoming: unknown } | undefined;
    const app: RequestListener = (req, res) => {
      ({ parser } = req.socket as unknown as { parser: { incoming: unknown } });
      res.end('bye');
    };
    const client = await rawClient(await listen(await behindFilter(app)));
    client.socket.write(GET);
    await client.until(/bye$/);
    await turn();
    await turn();
    expect(parser?.incoming).toBeNull();
    client.socket.destroy();
  });

  it('may have been put away by Node before', async () => {
    const options = { optimizeEmptyRequests: true };
    const app: RequestListener = (_req, res) => res.end('bye');
    const client = await rawClient(await listen(await behindFilter(app), options));
    for (const count of [1, 2]) {
      client.socket.write(GET);
      await client.until(new RegExp(`^(.*bye){${String(count)}}$`, 's'));
    }
    client.socket.destroy();
  });
});
