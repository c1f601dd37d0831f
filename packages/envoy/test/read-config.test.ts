/** The model: what a server is made of. */
import { describe, expect, it } from 'vitest';

import {
  findRoute,
  readEnvoyConfig,
  type HttpConnectionManager,
  type Listener,
  type Route,
} from '../src/index.js';
import { configuration, READ } from './support/configurations.js';

const read = (name: string) => readEnvoyConfig(configuration(name), { ...READ, file: name });

function managerOf(listener: Listener | undefined): HttpConnectionManager {
  const chain = listener?.filterChain;
  if (chain?.kind !== 'http') throw new Error('no HTTP');
  return chain.connectionManager;
}

describe('listeners', () => {
  it('of HTTP, with their defaults and where they stand', () => {
    const { listeners, admin, node, clusters } = read('hello.yaml');
    const [main] = listeners;
    expect(main).toMatchObject({
      ...{ name: 'main', address: '127.0.0.1', port: 18000, ipv6Only: false, metadata: undefined },
      at: { file: 'hello.yaml', path: 'static_resources.listeners[0]', line: 4, column: 7 },
    });
    const { plugins, routes, ...rest } = managerOf(main);
    expect(rest).toMatchObject({
      ...{ codecType: 'AUTO', upgrades: [] },
      ...{ streamIdleTimeoutMs: 300_000, requestTimeoutMs: 0, idleTimeoutMs: 3_600_000 },
    });
    expect(plugins).toHaveLength(1);
    expect(routes.virtualHosts).toMatchObject([{ name: 'local_service', domains: ['*'] }]);
    expect(admin).toMatchObject({ address: '127.0.0.1', port: 8001 });
    expect([node, clusters]).toEqual([undefined, []]);
  });

  it('of TCP', () => {
    const [commands] = read('network.yaml').listeners;
    expect(commands).toMatchObject({
      name: 'commands',
      address: '::',
      port: 11211,
      ipv6Only: false,
    });
    expect(commands?.filterChain).toMatchObject({
      kind: 'tcp',
      plugins: [{ name: 'guard' }],
      tcpProxy: { cluster: { name: 'store', endpoints: [{ host: '127.0.0.1', port: 8099 }] } },
    });
  });

  it('without a name are called by address and port', () => {
    expect(read('metrics.yaml').listeners[0]?.name).toBe('127.0.0.1:18000');
  });

  it('timeouts and codec', () => {
    const text = configuration('hello.yaml')
      .replace('codec_type: auto', 'codec_type: HTTP2')
      .replace(
        'stat_prefix: ingress_http',
        'stream_idle_timeout: 0s\n                requestTimeout: 2.5s\n' +
          '                common_http_protocol_options: { idle_timeout: 60s }\n' +
          '                upgrade_configs: [{ upgrade_type: WebSocket }, { upgrade_type: x, enabled: false }]',
      );
    expect(managerOf(readEnvoyConfig(text, READ).listeners[0])).toMatchObject({
      ...{ codecType: 'HTTP2', upgrades: ['websocket'] },
      ...{ streamIdleTimeoutMs: 0, requestTimeoutMs: 2500, idleTimeoutMs: 60_000 },
    });
  });
});

describe('clusters', () => {
  it('by DNS, with TLS and HTTP/2', () => {
    const { clusters, notes } = read('headers.yaml');
    expect(clusters).toMatchObject([
      {
        ...{ name: 'web_service', type: 'STRICT_DNS', connectTimeoutMs: 250, http2: false },
        ...{ dnsFamily: 4, tls: undefined },
        endpoints: [
          { host: 'web_service', port: 9000 },
          { host: 'web_service_2', port: 9000 },
        ],
      },
      {
        ...{ name: 'ratings', type: 'LOGICAL_DNS', connectTimeoutMs: 5000, http2: true },
        tls: { sni: 'ratings.example', ca: undefined, cert: undefined, key: undefined },
      },
    ]);
    expect(notes.map(({ at, message }) => `${String(at.line)}: ${message}`)).toContain(
      '74: without validation_context.trusted_ca nobody’s certificate is checked, as in Envoy',
    );
  });

  it.each([
    ['http2_protocol_options: {}', true],
    ['typed_extension_protocol_options: {}', false],
    [
      `typed_extension_protocol_options: { envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { "@type": x/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: { http_protocol_options: {} } } }`,
      false,
    ],
  ])('with %s', (field, http2) => {
    const text = configuration('network.yaml').replace(
      '- name: store\n',
      `- name: store\n      ${field}\n`,
    );
    expect(readEnvoyConfig(text, READ).clusters[0]?.http2).toBe(http2);
  });
});

