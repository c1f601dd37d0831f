/** What filters see of TCP connections, and what they do with them, over real sockets. */
import { describe, expect, it, vi } from 'vitest';

import type { Operation } from '../../../conformance/src/guests/operations.js';
import { serveTcp, startTcpFilters, TcpClient } from '../support/tcp-server.js';

const DOWNSTREAM = 2;
const UPSTREAM = 3;
const ALL = 0x7fffffff;

const logClose = (side: string): readonly Operation[] => [{ log: side }, { logSize: true }];
const LIFECYCLE = {
  proxy_on_new_connection: [{ log: 'new' }],
  proxy_on_downstream_data: [{ log: 'down' }, { logSizeAndEnd: true }],
  proxy_on_upstream_data: [{ log: 'up' }, { logSizeAndEnd: true }],
  proxy_on_downstream_connection_close: logClose('down closed'),
  proxy_on_upstream_connection_close: logClose('up closed'),
  proxy_on_done: [{ log: 'done' }],
  proxy_on_log: [{ log: 'log' }],
  proxy_on_delete: [
    { wat: '(if (i32.gt_u (local.get $context) (i32.const 1)) (then' },
    { log: 'delete' },
    { wat: '))' },
  ],
} satisfies Record<string, readonly Operation[]>;

describe('a connection', () => {
  it('runs through every callback, in the order of Envoy', async () => {
    const filters = await startTcpFilters([{ callbacks: LIFECYCLE }]);
    const app = await serveTcp(filters.filter, (socket) => {
      socket.on('end', () => socket.end());
      socket.on('data', () => socket.write('answer'));
    });
    const client = new TcpClient(app.port);
    client.write('hello');
    await vi.waitFor(() => expect(client.text).toBe('answer'));
    client.end();
    await client.closed;
    await vi.waitFor(() => expect(filters.streams()).toBe(0));
    expect(app.received()).toBe('hello|');
    expect(client.text).toBe('answer|');
    expect(filters.logs()).toEqual([
      'new',
      ...['down', '5 0', 'up', '6 0'],
      ...['down', '0 1', 'up', '0 1', 'up closed', '0'],
      // The app's end came last: closed on this side.
      ...['down closed', '1', 'done', 'log', 'delete'],
    ]);
    expect(filters.contexts()).toEqual({ created: 1, deleted: 1 });
  });

  it.each([
    ['the client breaks it off', 2, (client: TcpClient) => client.socket.resetAndDestroy()],
    ['the app destroys it', 1, undefined],
  ])('says who closed it: %s', async (_, peer, breakOff) => {
    const filters = await startTcpFilters([{ callbacks: LIFECYCLE }]);
    const app = await serveTcp(filters.filter);
    const client = new TcpClient(app.port);
    client.write('a');
    await vi.waitFor(() => expect(app.received()).toBe('a'));
    if (breakOff === undefined) app.sockets[0]?.destroy();
    else breakOff(client);
    await vi.waitFor(() => expect(filters.logs().at(-1)).toBe('delete'));
    expect(filters.logs().slice(3)).toEqual(['down closed', String(peer), 'done', 'log', 'delete']);
    expect(filters.streams()).toBe(0);
  });

  it('that the client ends first is closed by it, on a server without half-open connections', async () => {
    const filters = await startTcpFilters([{ callbacks: LIFECYCLE }]);
    const app = await serveTcp(filters.filter, undefined, false);
    const client = new TcpClient(app.port);
    client.end();
    await client.closed;
    await vi.waitFor(() => expect(filters.logs().at(-1)).toBe('delete'));
    expect(filters.logs().slice(-5, -3)).toEqual(['down closed', '2']);
  });

  it('passes a filter without callbacks untouched, in both directions', async () => {
    const filters = await startTcpFilters([{ callbacks: {} }]);
    const app = await serveTcp(filters.filter, (socket) => socket.pipe(socket));
    const client = new TcpClient(app.port);
    client.write('round trip');
    client.end();
    await client.closed;
    expect(client.text).toBe('round trip|');
    expect(filters.plugins[0]?.streams).toBe(0);
  });

  it('takes text, bytes and many writes at once from the app', async () => {
    const filters = await startTcpFilters([
      { callbacks: { proxy_on_upstream_data: [{ setBuffer: [UPSTREAM, 0, 0, '<'] }] } },
    ]);
    const done: string[] = [];
    const app = await serveTcp(filters.filter, (socket) => {
      socket.cork();
      socket.write('e9', 'hex', () => done.push('hex'));
      socket.write('ü', 'latin1', () => done.push('latin1'));
      socket.write(Buffer.from('bytes'), () => done.push('bytes'));
      socket.uncork();
      socket.end('end', () => done.push('end'));
    });
    const client = new TcpClient(app.port);
    await vi.waitFor(() => expect(client.text.endsWith('|')).toBe(true));
    expect(client.text.replaceAll('<', '')).toBe('\u00e9\u00fcbytesend|');
    expect(client.text.startsWith('<')).toBe(true);
    expect(done).toEqual(['hex', 'latin1', 'bytes', 'end']);
    client.end();
  });
});

