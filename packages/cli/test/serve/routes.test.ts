import { expect, it } from 'vitest';

import { guest } from '../../../conformance/src/guests/wat-guest.js';
import {
  ask,
  cluster,
  everything,
  httpYaml,
  portOf,
  serveYaml,
  upstream,
  wasmFilter,
} from './serve-yaml.js';

const REQUEST_HEADERS = 0;

const answers = (text: string): string =>
  `direct_response: { status: 200, body: { inline_string: ${text} } }`;

const ROUTES = `
- name: exact
  domains: [exact.example]
  routes: [{ match: { prefix: "/" }, ${answers('exact')} }]
- name: suffix
  domains: ["*.example"]
  routes: [{ match: { prefix: "/" }, ${answers('suffix')} }]
- name: prefix
  domains: ["api.*"]
  routes: [{ match: { prefix: "/" }, ${answers('prefix')} }]
- name: any
  domains: ["*"]
  routes:
  - { match: { path: /only }, ${answers('path')} }
  - { match: { safe_regex: { regex: "/item/[0-9]+" } }, ${answers('regex')} }
  - { match: { prefix: /teapot }, direct_response: { status: 418 } }
  - match: { prefix: /a }
    ${answers('a')}
    response_headers_to_add: [{ header: { key: x-route, value: a } }]
`;

it('finds virtual hosts by domain and routes by path, and answers directly', async () => {
  const { port } = await serveYaml(httpYaml({ routes: ROUTES }));
  const body = async (host: string, path = '/'): Promise<string> =>
    (await ask(port, { path, headers: { host } })).body;
  expect(await body('exact.example')).toBe('exact');
  expect(await body('EXACT.example')).toBe('exact');
  expect(await body('www.example')).toBe('suffix');
  expect(await body('api.test')).toBe('prefix');
  expect(await body('x', '/only?a=b')).toBe('path');
  expect(await body('x', '/item/12')).toBe('regex');
  expect(await body('x', '/item/12/more')).toBe('');

  const direct = await ask(port, { path: '/abc' });
  expect(direct).toMatchObject({ status: 200, body: 'a' });
  expect(direct.headers).toMatchObject({
    'content-length': '1',
    'content-type': 'text/plain',
    'x-route': 'a',
  });
  const teapot = await ask(port, { path: '/teapot' });
  expect(teapot).toMatchObject({ status: 418, body: '' });
  expect(teapot.headers['content-type']).toBe(undefined);
  const head = await ask(port, { path: '/abc', method: 'HEAD' });
  expect([head.status, head.headers['content-length'], head.body]).toEqual([200, '1', '']);
});

it('answers 404 without a body where there is no route', async () => {
  const { port } = await serveYaml(httpYaml({ routes: ROUTES }));
  const { status, body, headers } = await ask(port, { path: '/none' });
  expect([status, body, headers['content-length']]).toEqual([404, '', '0']);
});

it('takes host and path of a request that names them as to a forward proxy', async () => {
  const { port } = await serveYaml(httpYaml({ routes: ROUTES }));
  expect((await ask(port, { path: 'http://exact.example/x' })).body).toBe('exact');
  expect((await ask(port, { path: 'http://exact.example?y' })).body).toBe('exact');
});

it('chooses the route by what filters have made of the request', async () => {
  const code = await guest({
    callbacks: {
      proxy_on_request_headers: [
        { logProperty: ['xds', 'route_name'] },
        { replace: [REQUEST_HEADERS, ':path', '/second/x'] },
        { replace: [REQUEST_HEADERS, ':authority', 'b.example'] },
        { logProperty: ['route_name'] },
        { logProperty: ['cluster_name'] },
      ],
      proxy_on_log: [
        { logProperty: ['xds', 'virtual_host_name'] },
        { logProperty: ['xds', 'cluster_name'] },
        { logProperty: ['upstream', 'address'] },
        { logProperty: ['response', 'code_details'] },
      ],
    },
  });
  const app = await upstream((req, res) =>
    res.end(`${req.url ?? ''} of ${req.headers.host ?? ''}`),
  );
  const { port, lines } = await serveYaml(
    httpYaml({
      routes: `
- name: host-a
  domains: [a.example]
  routes: [{ match: { prefix: /first }, name: one, ${answers('first')} }]
- name: host-b
  domains: [b.example]
  routes: [{ match: { prefix: /second/ }, name: two, route: { cluster: app, prefix_rewrite: "/", host_rewrite_literal: inner } }]
`,
      filters: [
        wasmFilter('headers').replace(
          /code: .*/,
          `code: { local: { inline_bytes: ${Buffer.from(code).toString('base64')} } }`,
        ),
      ],
      clusters: [cluster('app', [portOf(app)])],
    }),
  );
  const { body } = await ask(port, { path: '/first', headers: { host: 'a.example' } });
  expect(body).toBe('/x of inner');
  await expect.poll(() => lines.length).toBe(7);
  expect(lines.map((line) => line.replace(/^.*: /, ''))).toEqual([
    ...['one', 'two', 'app', 'host-b', 'app'],
    ...[`127.0.0.1:${String(portOf(app))}`, 'via_upstream'],
  ]);
});

it('edits headers on the way to an upstream and back', async () => {
  const app = await upstream((req, res) => {
    res.setHeader('x-inner', 'secret');
    res.end(JSON.stringify(req.rawHeaders));
  });
  const { port } = await serveYaml(
    httpYaml({
      routes: everything(`route: { cluster: app }
    request_headers_to_add: [{ header: { key: x-new, value: "1" } }]
    request_headers_to_remove: [x-old]
    response_headers_to_remove: [x-inner]`),
      clusters: [cluster('app', [portOf(app)])],
    }),
  );
  const headers = {
    'x-old': 'o',
    'x-twice': ['a', 'b'],
    te: 'trailers',
    connection: 'close, x-hop',
    'x-hop': '1',
  };
  const answer = await ask(port, { headers: { ...headers, host: 'a' } });
  expect(answer.headers['x-inner']).toBe(undefined);
  const seen = JSON.parse(answer.body) as string[];
  const names = seen.filter((_, index) => index % 2 === 0);
  expect(names.filter((name) => name.startsWith('x-'))).toEqual([
    ...['x-twice', 'x-twice', 'x-request-id', 'x-forwarded-proto', 'x-new'],
  ]);
  expect(names).not.toContain('te');
  expect(seen[names.indexOf('host') * 2 + 1]).toBe('a');
  expect(seen[names.indexOf('x-forwarded-proto') * 2 + 1]).toBe('http');
});
