/** The filter ext-authz-go on a real server, asking another one. */
import type { RequestListener } from 'node:http';
import { connect } from 'node:net';

import { describe, expect, it, vi } from 'vitest';

import type { HostOptions, PluginOptions } from '../../src/index.js';
import { httpServer } from '../support/calling-plugin.js';
import {
  exampleFilter,
  exampleHost,
  refusalOf,
  serveBehind,
  WAIT,
} from '../support/example-filters.js';

const code = exampleFilter('ext-authz-go');

interface Asked {
  method: string | undefined;
  url: string | undefined;
  headers: object;
}

/** Lets Bearer <name> pass, sends others to a login, and hangs or breaks where it is told to. */
async function authorizationService() {
  const asked: Asked[] = [];
  const held: (() => void)[] = [];
  const listener: RequestListener = ({ method, url, headers }, res) => {
    asked.push({ method, url, headers });
    const { authorization = '' } = headers;
    if (authorization.startsWith('Bearer ')) {
      res.setHeader('x-auth-user', authorization.slice(7));
      res.writeHead(200, { 'x-other': '1' }).end('ignored');
    } else if (authorization === 'hang') held.push(() => res.writeHead(204).end());
    else if (authorization === 'break') res.write('half', () => res.destroy());
    else {
      const more = { 'set-cookie': ['a=1', 'b=2'], 'x-auth-user': 'nobody', 'x-secret': '1' };
      res.writeHead(302, { location: '/login', ...more }).end('log in first');
    }
  };
  return { asked, held, url: await httpServer(listener) };
}

/** An app behind the filter; it tells who the filter says is asking. */
async function start(upstreams: HostOptions['upstreams'], configuration: object = {}) {
  const example = exampleHost(upstreams && { upstreams });
  const plugin: PluginOptions = {
    code,
    configuration: {
      upstream: 'authz',
      headers: ['authorization'],
      timeoutMs: 10_000,
      ...configuration,
    },
  };
  const url = await serveBehind(example, [plugin], (req, res) => {
    let size = 0;
    req.on('data', (chunk: Buffer) => (size += chunk.length));
    req.on('end', () => res.end(`${String(req.headers['x-auth-user'])} ${size}`));
  });
  const get = async (authorization: string, init: RequestInit = {}, path = '/') => {
    const headers = { authorization, 'x-auth-user': 'root', cookie: 'secret=1' };
    const response = await fetch(url + path, { redirect: 'manual', headers, ...init });
    return { response, told: [response.status, await response.text()] };
  };
  return { example, url, get };
}

describe('ext-authz-go', () => {
  it('lets pass what the service allows, and tells the app who it is', async () => {
    const service = await authorizationService();
    const { example, get } = await start({ authz: service.url });
    const body = 'x'.repeat(100_000);
    const { told } = await get('Bearer ann', { method: 'PUT', body }, '/a?b=c');
    expect(told).toEqual([200, 'ann 100000']);
    expect(service.asked).toMatchObject([{ method: 'PUT', url: '/a?b=c' }]);
    const sent = Object.keys(service.asked[0]?.headers ?? {});
    expect(sent).toContain('authorization');
    expect(sent).not.toContain('cookie');
    expect(sent).not.toContain('x-auth-user');
    expect(example.log.texts()).toEqual([]);
  });

  it('answers with what the service says otherwise', async () => {
    const { get } = await start({ authz: (await authorizationService()).url });
    const { response, told } = await get('');
    expect(told).toEqual([302, 'log in first']);
    expect(response.headers.get('location')).toBe('/login');
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(response.headers.get('x-secret')).toBeNull();
    expect(response.headers.get('x-auth-user')).toBeNull();
  });

  it('lets nobody pass where the service breaks off, hangs or is not there', async () => {
    const service = await authorizationService();
    const { example, get } = await start({ authz: service.url });
    expect((await get('break')).told).toEqual([503, '503 Service Unavailable\n']);
    expect(example.log.texts('error')).toEqual([
      expect.stringMatching(/^no answer from "authz": .*not found$/),
    ]);
    const impatient = await start({ authz: service.url }, { timeoutMs: 50 });
    expect((await impatient.get('hang')).told).toEqual([504, 'upstream request timeout']);
    const refused = await start({ authz: 'http://127.0.0.1:1' });
    expect((await refused.get('Bearer ann')).told[0]).toBe(503);
    const unnamed = await start(undefined);
    expect((await unnamed.get('Bearer ann')).told).toEqual([503, '503 Service Unavailable\n']);
    expect(unnamed.example.log.texts('error')).toEqual([
      expect.stringMatching(/^cannot call "authz": .*bad argument$/),
    ]);
  });

  it('asks JavaScript as well', async () => {
    const authz = ({ headers }: Request): Response => {
      const mine = headers.get('authorization') === 'mine';
      return new Response(null, mine ? { headers: { 'x-auth-user': 'me' } } : { status: 401 });
    };
    const { get } = await start({ authz });
    expect((await get('mine')).told).toEqual([200, 'me 0']);
    expect((await get('yours')).told).toEqual([401, '']);
  });

  it('keeps requests apart', async () => {
    const { get } = await start({ authz: (await authorizationService()).url });
    const names = Array.from({ length: 200 }, (_, index) => `user${String(index)}`);
    const answers = await Promise.all(names.map((name) => get(`Bearer ${name}`)));
    expect(answers.map(({ told }) => told[1])).toEqual(names.map((name) => `${name} 0`));
  });

  it('goes on when a client has left before the answer', async () => {
    const service = await authorizationService();
    const { example, url, get } = await start({ authz: service.url });
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nhost: a\r\nauthorization: hang\r\n\r\n');
    const answer = await vi.waitUntil(() => service.held[0], WAIT);
    socket.destroy();
    await vi.waitFor(() => {
      expect(example.host.health().plugins).toMatchObject([{ streams: 0 }]);
    }, WAIT);
    answer();
    expect((await get('Bearer ann')).told).toEqual([200, 'ann 0']);
    expect(example.host.health().plugins).toMatchObject([{ state: 'running', streams: 0 }]);
    expect(example.log.texts()).toEqual([]);
  });

  it.each<[PluginOptions['configuration'], string]>([
    [undefined, 'there is none; give at least {"upstream": …}'],
    [{ headers: [] }, 'upstream is missing'],
    [{ upstream: 'a', headers: ['content-length'] }, '"content-length" can not be sent'],
    [{ upstream: 'a', timeoutMs: 0 }, 'timeoutMs is not from 1'],
  ])('refuses %j', async (configuration, problem) => {
    expect(await refusalOf('ext-authz-go', configuration)).toContain(problem);
  });
});
