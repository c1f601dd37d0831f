/** Bad input: one line that says where, what came, and what to do. */
import { describe, expect, it } from 'vitest';

import { fromEnvoyConfig, readEnvoyConfig } from '../src/index.js';
import {
  configuration,
  FILTERS,
  HELLO_VM,
  READ,
  wasmFilterWith,
} from './support/configurations.js';

const OPTIONS = { ...READ, file: 'envoy.yaml' };

interface Refusal {
  readonly code: string;
  readonly message: string;
}

function refusalOf(run: () => unknown): Refusal {
  try {
    run();
  } catch (error) {
    const { code, message } = error as Refusal;
    return { code, message };
  }
  throw new Error('nothing was refused');
}

const syntax = (message: string): Refusal => ({ code: 'PW_ERR_ENVOY_SYNTAX', message });
const invalid = (message: string): Refusal => ({ code: 'PW_ERR_ENVOY_INVALID', message });
const unsupported = (message: string): Refusal => ({ code: 'PW_ERR_ENVOY_UNSUPPORTED', message });

describe('a text that is no configuration', () => {
  it.each([
    [
      'node: { id: a\nadmin: 1',
      'envoy.yaml:2:1: Flow map in block collection must be sufficiently indented and end with a }',
    ],
    ['node: {}\nnode: {}', 'envoy.yaml:2:1: Map keys must be unique'],
    ['{"node": {}, "node": {}}', 'envoy.yaml:1:14: Map keys must be unique'],
    ['node:\n\t- b', 'envoy.yaml:2:1: Tabs are not allowed as indentation'],
    ['node: {}\n---\nnode: {}', 'envoy.yaml:2:1: there is more than one document'],
    ['', 'envoy.yaml:1:1: the text is empty'],
    ['# nothing\n', 'envoy.yaml:1:1: the text is empty'],
    ['node: !secret x', 'envoy.yaml:1:7: Unresolved tag: !secret'],
    ['node: &a { id: *a }', 'envoy.yaml:1:16: *a stands inside of &a'],
    ['node: *a', 'envoy.yaml:1:7: there is no anchor &a before this'],
    ['a: &a x\n*a : y', 'envoy.yaml:2:1: a key must not be an alias'],
  ])('%j', (text, message) => {
    expect(refusalOf(() => readEnvoyConfig(text, OPTIONS))).toEqual(syntax(message));
  });

  it('too deep for the parser, and too deep for the reader', () => {
    const nested = (depth: number) =>
      `node: { metadata: ${'{ a: '.repeat(depth)}1${' }'.repeat(depth)} }`;
    expect(readEnvoyConfig(nested(90), OPTIONS).notes).toEqual([]);
    expect(refusalOf(() => readEnvoyConfig(nested(120), OPTIONS)).message).toMatch(
      /: nested deeper than 100 levels$/,
    );
    const text = '['.repeat(20_000);
    expect(refusalOf(() => readEnvoyConfig(text, OPTIONS)).message).toMatch(
      /^envoy\.yaml:1:\d+: it is nested too deeply$/,
    );
  });

  it('aliases of aliases do not multiply', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 12; level += 1) {
      const before = `*a${String(level - 1)}`;
      lines.push(
        `a${String(level)}: &a${String(level)} [${Array<string>(10).fill(before).join(', ')}]`,
      );
    }
    const text = `node: { metadata: { ${lines.join(', ')} } }`;
    const { code, message } = refusalOf(() => readEnvoyConfig(text, OPTIONS));
    expect(code).toBe('PW_ERR_ENVOY_SYNTAX');
    expect(message).toMatch(
      /: the configuration has more than 200000 values, its aliases resolved$/,
    );
  });

  it('has no file in the message where none was named', () => {
    const { message } = refusalOf(() => readEnvoyConfig('node: { id: 5 }', READ));
    expect(message).toBe('line 1, column 13: node.id: must be text, but is 5; put it in quotes');
  });
});