describe('buffers', () => {
  it.each([
    ['prepend', [0, 0, '<'], '<abc'],
    ['replace', [0, ALL, 'new'], 'new'],
    ['replace the first bytes', [0, 2, '-'], '-c'],
    ['append', [ALL, 0, '>'], 'abc>'],
  ] as const)('%s in both directions', async (_, [start, length, text], result) => {
    const filters = await startTcpFilters([
      {
        callbacks: {
          proxy_on_downstream_data: [
            {
              beforeEnd: [
                { logBuffer: [DOWNSTREAM] },
                { setBuffer: [DOWNSTREAM, start, length, text] },
              ],
            },
          ],
          proxy_on_upstream_data: [
            {
              beforeEnd: [
                { logBuffer: [UPSTREAM] },
                { setBuffer: [UPSTREAM, start, length, text] },
              ],
            },
          ],
        },
      },
    ]);
    const app = await serveTcp(filters.filter, (socket) =>
      socket.once('data', () => socket.end('abc')),
    );
    const client = new TcpClient(app.port);
    client.write('abc');
    await vi.waitFor(() => expect(client.text).toBe(`${result}|`));
    expect(app.received()).toBe(result);
    expect(filters.logs()).toEqual(['abc', 'abc']);
  });

  it('have nothing outside their callbacks, and can not be changed then', async () => {
    const look: Operation[] = [
      { logBuffer: [DOWNSTREAM] },
      { logBuffer: [UPSTREAM] },
      { setBuffer: [DOWNSTREAM, 0, 0, 'x'] },
      { logStatus: true },
    ];
    const filters = await startTcpFilters([
      { callbacks: { proxy_on_new_connection: look, proxy_on_upstream_data: look } },
    ]);
    const app = await serveTcp(filters.filter, (socket) => socket.write('up'));
    const client = new TcpClient(app.port);
    await vi.waitFor(() => expect(client.text).toBe('up'));
    expect(filters.logs()).toEqual(['', '', 'status 2', '', 'up', 'status 2']);
  });

  it('refuse a range in the middle', async () => {
    const filters = await startTcpFilters([
      {
        callbacks: {
          proxy_on_downstream_data: [{ setBuffer: [DOWNSTREAM, 1, 1, 'x'] }, { logStatus: true }],
        },
      },
    ]);
    const app = await serveTcp(filters.filter);
    const client = new TcpClient(app.port);
    client.write('abc');
    await vi.waitFor(() => expect(app.received()).toBe('abc'));
    expect(filters.logs()).toEqual(['status 2']);
  });
});

