/** What `fromEnvoyConfig` gives, in an Express app, over real sockets. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer as createTcpServer, type AddressInfo } from 'node:net';

import express from 'express';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createHost } from '@proxy-wasm-node/core';
import { createTcpProxy } from '@proxy-wasm-node/core/tcp';
import { wasmFilter } from '@proxy-wasm-node/express';

import { recordLog } from '../../core/test/support/record-log.js';
import { fromEnvoyConfig } from '../src/index.js';
import { configuration, filterPath, READ, wasmFilterWith } from './support/configurations.js';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** The app that Envoy's role is played by: everything is answered with `body`. */
async function serve(text: string, body = 'hello world\n') {
  const { plugins, services, upstreams, metrics } = fromEnvoyConfig(text, READ);
  const log = recordLog('info');
  const host = createHost({ upstreams, metrics, logger: log.logger });
  cleanups.push(() => host.close());
  for (const service of services) await host.createService(service);
  const filter = wasmFilter(plugins, { host });
  const app = express();
  app.use(filter);
  app.use((_req, res) => void res.type('application/json').send(body));
  const server = app.listen(0, '127.0.0.1');
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await Promise.all([once(server, 'listening'), filter.ready()]);
  const origin = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  return { origin, host, log };
}

describe('in an Express app', () => {
  it('the first tutorial logs NewHttpContext, once for a request', async () => {
    const { origin, log } = await serve(configuration('hello.yaml'));
    expect(await (await fetch(`${origin}/`)).text()).toBe('hello world\n');
    await vi.waitFor(() => {
      expect(log.texts().filter((text) => text === 'NewHttpContext')).toHaveLength(1);
    });
  });

  it('the filter in C++ has root id, vm id and configuration', async () => {
    const { origin, host, log } = await serve(configuration('headers.yaml'));
    const answer = await fetch(`${origin}/`);
    expect(answer.headers.get('x-wasm-custom')).toBe('BAR');
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(host.health().plugins).toMatchObject([
      { name: 'my_plugin', rootId: 'my_root_id', vmId: 'my_vm_id', state: 'running' },
    ]);
    expect(log.lines[0]?.message).toContain('wasm log my_plugin my_root_id my_vm_id: ');
  });

  it('counters have the labels that stats_tags name, and a service counts on its thread', async () => {
    const { origin, host } = await serve(configuration('metrics.yaml'));
    await fetch(`${origin}/`, { headers: { 'x-tenant': 'a' } });
    await fetch(`${origin}/`, { headers: { 'x-tenant': 'a' } });
    await vi.waitFor(
      async () => {
        const text = await host.metrics.toPrometheus();
        expect(text).toContain('{value="a",reporter="wasmgosdk"} 2');
        expect(text).toMatch(/^wasmcustom_requests_total\S* 2$/m);
      },
      { timeout: 10_000 },
    );
  });

  it('Istio’s fragment guards a path', async () => {
    const { origin } = await serve(configuration('istio-filter.yaml'));
    expect((await fetch(`${origin}/admin`)).status).toBe(401);
    const authorization = `Basic ${Buffer.from('alice:wonderland').toString('base64')}`;
    expect((await fetch(`${origin}/admin`, { headers: { authorization } })).status).toBe(200);
  });
});

describe('VMs', () => {
  const plugin = (name: string, vm: string): string =>
    wasmFilterWith(
      `name: ${name}\nvm_config: { ${vm} code: { local: { filename: hello/hello.wasm } } }`,
    );
  const vmsOf = async (text: string) => {
    const { host } = await serve(text);
    const sample = host.metrics.read().find(({ name }) => name === 'wasm.active');
    return sample?.value;
  };
  const vmConfiguration =
    'configuration: { "@type": x/google.protobuf.StringValue, value: other },';

  it.each([
    ['no vm_id, the same code: one VM, as in Envoy', '', '', 1],
    ['the same vm_id', 'vm_id: a,', 'vm_id: a,', 1],
    ['another vm_id', 'vm_id: a,', 'vm_id: b,', 2],
    ['another vm configuration', '', vmConfiguration, 2],
  ])('%s', async (_name, one, two, count) => {
    expect(await vmsOf(plugin('one', one) + plugin('two', two))).toBe(count);
  });
});

describe('remote code', () => {
  const module = readFileSync(filterPath('headers'));
  const digest = createHash('sha256').update(module).digest('hex');

  /** A cluster with a server of the module, and a service, which needs no listener. */
  async function remoteService(sha256: string) {
    const asked: string[] = [];
    const server = createHttpServer((req, res) => {
      asked.push(`${String(req.headers.host)}${String(req.url)}`);
      res.end(module);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanups.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const text = `
bootstrap_extensions:
- typed_config:
    "@type": type.googleapis.com/envoy.extensions.wasm.v3.WasmService
    singleton: true
    config:
      name: remote
      vm_config:
        code:
          remote:
            http_uri: { uri: "http://modules.example/headers.wasm", cluster: modules, timeout: 5s }
            sha256: ${sha256}
            retry_policy: { num_retries: 0 }
static_resources:
  clusters:
  - name: modules
    load_assignment:
      endpoints:
        lb_endpoints:
        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${String(port)} } } }
`;
    const { services } = fromEnvoyConfig(text, READ);
    const codeSource = { ...services[0]?.codeSource, cacheDir: false } as const;
    const host = createHost({ logger: recordLog().logger });
    cleanups.push(() => host.close());
    return { asked, start: () => host.createService({ ...services[0]!, codeSource }) };
  }

  it('is fetched from the cluster that is named, by the URI’s host and path', async () => {
    const { asked, start } = await remoteService(digest);
    expect((await start()).state).toBe('running');
    expect(asked).toEqual(['modules.example/headers.wasm']);
  });

  it('with another digest is not run', async () => {
    const { start } = await remoteService('a'.repeat(64));
    await expect(start()).rejects.toMatchObject({ code: 'PW_ERR_CODE_DIGEST' });
  });
});

it('a network filter guards a TCP proxy', async () => {
  const { plugins } = fromEnvoyConfig(configuration('network.yaml'), READ);
  const store = createTcpServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(store, 'listening');
  cleanups.push(() => store.close());
  const host = createHost({ logger: recordLog().logger });
  cleanups.push(() => host.close());
  const { port } = store.address() as AddressInfo;
  const proxy = createTcpProxy({ plugins, upstream: `127.0.0.1:${String(port)}`, host });
  cleanups.push(() => proxy.close());
  const address = await proxy.listen(0, '127.0.0.1');
  await proxy.ready();
  const client = connect(address.port, '127.0.0.1');
  let received = '';
  client.on('data', (chunk: Buffer) => (received += chunk.toString()));
  client.write('get a\r\n');
  await vi.waitFor(() => {
    expect(received).toBe('get a\r\n');
  });
  const closed = once(client, 'close');
  client.write('flush_all\r\n');
  await closed;
  expect(received).not.toContain('flush_all');
});