describe('a plugin', () => {
  const CONFIG = 'envoy.yaml:7:';
  const vm = (fields: string): string => `vm_config: { ${fields} }`;
  const path = '[0].typed_config.config';

  it.each([
    [
      'fail_opn: true',
      invalid(
        `${CONFIG}7: ${path}: envoy.extensions.wasm.v3.PluginConfig has no field "fail_opn"; did you mean fail_open?`,
      ),
    ],
    ['name: 5', invalid(`${CONFIG}13: ${path}.name: must be text, but is 5; put it in quotes`)],
    [
      'name: on',
      invalid(
        `${CONFIG}13: ${path}.name: must be text, but is on, which is true to Envoy; put it in quotes`,
      ),
    ],
    ['name: [a]', invalid(`${CONFIG}13: ${path}.name: must be text, but is a list`)],
    [
      'fail_open: maybe',
      invalid(`${CONFIG}18: ${path}.fail_open: must be true or false, but is "maybe"`),
    ],
    [
      'failure_policy: FAIL_OPN',
      invalid(
        `${CONFIG}23: ${path}.failure_policy: must be UNSPECIFIED or FAIL_RELOAD or FAIL_CLOSED or FAIL_OPEN, but is "FAIL_OPN"; did you mean FAIL_OPEN?`,
      ),
    ],
    [
      'failure_policy: 9',
      invalid(
        `${CONFIG}23: ${path}.failure_policy: must be UNSPECIFIED or FAIL_RELOAD or FAIL_CLOSED or FAIL_OPEN, but is 9`,
      ),
    ],
    [
      'fail_open: true\nfailure_policy: 2',
      invalid(`${CONFIG}18: ${path}.fail_open: fail_open and failure_policy can not both be given`),
    ],
    [
      'failOpen: true\nfail_open: true',
      invalid(`envoy.yaml:8:7: ${path}: fail_open is given twice, in two spellings`),
    ],
    [
      'reload_config: { backoff: { base_interval: 5 } }',
      invalid(
        `${CONFIG}50: ${path}.reload_config.backoff.base_interval: must be a duration in seconds, like 5s or 0.25s, but is 5`,
      ),
    ],
    [
      'reload_config: { backoff: { base_interval: 5m } }',
      invalid(
        `${CONFIG}50: ${path}.reload_config.backoff.base_interval: must be a duration in seconds, like 5s or 0.25s, but is "5m"`,
      ),
    ],
    [
      'reload_config: { backoff: { base_interval: -5s } }',
      invalid(`${CONFIG}50: ${path}.reload_config.backoff.base_interval: must not be below 0s`),
    ],
    [
      'reload_config: { backoff: { base_interval: 0s } }',
      invalid(`${CONFIG}50: ${path}.reload_config.backoff.base_interval: must be above 0s`),
    ],
    [
      'reload_config: { backoff: { base_interval: 9999999s } }',
      unsupported(
        `${CONFIG}50: ${path}.reload_config.backoff.base_interval: "9999999s" is longer than this host can wait: 2147483.647s`,
      ),
    ],
    [
      'reload_config: { backoff: {} }',
      invalid(
        `${CONFIG}33: ${path}.reload_config.backoff: envoy.config.core.v3.BackoffStrategy must have the field base_interval`,
      ),
    ],
    [
      'configuration: { realm: x }',
      invalid(
        `${CONFIG}22: ${path}.configuration: must have "@type", one of google.protobuf.StringValue, google.protobuf.BytesValue, google.protobuf.Struct; as text: {"@type": type.googleapis.com/google.protobuf.StringValue, value: …}`,
      ),
    ],
    [
      'configuration: { "@type": x/google.protobuf.Duration, value: 5s }',
      unsupported(
        `${CONFIG}33: ${path}.configuration.@type: google.protobuf.Duration is not supported; supported here: google.protobuf.StringValue, google.protobuf.BytesValue, google.protobuf.Struct`,
      ),
    ],
    [
      'configuration: { "@type": x/google.protobuf.Struct, value: [] }',
      invalid(`${CONFIG}66: ${path}.configuration.value: must be a map, but is a list`),
    ],
    [
      'configuration: { "@type": x/google.protobuf.BytesValue, value: "a.b" }',
      invalid(
        `${CONFIG}70: ${path}.configuration.value: must be base64, but has other characters, or is cut off`,
      ),
    ],
    [
      'capability_restriction_config: { allowed_capabilities: [proxy_log] }',
      invalid(
        `${CONFIG}62: ${path}.capability_restriction_config.allowed_capabilities: must be a map, but is a list`,
      ),
    ],
  ])('with %s', (fields, expected) => {
    const text = wasmFilterWith(`${HELLO_VM}\n${fields}`);
    expect(refusalOf(() => fromEnvoyConfig(text, OPTIONS))).toEqual(expected);
  });

  it.each([
    [
      '',
      invalid(
        'envoy.yaml:6:18: [0].typed_config.config.vm_config: envoy.extensions.wasm.v3.VmConfig must have the field code',
      ),
    ],
    [
      'code: {}',
      invalid(
        'envoy.yaml:6:26: [0].typed_config.config.vm_config.code: envoy.config.core.v3.AsyncDataSource must have one of local, remote, filename, inline_bytes, inline_string',
      ),
    ],
    [
      'code: { local: { filename: nope.wasm } }',
      {
        code: 'PW_ERR_CODE_NOT_FOUND',
        message: `envoy.yaml:6:47: [0].typed_config.config.vm_config.code.local.filename: there is no file ${FILTERS}/nope.wasm; relative names start at ${FILTERS}`,
      },
    ],
    [
      'code: { local: { inline_bytes: "a*b=" } }',
      invalid(
        'envoy.yaml:6:51: [0].typed_config.config.vm_config.code.local.inline_bytes: must be base64, but has other characters, or is cut off',
      ),
    ],
    [
      'code: { local: { inline_string: "no module" } }',
      invalid(
        'envoy.yaml:6:26: [0].typed_config.config.vm_config.code: is no WebAssembly module: one begins with "\\0asm"',
      ),
    ],
    [
      'code: { local: { inline_string: envoy.wasm.stats } }',
      unsupported(
        'envoy.yaml:6:26: [0].typed_config.config.vm_config.code: "envoy.wasm.stats" is the name of a plugin that is part of Envoy (runtime null), not a WebAssembly module',
      ),
    ],
    [
      'code: { local: { environment_variable: CODE } }',
      invalid(
        'envoy.yaml:6:59: [0].typed_config.config.vm_config.code.local.environment_variable: there is no environment variable CODE',
      ),
    ],
    [
      'code: { local: { filename: a, inline_string: b } }',
      invalid(
        'envoy.yaml:6:35: [0].typed_config.config.vm_config.code.local: of filename, inline_bytes, inline_string, environment_variable only one can be given, but there are filename and inline_string',
      ),
    ],
    [
      'code: { remote: { http_uri: { uri: "https://a/b" }, sha256: abc } }',
      invalid(
        'envoy.yaml:6:80: [0].typed_config.config.vm_config.code.remote.sha256: must be a sha256 digest: 64 hex digits',
      ),
    ],
    [
      `code: { remote: { http_uri: { uri: "ftp://a/b" }, sha256: "${'a'.repeat(64)}" } }`,
      invalid(
        'envoy.yaml:6:55: [0].typed_config.config.vm_config.code.remote.http_uri.uri: must be an http:// or https:// URL',
      ),
    ],
    [
      'code: { local: { filename: hello/hello.wasm } }, environment_variables: { key_values: { "a=b": c } }',
      invalid(
        'envoy.yaml:6:106: [0].typed_config.config.vm_config.environment_variables.key_values: a name must not be empty or hold "=" or NUL, nor a value NUL',
      ),
    ],
    [
      'code: { remote: { http_uri: { uri: "https://a/b" } } }',
      invalid(
        'envoy.yaml:6:36: [0].typed_config.config.vm_config.code.remote: envoy.config.core.v3.RemoteDataSource must have the field sha256',
      ),
    ],
    [
      'code: { local: { filename: hello/hello.wasm } }, environment_variables: { host_env_keys: [A], key_values: { A: b } }',
      invalid(
        'envoy.yaml:6:126: [0].typed_config.config.vm_config.environment_variables.key_values: A is in host_env_keys too',
      ),
    ],
  ])('whose vm_config has %s', (fields, expected) => {
    expect(refusalOf(() => fromEnvoyConfig(wasmFilterWith(vm(fields)), OPTIONS))).toEqual(expected);
  });
});

