/** Clusters with TLS, and with HTTP/2. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttp2Server, type Http2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import { tls } from '../../../conformance/src/tls/index.js';
import { configurationFor } from '../../src/serve/single-filter.js';
import { startProxy } from '../../src/serve/start-proxy.js';
import { ask, cluster, everything, httpYaml, portOf, serveYaml } from './serve-yaml.js';

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return portOf(server);
}

const H2C = `
http2_protocol_options: {}`;

const tlsFields = (context: string): string => `
transport_socket:
  name: envoy.transport_sockets.tls
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
    ${context}`;

const proxyTo = (port: number, fields: string): string =>
  httpYaml({
    routes: everything('route: { cluster: app }'),
    clusters: [cluster('app', [port], fields)],
  });

it('speaks HTTP/2 with a cluster that says so, and passes its trailers', async () => {
  const server: Http2Server = createHttp2Server((req, res) => {
    let body = '';
    req.setEncoding('utf8').on('data', (piece: string) => (body += piece));
    req.on('end', () => {
      res.writeHead(200, { 'content-type': 'text/plain', 'x-version': req.httpVersion });
      res.addTrailers({ 'x-sum': '5' });
      res.end(`${req.method} ${req.url} ${body} for ${req.authority}`);
    });
  });
  const port = await listening(server);
  const served = await serveYaml(proxyTo(port, H2C));
  const answer = await ask(served.port, {
    ...{ method: 'POST', path: '/x', body: 'hello' },
    headers: { host: 'app.example' },
  });
  expect(answer).toMatchObject({
    status: 200,
    body: 'POST /x hello for app.example',
    trailers: { 'x-sum': '5' },
  });
  expect(answer.headers['x-version']).toBe('2.0');
});

it('speaks TLS with a cluster that says so, and checks its certificate where it is to', async () => {
  const { key, cert } = tls;
  const port = await listening(
    createHttpsServer({ key, cert }, (req, res) => res.end(`secure for ${req.headers.host ?? ''}`)),
  );
  const folder = await mkdtemp(join(tmpdir(), 'proxy-wasm-tls-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'ca.pem'), cert);
  const validation = (name: string): string =>
    `sni: ${name}
    common_tls_context: { validation_context: { trusted_ca: { filename: ${join(folder, 'ca.pem')} } } }`;
  const right = await serveYaml(proxyTo(port, tlsFields(validation('localhost'))));
  expect((await ask(right.port, { headers: { host: 'a' } })).body).toBe('secure for a');
  const wrong = await serveYaml(proxyTo(port, tlsFields(validation('other.example'))));
  const refused = await ask(wrong.port);
  expect(refused.status).toBe(503);
  expect(refused.body).toMatch(/transport failure reason: TLS_error: .*other\.example/);
  const unchecked = await serveYaml(proxyTo(port, tlsFields('sni: other.example')));
  expect((await ask(unchecked.port)).status).toBe(200);
});

it('checks the certificate of an upstream of one filter by the authorities that Node knows', async () => {
  const port = await listening(createHttpsServer(tls, (_req, res) => res.end('secure')));
  const configuration = configurationFor({
    ...{ address: '127.0.0.1', port: 0, plugins: [] },
    target: new URL(`https://localhost:${String(port)}`),
  });
  const proxy = await startProxy(configuration, { logger: console });
  onTestFinished(() => proxy.close());
  const { status, body } = await ask(proxy.servers[0]!.port);
  expect(status).toBe(503);
  expect(body).toMatch(/TLS_error: .*self.signed certificate/);
});
