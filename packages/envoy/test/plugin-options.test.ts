/** Each field of `PluginConfig` and `VmConfig`, as an option of core. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { fromEnvoyConfig } from '../src/index.js';
import { filterPath, HELLO_VM, READ, wasmFilterWith } from './support/configurations.js';

function optionsOf(fields: string, environment: Record<string, string> = {}) {
  const { plugins, notes } = fromEnvoyConfig(wasmFilterWith(fields), { ...READ, environment });
  return { ...plugins[0], notes: notes.map(({ message }) => message) };
}

const withHello = (fields: string): string => `${HELLO_VM}\n${fields}`;
const withVm = (fields: string): string =>
  `vm_config:\n  code: { local: { filename: hello/hello.wasm } }\n  ${fields}`;
const any = (type: string, value: string): string =>
  `{ "@type": type.googleapis.com/google.protobuf.${type}, value: ${value} }`;

describe('configuration', () => {
  it.each([
    [any('StringValue', '"{\\"a\\": 1}\\n"'), '{"a": 1}\n'],
    [any('StringValue', 'plain'), 'plain'],
    [any('StringValue', '""'), ''],
    [any('BytesValue', '"aMOk/w=="'), new Uint8Array([104, 0xc3, 0xa4, 255])],
    [any('BytesValue', '"_-8"'), new Uint8Array([255, 239])],
    [
      any('Struct', '{ b: [1, -2, true, null, "x"], a: { c: ä } }'),
      '{"b":[1,-2,true,null,"x"],"a":{"c":"ä"}}',
    ],
    [any('Struct', '{}'), '{}'],
    ['{ "@type": type.googleapis.com/google.protobuf.StringValue }', ''],
    ['{}', ''],
    [
      '{ "@type": type.googleapis.com/xds.type.v3.TypedStruct, type_url: a/b, value: { k: v } }',
      '{"k":"v"}',
    ],
  ])('%s', (given, expected) => {
    expect(optionsOf(withHello(`configuration: ${given}`)).configuration).toEqual(expected);
    expect(optionsOf(withVm(`configuration: ${given}`)).vm).toEqual({
      id: '',
      configuration: expected,
    });
  });

  it('a Struct has YAML’s numbers and words as Envoy reads them, with a note', () => {
    const value = '{ a: 0.5, b: 3000000000, c: 0x10, d: 010, e: yes, f: "yes", g: 1e3, h: ~ }';
    const { configuration, notes } = optionsOf(withHello(`configuration: ${any('Struct', value)}`));
    expect(JSON.parse(configuration as string)).toEqual({
      ...{ a: '0.5', b: '3000000000', c: 16, d: 8, e: true, f: 'yes', g: '1e3', h: null },
    });
    const text = 'as Envoy has it: in YAML only 32-bit integers are numbers';
    expect(notes).toEqual([
      `goes to the filter as text ("0.5"), ${text}`,
      `goes to the filter as text ("3000000000"), ${text}`,
      `goes to the filter as text ("1e3"), ${text}`,
    ]);
  });

  it('in JSON numbers are numbers', () => {
    const value = { half: 0.5, large: 3e9 };
    const config = {
      vm_config: { code: { local: { filename: 'hello/hello.wasm' } } },
      configuration: { '@type': 'type.googleapis.com/google.protobuf.Struct', value },
    };
    const text = JSON.stringify({
      typed_config: { '@type': 'x/envoy.extensions.filters.http.wasm.v3.Wasm', config },
    });
    const { plugins, notes } = fromEnvoyConfig(text, READ);
    expect(plugins[0]?.configuration).toBe('{"half":0.5,"large":3000000000}');
    expect(notes).toEqual([]);
  });
});

describe('code', () => {
  const hello = readFileSync(filterPath('hello'));
  const inline = (field: string) => optionsOf(`vm_config: { code: { local: { ${field} } } }`).code;

  it('local, inline and of the environment', () => {
    const bytes = inline(`inline_bytes: "${hello.toString('base64')}"`) as Uint8Array;
    expect(hello.equals(bytes)).toBe(true);
    expect(inline('inline_string: "\\0asm\\x01\\0\\0\\0"')).toEqual(Buffer.from('\0asm\x01\0\0\0'));
  });

  it('an absolute file name stays', () => {
    const path = filterPath('hello');
    expect(inline(`filename: ${path}`)).toBe(path);
  });

  it('directly below code, as older Envoys had it, with a note', () => {
    const { code, notes } = optionsOf('vm_config: { code: { filename: hello/hello.wasm } }');
    expect(code).toBe(filterPath('hello'));
    expect(notes).toEqual(['an older form; newer Envoys want it inside of `local`']);
  });

  const sha256 = createHash('sha256').update(hello).digest('hex');

  it('remote', () => {
    const remote = `
vm_config:
  code:
    remote:
      http_uri: { uri: "https://modules.example/hello.wasm", cluster: modules, timeout: 10.5s }
      sha256: ${sha256}
      retry_policy: { num_retries: 3, retry_back_off: { base_interval: 0.5s, max_interval: 4s } }`;
    expect(optionsOf(remote)).toEqual({
      ...{ code: 'https://modules.example/hello.wasm', sha256, vm: { id: '' }, notes: [] },
      ...{ failurePolicy: 'fail-closed', inFlightPolicy: 'fail-closed' },
      codeSource: {
        ...{ timeoutMs: 10_500, retries: 3 },
        retryBackoff: { baseIntervalMs: 500, maxIntervalMs: 4000 },
      },
    });
  });

  it('remote: the cluster says where the request goes', () => {
    const text = `
static_resources:
  clusters:
  - name: modules
    type: STRICT_DNS
    load_assignment:
      endpoints: { lb_endpoints: { endpoint: { address: { socket_address: { address: cdn.internal, port_value: 8443 } } } } }
bootstrap_extensions:
- typed_config:
    "@type": type.googleapis.com/envoy.extensions.wasm.v3.WasmService
    singleton: true
    config:
      vm_config:
        code: { remote: { http_uri: { uri: "http://modules.example/a.wasm", cluster: modules, timeout: 1s }, sha256: ${sha256} } }
`;
    const { services } = fromEnvoyConfig(text, READ);
    expect(services[0]?.codeSource).toEqual({
      timeoutMs: 1000,
      origin: 'http://cdn.internal:8443',
    });
  });
});

describe('the VM', () => {
  it('id, configuration and environment', () => {
    const fields = `
  vm_id: shared
  configuration: ${any('StringValue', 'vm')}
  environment_variables: { host_env_keys: [HOME_OF, MISSING], key_values: { MODE: dark, EMPTY: "" } }`;
    const { vm } = optionsOf(withVm(fields), { HOME_OF: '/srv', OTHER: 'x' });
    const environment = { HOME_OF: '/srv', MODE: 'dark', EMPTY: '' };
    expect(vm).toEqual({ id: 'shared', configuration: 'vm', environment });
  });

  it('what changes nothing here is a note', () => {
    const fields =
      'runtime: any.at.all\n  allow_precompiled: true\n  nack_on_code_cache_miss: true';
    expect(optionsOf(withVm(fields)).notes).toEqual([
      'it runs on the WebAssembly engine of Node, whatever the runtime is called',
      'code that was compiled before is never used: the module is compiled here',
      'a plugin starts when its code is there',
    ]);
    expect(optionsOf(withVm('allow_precompiled: false')).notes).toEqual([]);
  });
});

describe('policies', () => {
  const policies = (fields: string) => {
    const { failurePolicy, inFlightPolicy } = optionsOf(withHello(fields));
    return [failurePolicy, inFlightPolicy];
  };

  it.each([
    ['', ['fail-closed', 'fail-closed']],
    ['fail_open: false', ['fail-closed', 'fail-closed']],
    ['fail_open: true', ['fail-open', 'fail-open']],
    ['failure_policy: FAIL_OPEN', ['fail-open', 'fail-closed']],
    ['failure_policy: fail_reload', ['fail-reload', 'fail-closed']],
    ['failure_policy: 2', ['fail-closed', 'fail-closed']],
    ['failure_policy: UNSPECIFIED\nfail_open: true', ['fail-open', 'fail-open']],
    ['failurePolicy: FAIL_CLOSED', ['fail-closed', 'fail-closed']],
  ])('%s', (fields, expected) => {
    expect(policies(fields)).toEqual(expected);
  });

  it.each([
    ['{ base_interval: 2s }', { baseIntervalMs: 2000, maxIntervalMs: 20_000 }],
    ['{ base_interval: 0.05s, max_interval: 1s }', { baseIntervalMs: 50, maxIntervalMs: 1000 }],
  ])('reload_config with backoff %s', (backoff, expected) => {
    const { reloadBackoff } = optionsOf(withHello(`reload_config: { backoff: ${backoff} }`));
    expect(reloadBackoff).toEqual(expected);
  });

  it('capabilities: names; an empty map is all of them', () => {
    const restricted = (allowed: string) =>
      optionsOf(withHello(`capability_restriction_config: { allowed_capabilities: ${allowed} }`))
        .capabilities;
    expect(restricted('{ proxy_log: {}, proxy_on_request_headers: ~ }')).toEqual([
      'proxy_log',
      'proxy_on_request_headers',
    ]);
    expect(restricted('{}')).toBeUndefined();
  });

  it('allow_on_headers_stop_iteration', () => {
    const stops = (value: string) =>
      optionsOf(withHello(`allow_on_headers_stop_iteration: ${value}`)).allowOnHeadersStopIteration;
    expect([stops('true'), stops('false'), stops('~')]).toEqual([true, false, undefined]);
  });
});
