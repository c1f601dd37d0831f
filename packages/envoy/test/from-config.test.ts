import { describe, expect, it } from 'vitest';

import { fromEnvoyConfig, readEnvoyConfig } from '../src/index.js';
import {
  configuration,
  filterPath,
  HELLO_VM,
  READ,
  wasmFilterWith,
} from './support/configurations.js';

const CLOSED = { failurePolicy: 'fail-closed', inFlightPolicy: 'fail-closed' };
const from = (text: string, options = {}) => fromEnvoyConfig(text, { ...READ, ...options });
const messagesOf = (notes: readonly { message: string }[]) => notes.map(({ message }) => message);

describe('whole configurations', () => {
  it('of a first tutorial: one filter, which shares its VM by Envoy’s rule', () => {
    const { plugins, kind, services, upstreams, notes } = from(configuration('hello.yaml'));
    expect(plugins).toEqual([{ code: filterPath('hello'), vm: { id: '' }, ...CLOSED }]);
    expect({ kind, services, upstreams }).toEqual({ kind: 'http', services: [], upstreams: {} });
    expect(notes.map(({ at, message }) => [at.line, message])).toEqual([
      [46, 'no access log of the admin interface is written'],
      [37, 'it runs on the WebAssembly engine of Node, whatever the runtime is called'],
      [4, "the app listens and answers: of this listener, only the wasm filters' part is used"],
      [46, 'the admin interface is not served; metrics are in host.metrics'],
    ]);
  });

  it('with root id, vm id, configuration, node and clusters', () => {
    const { plugins, upstreams, notes } = from(configuration('headers.yaml'));
    expect(messagesOf(notes).at(-1)).toBe(
      'names of upstreams are looked up as Node does it, whatever dns_lookup_family',
    );
    const replicas = new Uint8Array(Float64Array.of(3).buffer);
    expect(plugins).toEqual([
      {
        ...{ code: filterPath('headers'), name: 'my_plugin', rootId: 'my_root_id' },
        ...{ configuration: 'BAR', vm: { id: 'my_vm_id' }, ...CLOSED },
        properties: {
          node: {
            ...{ id: 'sidecar~10.0.0.1', cluster: 'shop' },
            metadata: { NAME: 'web', REPLICAS: replicas, CANARY: true, labels: { app: 'shop' } },
            locality: { region: 'eu-central-1', zone: 'a', sub_zone: '' },
          },
          listener_direction: 1,
        },
      },
    ]);
    expect(upstreams).toEqual({
      web_service: {
        origins: ['http://web_service:9000', 'http://web_service_2:9000'],
        ...{ http2: false, connectTimeoutMs: 250 },
      },
      ratings: {
        ...{ url: 'https://ratings.internal:50051', http2: true, connectTimeoutMs: 5000 },
        tls: { rejectUnauthorized: false, servername: 'ratings.example' },
      },
    });
  });

  it('with a service, metrics’ labels, several filters in order, and one value for a list', () => {
    const { plugins, services, metrics } = from(configuration('metrics.yaml'));
    expect(plugins.map(({ name, configuration: given }) => [name, given])).toEqual([
      ['counter', '{ "header": "x-tenant", "values": ["a"], "labels": "envoy" }'],
      ['producer', '{"queue":"requests","vmId":"totals"}'],
    ]);
    expect(services).toEqual([
      {
        ...{ code: filterPath('queue-consumer'), name: 'totals', vm: { id: 'totals' } },
        ...{ configuration: '{"queue":"requests"}', failurePolicy: 'fail-closed' },
      },
    ]);
    expect(metrics.tags).toEqual({
      value: /(_value=([^_]+))/,
      reporter: /(_reporter=(?<who>\w+))/,
    });
  });

  it('of TCP: the listener that has wasm filters is meant', () => {
    const { plugins, kind } = from(configuration('network.yaml'));
    expect(kind).toBe('tcp');
    expect(plugins).toMatchObject([
      {
        name: 'guard',
        configuration: '{"deny":["FLUSH_ALL"],"maxLineBytes":1024}',
        properties: { listener_metadata: { filter_metadata: { shop: {} } } },
      },
    ]);
  });
});