describe('a pause', () => {
  it('keeps bytes: the next callback sees all of them, edits included, and the last with the end', async () => {
    const filters = await startTcpFilters([
      {
        callbacks: {
          proxy_on_downstream_data: [
            { logBuffer: [DOWNSTREAM] },
            { logSizeAndEnd: true },
            { beforeEnd: [{ setBuffer: [DOWNSTREAM, ALL, 0, '.'] }, { return: 1 }] },
          ],
        },
      },
    ]);
    const app = await serveTcp(filters.filter);
    const client = new TcpClient(app.port);
    client.write('one');
    await vi.waitFor(() => expect(filters.logs()).toHaveLength(2));
    client.write('two');
    await vi.waitFor(() => expect(filters.logs()).toHaveLength(4));
    expect(app.received()).toBe('');
    client.end();
    await vi.waitFor(() => expect(app.received()).toBe('one.two.|'));
    expect(filters.logs()).toEqual(['one', '3 0', 'one.two', '7 0', 'one.two.', '8 1']);
  });

  it('of what the server sends keeps it too, though the app has written it', async () => {
    const filters = await startTcpFilters([
      {
        callbacks: {
          proxy_on_upstream_data: [{ logBuffer: [UPSTREAM] }, { beforeEnd: [{ return: 1 }] }],
        },
      },
    ]);
    const chunk = Buffer.from('abc');
    const app = await serveTcp(filters.filter, (socket) => {
      // Its memory is the app's again once it is written.
      socket.write(chunk, () => {
        chunk.fill('x');
        socket.write('def');
      });
    });
    const client = new TcpClient(app.port);
    await vi.waitFor(() => expect(filters.logs()).toEqual(['abc', 'abcdef']));
    expect(client.text).toBe('');
    app.sockets[0]?.end();
    await vi.waitFor(() => expect(client.text).toBe('abcdef|'));
  });

  it('ends by proxy_continue_stream from a tick, for each direction', async () => {
    const filters = await startTcpFilters([
      {
        callbacks: {
          proxy_on_configure: [{ setTickPeriod: 5 }],
          proxy_on_downstream_data: [{ log: 'paused' }, { return: 1 }],
          proxy_on_upstream_data: [{ log: 'paused' }, { return: 1 }],
          proxy_on_tick: [
            { effectiveContext: 2 },
            { continueStream: DOWNSTREAM },
            { continueStream: UPSTREAM },
          ],
        },
      },
    ]);
    const app = await serveTcp(filters.filter, (socket) => socket.pipe(socket));
    const client = new TcpClient(app.port);
    client.write('a');
    await vi.waitFor(() => expect(client.text).toBe('a'));
    client.end();
    await client.closed;
    expect(client.text).toBe('a|');
    // Each direction: its byte, then its end. What was resumed is not shown again.
    expect(filters.logs()).toEqual(['paused', 'paused', 'paused', 'paused']);
  });

  it('is over where the callback resumed before it returned', async () => {
    const filters = await startTcpFilters([
      {
        callbacks: {
          proxy_on_new_connection: [{ continueStream: DOWNSTREAM }, { return: 1 }],
          proxy_on_downstream_data: [{ continueStream: DOWNSTREAM }, { return: 1 }],
          proxy_on_upstream_data: [
            { continueStream: UPSTREAM },
            { logStatus: true },
            { return: 1 },
          ],
        },
      },
    ]);
    const app = await serveTcp(filters.filter, (socket) => socket.pipe(socket));
    const client = new TcpClient(app.port);
    client.write('a');
    client.end();
    await client.closed;
    expect(client.text).toBe('a|');
    expect(filters.logs()[0]).toBe('status 0');
  });

  it('of the new connection keeps it from the app, and bytes from the filter, until resumed', async () => {
    const filters = await startTcpFilters([
      {
        callbacks: {
          proxy_on_new_connection: [{ log: 'new' }, { return: 1 }],
          proxy_on_downstream_data: [{ logBuffer: [DOWNSTREAM] }],
          proxy_on_tick: [{ effectiveContext: 2 }, { continueStream: DOWNSTREAM }],
        },
      },
    ]);
    const app = await serveTcp(filters.filter);
    const client = new TcpClient(app.port);
    client.write('early');
    client.end();
    await vi.waitFor(() => expect(filters.logs()).toEqual(['new']));
    await vi.waitFor(() => expect(client.socket.writableFinished).toBe(true));
    expect(app.sockets).toHaveLength(0);
    filters.plugins[0]?.context?.onTick();
    await vi.waitFor(() => expect(app.received()).toBe('early|'));
    expect(filters.logs()).toEqual(['new', 'early']);
  });
});