describe('a filter', () => {
  const typed = (type: string): string =>
    `- name: envoy.filters.http.wasm\n  typed_config: { "@type": ${type} }\n`;
  const HTTP = 'envoy.extensions.filters.http';

  it.each([
    [
      typed(`x/${HTTP}.lua.v3.Lua`),
      unsupported(
        `envoy.yaml:2:28: [0].typed_config.@type: ${HTTP}.lua.v3.Lua is not supported; supported here: ${HTTP}.wasm.v3.Wasm, envoy.config.filter.http.wasm.v2.Wasm, ${HTTP}.router.v3.Router, envoy.config.filter.http.router.v2.Router`,
      ),
    ],
    [
      typed(`x/${HTTP}.wasm.v3.Wasm`),
      invalid(`envoy.yaml:2:17: [0].typed_config: ${HTTP}.wasm.v3.Wasm must have the field config`),
    ],
    [
      typed('x/udpa.type.v1.TypedStruct'),
      invalid('envoy.yaml:2:17: [0].typed_config: TypedStruct must have type_url'),
    ],
    [
      typed('x/udpa.type.v1.TypedStruct, type_url: a/b'),
      invalid('envoy.yaml:2:17: [0].typed_config: TypedStruct must have value'),
    ],
    [
      typed('x/xds.type.v3.TypedStruct, typ: a/b'),
      invalid(
        'envoy.yaml:2:55: [0].typed_config: TypedStruct has no field "typ"; it has type_url, value',
      ),
    ],
    [
      typed('5'),
      invalid(
        'envoy.yaml:2:28: [0].typed_config.@type: must be a type, like type.googleapis.com/…, but is 5',
      ),
    ],
    [
      '- name: a\n  typed_config: {}',
      invalid('envoy.yaml:2:17: [0].typed_config: must have "@type", which says what it is'),
    ],
    [
      '- name: envoy.filters.http.wasm',
      invalid('envoy.yaml:1:3: [0]: must have typed_config, whose "@type" says what it is'),
    ],
    [
      '- name: envoy.filters.http.wasm\n  config: {}',
      unsupported(
        'envoy.yaml:2:3: [0].config: this field is not supported here; give typed_config, whose "@type" says what it is',
      ),
    ],
    [
      '- { name: envoy.router, disabled: yes }',
      unsupported(
        'envoy.yaml:1:35: [0].disabled: true is not supported: no route could switch it on',
      ),
    ],
    [
      '- envoy.filters.http.router',
      invalid(
        'envoy.yaml:1:3: [0]: must be a map (envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter), but is "envoy.filters.http.router"',
      ),
    ],
    [
      '- name: envoy.router\n- name: envoy.router',
      invalid('envoy.yaml:1:3: [0]: the router must be the last filter'),
    ],
    [
      '42',
      invalid(
        'envoy.yaml:1:1: must be a bootstrap (static_resources), a listener (filter_chains), an HTTP connection manager (http_filters), a filter (typed_config) or a list of filters, but is 42',
      ),
    ],
  ])('%s', (text, expected) => {
    expect(refusalOf(() => fromEnvoyConfig(text, OPTIONS))).toEqual(expected);
  });
});