describe('routes', () => {
  const routes = managerOf(read('network.yaml').listeners[1]).routes;
  const find = (authority: string, path: string) => findRoute(routes, authority, path);

  it('actions, rewrites, timeouts, headers and metadata', () => {
    expect(find('shop.example', '/exact?q')).toMatchObject({
      match: { kind: 'path', text: '/exact', caseSensitive: true },
      action: {
        ...{ kind: 'route', timeoutMs: 1500, idleTimeoutMs: undefined, prefixRewrite: '/' },
        ...{ hostRewriteLiteral: undefined, autoHostRewrite: true, cluster: { name: 'store' } },
      },
      metadata: { filter_metadata: { 'envoy.filters.http.wasm': { auth: 'cookie' } } },
      requestHeaders: {
        add: [{ name: 'x-host', value: 'shop', append: 'APPEND_IF_EXISTS_OR_ADD' }],
        remove: [],
      },
      responseHeaders: { add: [], remove: [] },
    });
    const none = find('any', '/')?.action;
    expect(none).toMatchObject({ kind: 'direct_response', status: 404 });
    expect(none?.kind === 'direct_response' && Buffer.from(none.body).toString()).toBe('none\n');
  });

  it.each([
    ['shop.example', '/exact', 'path'],
    ['SHOP.example', '/exact', 'path'],
    ['a.b.shop.example', '/v12/items?x', 'safe_regex'],
    ['shop.example', '/v12', undefined],
    ['shop.example', '/a/v12/x', undefined],
    ['shop.example:8080', '/exact', 'prefix'],
    ['.shop.example', '/exact', 'prefix'],
    ['elsewhere', '/exact', 'prefix'],
  ])('%s%s', (authority, path, kind) => {
    expect(find(authority, path)?.match.kind).toBe(kind);
  });

  const routesOf = (hosts: string) => {
    const text = configuration('network.yaml').replace(
      /virtual_hosts:[\s\S]*?(?=\n {16}http_filters)/,
      `virtual_hosts:\n${hosts.replace(/^(?=.)/gm, '                    ')}`,
    );
    return managerOf(readEnvoyConfig(text, READ).listeners[1]).routes;
  };

  it('the domain that says most wins', () => {
    const direct = '{ match: { prefix: "" }, direct_response: { status: 200 } }';
    const host = (name: string, domain: string): string =>
      `- { name: ${name}, domains: ["${domain}"], routes: [${direct}] }\n`;
    const domains = ['*', '*.a', '*-b.a', 'x.*', 'x.y.*', 'x.a', 'x.a:80'];
    const table = routesOf(
      domains.map((domain, index) => host(`h${String(index)}`, domain)).join(''),
    );
    const hostOf = (authority: string) =>
      table.virtualHosts.find(({ routes: own }) =>
        own.includes(findRoute(table, authority, '/') as Route),
      )?.domains[0];
    const asked = ['x.a', 'x.a:80', 'y.a', 'k-b.a', '-b.a', 'x.q', 'x.y.q', '', 'q'];
    expect(asked.map(hostOf)).toEqual([
      'x.a',
      'x.a:80',
      '*.a',
      '*-b.a',
      '*.a',
      'x.*',
      'x.y.*',
      '*',
      '*',
    ]);
  });

  it('prefix, path and case', () => {
    const table = routesOf(`
- name: all
  domains: "*"
  routes:
  - { name: low, match: { path: /Low, case_sensitive: false }, direct_response: { status: 200 } }
  - { name: any, match: { prefix: /Any, caseSensitive: false }, direct_response: { status: 200 } }
  - { name: api, match: { prefix: /api }, direct_response: { status: 200 } }
`);
    const names = ['/lOW', '/low/', '/aNYwhere', '/api', '/apis?x', '/API', '/?/api'];
    expect(names.map((path) => findRoute(table, 'h', path)?.name)).toEqual([
      ...['low', undefined, 'any', 'api', 'api', undefined, undefined],
    ]);
  });

  it('headers of route, host and table come to one list, in which what was removed stays removed', () => {
    const table = routesOf(`
- name: all
  domains: "*"
  request_headers_to_add: [{ header: { key: B, value: host }, append_action: OVERWRITE_IF_EXISTS }]
  request_headers_to_remove: [A, X]
  routes:
  - match: { prefix: / }
    direct_response: { status: 200 }
    request_headers_to_add:
    - { header: { key: a, value: "1" } }
    - { header: { key: B, value: "50%%" }, append: false }
    - { header: { key: empty } }
    - { header: { key: kept }, keep_empty_value: true }
    response_headers_to_remove: Server
`);
    const route = findRoute(table, 'h', '/');
    expect(
      route?.requestHeaders.add.map(({ name, value, append }) => [name, value, append]),
    ).toEqual([
      ['b', '50%', 'OVERWRITE_IF_EXISTS_OR_ADD'],
      ['kept', '', 'APPEND_IF_EXISTS_OR_ADD'],
      ['b', 'host', 'OVERWRITE_IF_EXISTS'],
    ]);
    expect(route?.requestHeaders.remove).toEqual(['a', 'x']);
    expect(route?.responseHeaders).toEqual({ add: [], remove: ['server'] });
  });

  it('a regular expression that would take ages by backtracking takes no time', () => {
    const table = routesOf(`
- name: all
  domains: "*"
  routes:
  - { match: { safe_regex: { regex: "/(a+)+b", google_re2: {} } }, direct_response: { status: 200 } }
`);
    const started = performance.now();
    expect(findRoute(table, 'h', `/${'a'.repeat(5000)}`)).toBeUndefined();
    expect(findRoute(table, 'h', `/${'a'.repeat(5000)}b`)).toBeDefined();
    // By backtracking: 2 to the 5000th steps.
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe('services, tags and notes', () => {
  it('a service that is no singleton is one here, with a note', () => {
    const text = configuration('metrics.yaml').replace('singleton: true', 'singleton: false');
    const { wasmServices, notes } = readEnvoyConfig(text, READ);
    expect(wasmServices).toMatchObject([{ name: 'totals', singleton: false }]);
    expect(notes.map(({ message }) => message)).toContain(
      'one service is started for this process, which is one worker to Envoy',
    );
  });

  it('tags are regular expressions of JavaScript', () => {
    const [value, reporter] = read('metrics.yaml').statsTags;
    expect(value).toMatchObject({ name: 'value', pattern: /(_value=([^_]+))/ });
    expect(reporter?.pattern).toEqual(/(_reporter=(?<who>\w+))/);
  });

  it('what does nothing here is a note with its place, and is not looked into', () => {
    const { notes } = read('network.yaml');
    expect(notes).toContainEqual({
      at: { file: 'network.yaml', path: 'layered_runtime', line: 68, column: 3 },
      message: 'there are no runtime flags',
    });
  });
});

describe('YAML', () => {
  it('anchors, aliases, and keys that are there only to hold them', () => {
    const text = `
!ignore shared: &shared { id: one, cluster: c }
node: *shared
`;
    expect(readEnvoyConfig(text, READ).node).toMatchObject({
      id: 'one',
      at: { line: 3, column: 7 },
    });
  });

  it('an empty configuration is one', () => {
    expect(readEnvoyConfig('{}', READ)).toMatchObject({ listeners: [], clusters: [], notes: [] });
    expect(readEnvoyConfig('static_resources:\n', READ).listeners).toEqual([]);
  });

  it('windows’ line ends and a byte order mark', () => {
    const text = `\uFEFF${configuration('hello.yaml').replaceAll('\n', '\r\n')}`;
    expect(readEnvoyConfig(text, READ).listeners[0]?.at).toMatchObject({ line: 4, column: 7 });
  });
});
