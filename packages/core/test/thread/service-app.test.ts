import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { describe, expect, it, vi } from 'vitest';

import type { Operation } from '../../../conformance/src/guests/operations.js';
import type { HostOptions, ServiceOptions, UpstreamFunction } from '../../src/index.js';
import { atTestEnd } from '../support/calling-plugin.js';
import { serviceHost } from '../support/service-host.js';

const WAIT = { timeout: 10_000 };

/** What a service logs of the calls that it makes from its configuration on. */
async function calling(
  calls: readonly Operation[],
  options: HostOptions = {},
  more: Partial<ServiceOptions> = {},
) {
  const { start, log, host } = serviceHost(options);
  const service = await start(
    {
      proxy_on_configure: calls,
      proxy_on_http_call_response: [
        { logHeader: [6, ':status'] },
        { logHeader: [6, 'x-answer'] },
        { logBuffer: [4] },
        { logCallStatus: true },
      ],
      proxy_on_foreign_function: [{ logBuffer: [8] }, { logCallStatus: true }],
    },
    more,
  );
  const said = async (...texts: string[]): Promise<void> => {
    await vi.waitFor(() => {
      expect(log.texts('info')).toEqual(texts);
    }, WAIT);
  };
  return { service, host, log, said };
}

const call = (upstream: string, more = {}): Operation => ({ httpCall: { upstream, ...more } });
const OK = ['', '0'];

describe('upstreams of a service', () => {
  it('are servers that its thread calls itself', async () => {
    const server = createServer((req, res) => {
      res.setHeader('x-answer', String(req.url));
      res.end('served');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    atTestEnd(() => {
      server.closeAllConnections();
      server.close();
    });
    const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    const { said } = await calling([call('given')], { upstreams: { given: { url } } });
    await said('200', '/', 'served', ...OK);
    const resolveUpstream = (name: string) => (name === 'resolved' ? url : undefined);
    const second = await calling([call('resolved')], { resolveUpstream });
    await second.said('200', '/', 'served', ...OK);
  });

  it('are JavaScript on the main thread', async () => {
    const bodies: string[] = [];
    const answer: UpstreamFunction = async (request) => {
      bodies.push(`${request.method} ${new URL(request.url).pathname} ${await request.text()}`);
      return new Response('answered', { status: 201, headers: { 'x-answer': 'yes' } });
    };
    const headers = [
      [':method', 'POST'],
      [':path', '/p'],
      [':authority', 'a'],
    ] as const;
    const { said } = await calling([call('js', { headers, body: 'body' })], {
      upstreams: { js: answer },
    });
    await said('201', 'yes', 'answered', ...OK);
    expect(bodies).toEqual(['POST /p body']);
  });

  it('are its own before those of the host', async () => {
    const answer = (text: string) => () => new Response(text);
    const { said } = await calling(
      [call('js')],
      { upstreams: { js: answer('of the host') } },
      { upstreams: { js: answer('of the service') } },
    );
    await said('200', 'status 1', 'of the service', ...OK);
  });

  it('that fail are answered as anywhere', async () => {
    const { said, log } = await calling([call('js')], {
      upstreams: { js: () => Promise.reject(new Error('no database')) },
    });
    await said(
      '503',
      'status 1',
      'upstream connect error or disconnect/reset before headers. reset reason: connection termination',
      ...OK,
    );
    expect(log.texts('warn').join()).toContain('the upstream function failed: no database');
  });

  it('that have no name are not reached', async () => {
    const { said, log } = await calling([call('none'), { logStatus: true }]);
    await said('status 2');
    expect(log.texts('warn')).toEqual([
      'there is no upstream "none" among those of plugin and host',
    ]);
  });

  it('by a resolveUpstream that throws are not reached, and the log says why', async () => {
    const { said, log } = await calling([call('odd'), { logStatus: true }], {
      resolveUpstream: () => {
        throw new Error('no table');
      },
    });
    await said('status 2');
    expect(log.texts('error')[0]).toContain('resolveUpstream failed for "odd": no table');
  });

  it('are told when nobody waits any more', async () => {
    let signal: AbortSignal | undefined;
    const { service } = await calling([call('js')], {
      upstreams: {
        js: (request) => {
          ({ signal } = request);
          return new Promise(() => undefined);
        },
      },
    });
    await vi.waitFor(() => {
      expect(signal?.aborted).toBe(false);
    }, WAIT);
    await service.close();
    expect(signal?.aborted).toBe(true);
  });

  it('have the time-outs that the guest asks for', async () => {
    const { said } = await calling([call('js', { timeoutMs: 50 })], {
      upstreams: { js: () => new Promise(() => undefined) },
    });
    await said('504', 'status 1', 'upstream request timeout', ...OK);
  });
});

describe('foreign functions of a service', () => {
  it('run on the main thread, at once or later', async () => {
    const { said } = await calling(
      [{ callForeign: ['now', 'a'] }, { callForeign: ['later', 'b'] }],
      {
        foreignFunctions: {
          now: (argument) => `now ${Buffer.from(argument).toString()}`,
          later: async (argument) => Buffer.from(`later ${Buffer.from(argument).toString()}`),
        },
      },
    );
    await said('now a', '\x01\0\0\0', 'later b', ...OK);
  });

  it('are told who calls', async () => {
    const seen: unknown[] = [];
    const { said } = await calling(
      [{ callForeign: ['who', ''] }, { logStatus: true }],
      {
        foreignFunctions: {
          who: ({ length }, { property, setProperty, ...caller }) => {
            const names = ['plugin_name', 'plugin_root_id', 'a.b', 'none'];
            seen.push(length, caller, names.map(property), setProperty('p', 'v'));
          },
        },
      },
      { rootId: 'r', vm: { id: 'v' }, properties: { a: { b: 'c' } } },
    );
    await said('', 'status 0');
    expect(seen).toEqual([
      0,
      { pluginName: 'service', rootId: 'r', vmId: 'v', contextId: 1 },
      ['service', 'r', 'c', undefined],
      'no-stream',
    ]);
  });

  it('that throw, reject or answer nonsense are status 10, and the log says why', async () => {
    const { said, log } = await calling(
      [
        ...['throws', 'odd', 'rejects', 'odd later'].map((name) => ({
          callForeign: [name, ''] as const,
        })),
      ],
      {
        foreignFunctions: {
          throws: () => {
            throw new Error('thrown');
          },
          odd: () => 7 as never,
          rejects: () => Promise.reject(new Error('rejected')),
          'odd later': () => Promise.resolve(new Map()) as never,
        },
      },
    );
    const failed = ['', 'rejected', '10', '', 'it answered neither bytes nor text nor undefined'];
    await said('status 10', 'status 10', '\x01\0\0\0', '\x02\0\0\0', ...failed, '10');
    expect(log.texts('warn').join()).toMatch(/thrown.*neither bytes nor text.*rejected/);
  });

  it('of Envoy run on its own thread', async () => {
    const { said } = await calling([
      { callForeign: ['uncompress', 'not compressed'] },
      { callForeign: ['none', ''] },
    ]);
    await said('status 3', 'status 1');
  });

  it('see its properties, and so does the guest', async () => {
    const { said } = await calling(
      [{ logProperty: ['node', 'id'] }],
      {},
      { properties: { 'node.id': 'n1' } },
    );
    await said('n1');
  });
});