describe('a whole configuration', () => {
  /** The configuration of network.yaml with one change, and where that is. */
  function changed(from: string | RegExp, to: string): Refusal & { place: string } {
    const text = configuration('network.yaml');
    const found = typeof from === 'string' ? text.includes(from) : from.test(text);
    if (!found) throw new Error(`network.yaml has no ${String(from)}`);
    const refusal = refusalOf(() => readEnvoyConfig(text.replace(from, to), OPTIONS));
    const [, place = '', message = ''] =
      /^envoy\.yaml:\d+:\d+: (\S*): (.*)$/.exec(refusal.message) ?? [];
    return { code: refusal.code.replace('PW_ERR_ENVOY_', ''), place, message };
  }

  const LISTENER = 'static_resources.listeners[1]';
  const HCM = `${LISTENER}.filter_chains[0].filters[0].typed_config`;
  const HOST = `${HCM}.route_config.virtual_hosts[0]`;
  const CLUSTER = 'static_resources.clusters[0]';

  it.each([
    [
      'node, dynamically',
      /^layered_runtime/m,
      'dynamic_resources: {}\nlayered_runtime',
      'UNSUPPORTED',
      'dynamic_resources',
      /^this field is not supported here; of envoy.config.bootstrap.v3.Bootstrap, these are: node, admin/,
    ],
    [
      'an unknown cluster of a route',
      'cluster: store\n                            prefix',
      'cluster: stor\n                            prefix',
      'INVALID',
      `${HOST}.routes[0].route.cluster`,
      'there is no cluster "stor" in static_resources.clusters; there are store',
    ],
    [
      'an unknown cluster of a TCP proxy',
      'cluster: store\n',
      'cluster: nil\n',
      'INVALID',
      'static_resources.listeners[0].filter_chains[0].filters[1].typed_config.cluster',
      'there is no cluster "nil" in static_resources.clusters; there are store',
    ],
    [
      'a regular expression that is none',
      '/v[0-9]+/.*',
      '/v[0-9+',
      'INVALID',
      `${HOST}.routes[1].match.safe_regex.regex`,
      'is no regular expression of RE2: error parsing regexp: missing closing ]: `[0-9+`',
    ],
    [
      'one that would need backtracking',
      '/v[0-9]+/.*',
      '(a)\\1',
      'INVALID',
      `${HOST}.routes[1].match.safe_regex.regex`,
      /^is no regular expression of RE2: .*invalid escape sequence/,
    ],
    [
      'a match by header',
      'match: { path: /exact }',
      'match: { path: /exact, headers: [] }',
      'UNSUPPORTED',
      `${HOST}.routes[0].match.headers`,
      'this field is not supported here; of envoy.config.route.v3.RouteMatch, these are: prefix, path, safe_regex, case_sensitive',
    ],
    [
      'no match',
      'match: { path: /exact }',
      'match: {}',
      'INVALID',
      `${HOST}.routes[0].match`,
      'envoy.config.route.v3.RouteMatch must have one of prefix, path, safe_regex',
    ],
    [
      'two actions',
      'direct_response: { status: 503 }',
      'direct_response: { status: 503 }\n                          route: { cluster: store }',
      'INVALID',
      `${HOST}.routes[1]`,
      'of route, direct_response only one can be given, but there are route and direct_response',
    ],
    [
      'a redirect',
      'direct_response: { status: 503 }',
      'redirect: { https_redirect: true }',
      'UNSUPPORTED',
      `${HOST}.routes[1].redirect`,
      /^this field is not supported here/,
    ],
    [
      'weighted clusters',
      'cluster: store\n                            prefix_rewrite',
      'weighted_clusters: {}\n                            prefix_rewrite',
      'UNSUPPORTED',
      `${HOST}.routes[0].route.weighted_clusters`,
      /^this field is not supported here/,
    ],
    [
      'a status that is none',
      'status: 503',
      'status: 99',
      'INVALID',
      `${HOST}.routes[1].direct_response.status`,
      'must be a whole number, 200 to 599, but is 99',
    ],
    [
      'a rewrite that is no path',
      'prefix_rewrite: /',
      'prefix_rewrite: x',
      'INVALID',
      `${HOST}.routes[0].route.prefix_rewrite`,
      'must begin with /',
    ],
    [
      'a header with a variable',
      'value: shop }',
      'value: "%REQ(x)%" }',
      'UNSUPPORTED',
      `${HOST}.request_headers_to_add[0].header.value`,
      'values with %…% are not supported; a percent sign itself is written %%',
    ],
    [
      'a header that can not be set',
      'key: X-Host',
      'key: ":path"',
      'INVALID',
      `${HOST}.request_headers_to_add[0].header.key`,
      '":path" is no header that can be set',
    ],
    [
      'the same domain twice',
      "domains: ['*']",
      'domains: [Shop.Example]',
      'INVALID',
      `${HCM}.route_config.virtual_hosts`,
      'the domain "shop.example" is in two places',
    ],
    [
      'a star in the middle',
      "domains: ['*']",
      'domains: ["a*b"]',
      'INVALID',
      `${HCM}.route_config.virtual_hosts[1].domains`,
      '"a*b" must have a * only at one end',
    ],
    [
      'no domains',
      "domains: ['*']",
      'domains: []',
      'INVALID',
      `${HCM}.route_config.virtual_hosts[1]`,
      'must have domains; "*" is any',
    ],
    [
      'an upgrade',
      'upgrade_type: websocket',
      'upgrade_type: CONNECT',
      'UNSUPPORTED',
      `${HCM}.upgrade_configs[0].upgrade_type`,
      'CONNECT is not supported; websocket is',
    ],
    [
      'HTTP/3',
      'stat_prefix: reply',
      'codec_type: HTTP3',
      'UNSUPPORTED',
      `${HCM}.codec_type`,
      'HTTP3 is not supported; AUTO, HTTP1, HTTP2 are',
    ],
    [
      'routes from elsewhere',
      /route_config:[\s\S]*?(?=http_filters)/,
      'rds: {}\n                ',
      'UNSUPPORTED',
      `${HCM}.rds`,
      /^this field is not supported here/,
    ],
    [
      'remote addresses',
      'stat_prefix: reply',
      'use_remote_address: true',
      'UNSUPPORTED',
      `${HCM}.use_remote_address`,
      'true is not supported: x-forwarded-for is left as it is',
    ],
    [
      'a chain without its end',
      /- name: envoy.tcp_proxy[\s\S]*?cluster: store\n/,
      '\n',
      'INVALID',
      'static_resources.listeners[0].filter_chains[0]',
      'the last of the filters must be an HTTP connection manager or a TCP proxy',
    ],
    [
      'TLS',
      'filter_chains:\n        - filters:',
      'filter_chains:\n        - transport_socket: {}\n          filters:',
      'UNSUPPORTED',
      'static_resources.listeners[0].filter_chains[0].transport_socket',
      /^this field is not supported here/,
    ],
    [
      'a listener at a name',
      "address: '::'",
      'address: localhost',
      'INVALID',
      'static_resources.listeners[0].address',
      'must be an IP address, but is "localhost"',
    ],
    [
      'a port that is none',
      'port_value: 11211',
      'port_value: 70000',
      'INVALID',
      'static_resources.listeners[0].address.socket_address.port_value',
      'must be a whole number, 0 to 65535, but is 70000',
    ],
    [
      'a pipe',
      /socket_address: \{ address: '::'.*\} \}/,
      'pipe: {} }',
      'UNSUPPORTED',
      'static_resources.listeners[0].address.pipe',
      /^this field is not supported here/,
    ],
    [
      'two listeners of a name',
      'name: reply',
      'name: commands',
      'INVALID',
      LISTENER,
      'there are two listeners "commands"',
    ],
    [
      'two clusters of a name',
      '  - name: store',
      '  - { name: store, load_assignment: { endpoints: { lb_endpoints: { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 1 } } } } } } }\n    - name: store',
      'INVALID',
      'static_resources.clusters[1].name',
      'there are two clusters "store"',
    ],
    [
      'EDS',
      '- name: store\n',
      '- name: store\n      type: EDS\n',
      'UNSUPPORTED',
      `${CLUSTER}.type`,
      'EDS is not supported; STATIC, STRICT_DNS, LOGICAL_DNS are',
    ],
    [
      'another policy',
      '- name: store\n',
      '- name: store\n      lb_policy: maglev\n',
      'UNSUPPORTED',
      `${CLUSTER}.lb_policy`,
      'MAGLEV is not supported; ROUND_ROBIN is',
    ],
    [
      'a name in a static cluster',
      'address: 127.0.0.1, port_value: 8099 } } }\nlayered',
      'address: store.internal, port_value: 8099 } } }\nlayered',
      'INVALID',
      `${CLUSTER}.load_assignment.endpoints[0].lb_endpoints[0].endpoint`,
      '"store.internal" is no IP address; a name needs the type STRICT_DNS or LOGICAL_DNS',
    ],
    [
      'an endpoint that is nowhere',
      'address: 127.0.0.1, port_value: 8099 } } }\nlayered',
      'address: "a b", port_value: 8099 } } }\nlayered',
      'INVALID',
      `${CLUSTER}.load_assignment.endpoints[0].lb_endpoints[0].endpoint.address`,
      '"a b" is neither a name nor an address',
    ],
    [
      'a cluster that leads nowhere',
      /load_assignment:[\s\S]*?(?=layered)/,
      'load_assignment: {}\n',
      'UNSUPPORTED',
      `${CLUSTER}.load_assignment`,
      'a cluster without endpoints is not supported',
    ],
    [
      'health checks',
      '- name: store\n',
      '- name: store\n      health_checks: []\n',
      'UNSUPPORTED',
      `${CLUSTER}.health_checks`,
      /^this field is not supported here/,
    ],
    [
      'another version of HTTP',
      '- name: store\n',
      '- name: store\n      typed_extension_protocol_options: { other: {} }\n',
      'INVALID',
      `${CLUSTER}.typed_extension_protocol_options`,
      /has no field "other"/,
    ],
    [
      'a file that is not there',
      'body: { inline_bytes: bm9uZQo= }',
      'body: { filename: /no/such/file }',
      'INVALID',
      `${HCM}.route_config.virtual_hosts[1].routes[0].direct_response.body.filename`,
      /^could not read the file: ENOENT/,
    ],
    [
      'merge keys',
      'match: { path: /exact }',
      'match: { <<: { path: /exact } }',
      'INVALID',
      `${HOST}.routes[0].match`,
      /^Envoy has no merge keys/,
    ],
  ] as const)('%s', (...[, from, to, code, place, message]) => {
    const refusal = changed(from, to);
    expect([refusal.code, refusal.place]).toEqual([code, place]);
    if (typeof message === 'string') expect(refusal.message).toBe(message);
    else expect(refusal.message).toMatch(message);
  });
});