describe('a filter that closes', () => {
  it.each([DOWNSTREAM, UPSTREAM])(
    'stream %d in a data callback: the client gets what was sent and then an end',
    async (stream) => {
      const filters = await startTcpFilters([
        {
          callbacks: {
            ...LIFECYCLE,
            proxy_on_downstream_data: [{ closeStream: stream }],
            proxy_on_upstream_data: [],
          },
        },
      ]);
      const app = await serveTcp(filters.filter, (socket) => socket.write('bye'));
      const client = new TcpClient(app.port);
      await vi.waitFor(() => expect(client.text).toBe('bye'));
      client.write('bad');
      await vi.waitFor(() => expect(client.text).toBe('bye|'));
      client.end();
      await client.closed;
      expect(client.error).toBe(undefined);
      expect(app.received()).toBe('');
      expect(filters.logs()).toEqual(['new', 'down closed', '1', 'done', 'log', 'delete']);
      await vi.waitFor(() => expect(app.sockets[0]?.destroyed).toBe(true));
    },
  );

  it('the new connection: the app never sees it', async () => {
    const filters = await startTcpFilters([
      { callbacks: { proxy_on_new_connection: [{ closeStream: DOWNSTREAM }] } },
    ]);
    const app = await serveTcp(filters.filter);
    const client = new TcpClient(app.port);
    await vi.waitFor(() => expect(client.text).toBe('|'));
    client.end();
    await client.closed;
    expect(app.sockets).toHaveLength(0);
    expect(filters.contexts()).toEqual({ created: 1, deleted: 1 });
  });

  it('does not wait for ever for a client that stays', async () => {
    const filters = await startTcpFilters([
      { callbacks: { proxy_on_downstream_data: [{ closeStream: DOWNSTREAM }] } },
    ]);
    const app = await serveTcp(filters.filter);
    const client = new TcpClient(app.port);
    client.write('bad');
    await vi.waitFor(() => expect(client.text).toBe('|'));
    await vi.waitFor(() => expect(app.sockets[0]?.destroyed).toBe(true));
  });

  it('leaves the app’s later writes without an effect and without an error', async () => {
    const filters = await startTcpFilters([
      { callbacks: { proxy_on_downstream_data: [{ closeStream: DOWNSTREAM }] } },
    ]);
    const errors: unknown[] = [];
    const written: unknown[] = [];
    const app = await serveTcp(filters.filter, (socket) =>
      socket.on('error', (error) => errors.push(error)),
    );
    const client = new TcpClient(app.port);
    client.write('bad');
    await vi.waitFor(() => expect(client.text).toBe('|'));
    app.sockets[0]?.write('late', (error) => written.push(error));
    await vi.waitFor(() => expect(written).toHaveLength(1));
    client.end();
    await client.closed;
    expect(client.text).toBe('|');
    expect(errors).toEqual([]);
  });
});

describe('a chain', () => {
  const naming = (name: string) => ({
    callbacks: {
      proxy_on_new_connection: [{ log: `${name} new` }],
      proxy_on_downstream_data: [
        { beforeEnd: [{ setBuffer: [DOWNSTREAM, ALL, 0, name] as const }] },
      ],
      proxy_on_upstream_data: [{ beforeEnd: [{ setBuffer: [UPSTREAM, ALL, 0, name] as const }] }],
      proxy_on_log: [{ log: `${name} log` }],
    },
  });

  it('asks first to last for what the client sends, and last to first for what the server sends', async () => {
    const filters = await startTcpFilters([naming('A'), naming('B')]);
    const app = await serveTcp(filters.filter, (socket) =>
      socket.once('data', () => socket.end('.')),
    );
    const client = new TcpClient(app.port);
    client.write('.');
    await vi.waitFor(() => expect(client.text).toBe('.BA|'));
    client.end();
    await client.closed;
    expect(app.received().startsWith('.AB')).toBe(true);
    await vi.waitFor(() => expect(filters.streams()).toBe(0));
    expect(filters.logs()).toEqual(['A new', 'B new', 'A log', 'B log']);
  });

  it('of filters that come to a connection one after the other is in that order', async () => {
    const first = await startTcpFilters([naming('A')]);
    const second = await startTcpFilters([naming('B')]);
    const app = await serveTcp(first.filter, (socket) => {
      second.filter(socket, () => socket.end('.'));
    });
    const client = new TcpClient(app.port);
    client.write('.');
    await vi.waitFor(() => expect(app.received()).toBe('.AB'));
    expect(client.text).toBe('.BA|');
  });

  it('lets each filter see each byte once, though a later one pauses', async () => {
    const filters = await startTcpFilters([
      { callbacks: { proxy_on_downstream_data: [{ logBuffer: [DOWNSTREAM] }] } },
      {
        callbacks: {
          proxy_on_downstream_data: [{ beforeEnd: [{ return: 1 }] }, { logBuffer: [DOWNSTREAM] }],
        },
      },
    ]);
    const app = await serveTcp(filters.filter);
    const client = new TcpClient(app.port);
    client.write('a');
    await vi.waitFor(() => expect(filters.logs()).toEqual(['a']));
    client.write('b');
    await vi.waitFor(() => expect(filters.logs()).toEqual(['a', 'b']));
    client.end();
    await vi.waitFor(() => expect(app.received()).toBe('ab|'));
    expect(filters.logs()).toEqual(['a', 'b', '', 'ab']);
  });
});
