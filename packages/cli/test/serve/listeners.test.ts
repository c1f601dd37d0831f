/** TCP listeners, services, admin, and configurations that can't be started. */
import { once } from 'node:events';
import { Agent, type ServerResponse } from 'node:http';
import { createServer, type Socket } from 'node:net';

import { expect, it, onTestFinished } from 'vitest';

import { guest } from '../../../conformance/src/guests/wat-guest.js';
import {
  ask,
  cluster,
  DRAIN_TIMEOUT_MS,
  everything,
  filterPath,
  freePort,
  httpYaml,
  portOf,
  serveYaml,
  stringValue,
  upstream,
  wasmFilter,
} from './serve-yaml.js';
import { TcpLine } from './tcp-line.js';

const HELLO = everything('direct_response: { status: 200, body: { inline_string: hello } }');

const ADMIN = `
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }`;

/** A server that answers each line with its name and the line. */
async function lineServer(name: string): Promise<number> {
  const server = createServer((socket: Socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (piece: Buffer) => socket.write(`${name}: ${piece.toString()}`));
    socket.on('end', () => socket.end());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return portOf(server);
}

function tcpYaml(ports: readonly number[]): string {
  return `
static_resources:
  listeners:
  - address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    filter_chains:
    - filters:
      - name: guard
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm
          config:
            name: guard
            ${stringValue('{"deny": ["flush_all"]}')}
            vm_config: { runtime: envoy.wasm.runtime.v8, code: { local: { filename: ${filterPath('tcp-command-guard')} } } }
      - name: envoy.tcp_proxy
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: tcp
          cluster: store
  clusters:
${cluster('store', ports).replaceAll('\n', '\n  ')}
`;
}

it('runs network filters in front of a cluster’s endpoints, taken in turns', async () => {
  const { port } = await serveYaml(tcpYaml([await lineServer('one'), await lineServer('two')]));
  const first = new TcpLine(port);
  expect(await first.ask('get a\n')).toBe('one: get a\n');
  const second = new TcpLine(port);
  expect(await second.ask('get b\n')).toBe('two: get b\n');
  second.end();
  await second.closed;
  first.write('flush_all\n');
  await first.closed;
  expect(first.text).not.toContain('flush_all\n');
});

it('serves metrics and readiness where Envoy’s admin interface would be', async () => {
  const { port, adminPort } = await serveYaml(
    httpYaml({
      routes: HELLO,
      filters: [wasmFilter('status-counter')],
      more: ADMIN,
    }),
  );
  await ask(port);
  expect(await ask(adminPort, { path: '/ready' })).toMatchObject({ status: 200, body: 'LIVE\n' });
  const stats = await ask(adminPort, { path: '/stats' });
  expect(stats.body).toContain('\nresponses_total{status_class="2xx"}: 1\n');
  const prometheus = await ask(adminPort, { path: '/stats/prometheus' });
  expect(prometheus.headers['content-type']).toContain('version=0.0.4');
  expect(prometheus.body).toContain('\n# TYPE responses_total counter\n');
  expect(prometheus.body).toContain('\nresponses_total{status_class="2xx"} 1\n');
  expect((await ask(adminPort, { path: '/stats?format=prometheus' })).body).toContain('# TYPE ');
  expect(await ask(adminPort, { path: '/config_dump' })).toMatchObject({
    status: 404,
    body: 'no such path; there is: /ready, /stats, /stats/prometheus\n',
  });
});

it('says that it drains while requests are on their way, and ends when they have', async () => {
  const waiting: ServerResponse[] = [];
  const app = await upstream((_req, res) => void waiting.push(res));
  const { port, adminPort, proxy } = await serveYaml(
    httpYaml({
      routes: everything('route: { cluster: app }'),
      clusters: [cluster('app', [portOf(app)])],
      filters: [wasmFilter('headers')],
      more: ADMIN,
    }),
  );
  // On a connection that could be used again.
  const agent = new Agent({ keepAlive: true });
  const answer = ask(port, { agent });
  await expect.poll(() => waiting.length).toBe(1);
  const closed = proxy.close();
  expect(await ask(adminPort, { path: '/ready' })).toMatchObject({
    status: 503,
    body: 'DRAINING\n',
  });
  await expect(ask(port)).rejects.toThrow('ECONNREFUSED');
  waiting[0]?.end('late');
  expect(await answer).toMatchObject({ status: 200, body: 'late' });
  const endedMs = performance.now();
  await closed;
  expect(performance.now() - endedMs).toBeLessThan(DRAIN_TIMEOUT_MS / 2);
  await expect(ask(adminPort)).rejects.toThrow('ECONNREFUSED');
});

it('says who has failed to those who ask whether it is ready', async () => {
  const code = await guest({ callbacks: { proxy_on_request_headers: [{ trap: true }] } });
  const inline = `code: { local: { inline_bytes: ${Buffer.from(code).toString('base64')} } }`;
  const { port, adminPort } = await serveYaml(
    httpYaml({
      routes: HELLO,
      filters: [wasmFilter('headers').replace(/code: .*/, inline)],
      more: ADMIN,
    }),
  );
  expect((await ask(port)).status).toBe(503);
  expect(await ask(adminPort, { path: '/ready' })).toMatchObject({
    status: 503,
    body: 'FAILED: headers\n',
  });
});

it('starts a Wasm service beside the listeners, fed by a queue', async () => {
  const service = `
bootstrap_extensions:
- name: envoy.bootstrap.wasm
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.wasm.v3.WasmService
    singleton: true
    config:
      name: consumer
      ${stringValue('{"queue": "requests"}')}
      vm_config: { vm_id: consumer, runtime: envoy.wasm.runtime.v8, code: { local: { filename: ${filterPath('queue-consumer')} } } }`;
  const { port, proxy } = await serveYaml(
    httpYaml({
      routes: HELLO,
      filters: [wasmFilter('queue-producer', '', '{"queue": "requests", "vmId": "consumer"}')],
      more: service,
    }),
  );
  await ask(port, { path: '/counted' });
  const counted = async (): Promise<boolean> =>
    (await proxy.host.metrics.toPrometheus()).includes('\nrequests_total_method_GET 1\n');
  await expect.poll(counted, { timeout: 10_000 }).toBe(true);
});

it('says which line of the configuration wants a port that is taken, and closes what it had opened', async () => {
  const taken = await upstream((_req, res) => res.end('other'));
  const free = await freePort();
  const first = httpYaml({ routes: HELLO, filters: [wasmFilter('headers')] }).replace(
    'port_value: 0',
    `port_value: ${String(free)}`,
  );
  const second = first
    .slice(first.indexOf('  - name: main'), first.indexOf('  clusters:'))
    .replace('name: main', 'name: second')
    .replace(/port_value: \d+/, `port_value: ${String(portOf(taken))}`);
  const both = first.replace('  clusters:', `${second}  clusters:`);
  await expect(serveYaml(both)).rejects.toMatchObject({
    code: 'PW_ERR_LISTEN',
    message: expect.stringMatching(
      /^envoy\.yaml:\d+:\d+: static_resources\.listeners\[1\]: listener second cannot listen on 127\.0\.0\.1:\d+: the port is taken; .* \(EADDRINUSE\)$/,
    ) as string,
  });
  // Nobody listens there any more.
  await expect(ask(free)).rejects.toThrow('ECONNREFUSED');
});

it('refuses a listener for HTTP/2', async () => {
  const yaml = httpYaml({ routes: HELLO, manager: 'codec_type: HTTP2' });
  await expect(serveYaml(yaml)).rejects.toMatchObject({
    code: 'PW_ERR_ENVOY_UNSUPPORTED',
    message: expect.stringMatching(/^envoy\.yaml:\d+:\d+: .*: codec_type: HTTP2 is not/) as string,
  });
});

it('refuses to start with a filter that refuses its configuration', async () => {
  const filters = [wasmFilter('basic-auth', '', 'no JSON')];
  await expect(serveYaml(httpYaml({ routes: HELLO, filters }))).rejects.toMatchObject({
    code: 'PW_ERR_CONFIGURE_REFUSED',
  });
});

it('serves without a filter that can’t start and is to fail open', async () => {
  const filters = [wasmFilter('basic-auth', 'failure_policy: FAIL_OPEN', 'no JSON')];
  const { port, lines } = await serveYaml(httpYaml({ routes: HELLO, filters }));
  expect(await ask(port)).toMatchObject({ status: 200, body: 'hello' });
  expect(lines.join('\n')).toContain('fail-open');
});