describe('parts', () => {
  const list = wasmFilterWith(`name: one\n${HELLO_VM}`);
  const expected = [{ code: filterPath('hello'), name: 'one', vm: { id: '' }, ...CLOSED }];
  const router = '- name: envoy.filters.http.router\n';

  it.each([
    ['a list of filters', list],
    ['a list with the router', list + router],
    ['the list below http_filters', `http_filters:${list.replaceAll('\n', '\n  ')}`],
    [
      'camelCase',
      `httpFilters:${list.replaceAll('\n', '\n  ').replace('typed_config', 'typedConfig').replace('vm_config', 'vmConfig')}`,
    ],
    ['one filter', list.replace('- name', '  name')],
    ['its typed_config', list.replace(/^[\s\S]*typed_config:/, '')],
  ])('%s', (_name, text) => {
    expect(from(text).plugins).toEqual(expected);
    expect(from(text).kind).toBe('http');
  });

  it('a filter as Istio patches it in, of an older type and with plain text', () => {
    const { plugins, notes } = from(configuration('istio-filter.yaml'));
    expect(plugins).toEqual([
      {
        ...{ code: filterPath('basic-auth'), rootId: 'auth', vm: { id: 'auth' }, ...CLOSED },
        configuration: '{"prefix": "/admin", "users": {"alice": "wonderland"}}\n',
      },
    ]);
    expect(messagesOf(notes)).toEqual([
      'an older type; newer Envoys want envoy.extensions.filters.http.wasm.v3.Wasm',
      'it runs on the WebAssembly engine of Node, whatever the runtime is called',
      'code that was compiled before is never used: the module is compiled here',
      'plain text is the form of Envoy before 1.17; newer ones want {"@type": type.googleapis.com/google.protobuf.StringValue, value: …}',
    ]);
  });

  it('a listener, a connection manager, a network filter, each also as JSON', () => {
    const listener =
      /^ {4}- name: main[\s\S]*?(?=^admin)/m.exec(configuration('hello.yaml'))?.[0] ?? '';
    const asItem = listener.replace('- name', '  name').replace(/^ {6}/gm, '');
    expect(from(asItem).plugins).toHaveLength(1);
    const manager = /^ {16}'@type'[\s\S]*$/m.exec(listener)?.[0] ?? '';
    expect(from(manager.replace(/^ {16}/gm, '')).plugins).toHaveLength(1);
    expect(from(manager.replace(/^ {16}/gm, '').replace(/^'@type.*\n/, '')).plugins).toHaveLength(
      1,
    );
    const filter =
      /^ {12}- name: envoy.filters.network.wasm[\s\S]*?(?=^ {12}- name)/m.exec(
        configuration('network.yaml'),
      )?.[0] ?? '';
    expect(from(filter)).toMatchObject({ kind: 'tcp', plugins: [{ name: 'guard' }] });
    const json = JSON.stringify(
      { http_filters: [{ typedConfig: wasm({ name: 'j' }) }] },
      null,
      '\t',
    );
    expect(from(json).plugins).toMatchObject([{ name: 'j', code: filterPath('hello') }]);
  });

  it('a manifest for Kubernetes is refused, with where the part is', () => {
    const manifest = 'apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nspec: {}\n';
    expect(() => from(manifest)).toThrow(/patch: value:/);
    expect(() => readEnvoyConfig(manifest)).toThrow(
      /^line 1, column 1: is a manifest for Kubernetes/,
    );
  });
});

function wasm(config: object): object {
  const code = { local: { filename: 'hello/hello.wasm' } };
  return {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm',
    config: { ...config, vmConfig: { code } },
  };
}

describe('several listeners', () => {
  const listenerNamed = (name: string, port: number): string => `
  - name: ${name}
    address: { socket_address: { address: 127.0.0.1, port_value: ${String(port)} } }
    filter_chains:
    - filters:
      - typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          route_config: {}
          http_filters:
          - typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              config: { name: of-${name}, ${HELLO_VM} }
          - name: envoy.filters.http.router
`;
  const text = `static_resources:\n  listeners:${listenerNamed('in', 18000)}${listenerNamed('out', 18001)}`;

  it.each([
    ['in', 'of-in'],
    [18001, 'of-out'],
  ])('the option listener: %s', (listener, name) => {
    expect(from(text, { listener }).plugins).toMatchObject([{ name }]);
  });

  it('without it, the call is ambiguous', () => {
    expect(() => from(text)).toThrow(
      expect.objectContaining({
        code: 'PW_ERR_ENVOY_AMBIGUOUS',
        message:
          'line 1, column 1: 2 listeners have wasm filters (in, out); say which with the option listener',
      }),
    );
  });

  it('one that is not there is refused', () => {
    expect(() => from(text, { listener: 'off' })).toThrow(
      'line 1, column 1: no listener is called "off"; there are in, out',
    );
  });
});

describe('options', () => {
  it.each([
    [[undefined], 'the configuration must be text'],
    [['[]', { baseDir: '/' }], 'baseDir is not an option; did you mean baseDirectory?'],
    [['[]', { listener: {} }], 'listener must be a string or a number'],
    [['[]', null], 'options must be an object'],
  ])('%j is refused', (args, message) => {
    const call = () => fromEnvoyConfig(...(args as [string, object]));
    expect(call).toThrow(expect.objectContaining({ code: 'PW_ERR_OPTIONS_INVALID' }));
    expect(call).toThrow(message);
  });

  it('the working directory is where relative names start', () => {
    expect(() => fromEnvoyConfig(wasmFilterWith(HELLO_VM))).toThrow(
      `relative names start at ${process.cwd()}`,
    );
  });

  it('a text without wasm filters is refused', () => {
    expect(() => from('- name: envoy.filters.http.router')).toThrow(
      'there is no wasm filter in it',
    );
    expect(() => from('{}')).toThrow('there is no wasm filter in it');
  });
});
