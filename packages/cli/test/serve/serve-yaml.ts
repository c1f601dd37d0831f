/** Configurations that run in a test, and clients of theirs. */
import { once } from 'node:events';
import {
  createServer,
  request,
  type Agent,
  type IncomingMessage,
  type RequestListener,
} from 'node:http';
import { connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

import { onTestFinished } from 'vitest';
import { readEnvoyConfig } from '@proxy-wasm-node/envoy';

import { createEnvoyLog } from '../../src/serve/envoy-log.js';
import { startProxy, type RunningProxy } from '../../src/serve/start-proxy.js';

/** The path of an example filter's module. */
export function filterPath(name: string): string {
  return fileURLToPath(
    new URL(`../../../../examples/filters/${name}/${name}.wasm`, import.meta.url),
  );
}

/** Long: a test that waits so long has met what does not end. */
export const DRAIN_TIMEOUT_MS = 10_000;

/** A configuration that runs until its test ends. */
export interface ServedYaml {
  readonly proxy: RunningProxy;
  /** Of the first listener. */
  readonly port: number;
  readonly adminPort: number;
  /** Lines of the log, without their times. */
  readonly lines: string[];
}

export async function serveYaml(text: string): Promise<ServedYaml> {
  const lines: string[] = [];
  const output = {
    write: (written: string) => {
      lines.push(
        ...written
          .trimEnd()
          .split('\n')
          .map((line) => line.replace(/^\[[^\]]*\]/, '')),
      );
      return true;
    },
  } as unknown as NodeJS.WritableStream;
  const { logger } = createEnvoyLog(output, { level: 'info', json: false });
  const configuration = readEnvoyConfig(text, { file: 'envoy.yaml' });
  const proxy = await startProxy(configuration, {
    logger,
    drainTimeoutMs: DRAIN_TIMEOUT_MS,
  });
  onTestFinished(() => proxy.close());
  const portOf = (kind: string): number =>
    proxy.servers.find((server) => (server.kind === 'admin' ? 'admin' : 'listener') === kind)
      ?.port ?? 0;
  return { proxy, port: portOf('listener'), adminPort: portOf('admin'), lines };
}

export interface HttpSetting {
  /** What is at `route_config:`, from its third level on, as YAML of its own. */
  readonly routes: string;
  /** Of wasm filters, each as YAML. */
  readonly filters?: readonly string[];
  readonly clusters?: readonly string[];
  /** More fields of the connection manager. */
  readonly manager?: string;
  /** More fields of the configuration. */
  readonly more?: string;
}

/** One HTTP listener on a free port. */
export function httpYaml({
  routes,
  filters = [],
  clusters = [],
  manager = '',
  more = '',
}: HttpSetting): string {
  return `
static_resources:
  listeners:
  - name: main
    address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ingress
${indented(manager, 10)}
          route_config:
            name: local
            virtual_hosts:
${indented(routes, 12)}
          http_filters:
${indented(filters.join('\n'), 10)}
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
  clusters: ${clusters.length === 0 ? '[]' : ''}
${indented(clusters.join('\n'), 2)}
${more}
`;
}

/** A wasm HTTP filter from a file. */
export function wasmFilter(name: string, fields = '', value = ''): string {
  return `
- name: envoy.filters.http.wasm
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
    config:
      name: ${name}
${indented(fields, 6)}
${value === '' ? '' : indented(stringValue(value), 6)}
      vm_config:
        runtime: envoy.wasm.runtime.v8
        code: { local: { filename: ${filterPath(name)} } }`;
}

export function stringValue(value: string): string {
  return `configuration: { "@type": type.googleapis.com/google.protobuf.StringValue, value: ${JSON.stringify(value)} }`;
}

/** A cluster with endpoints by address. */
export function cluster(name: string, ports: readonly number[], fields = ''): string {
  return `
- name: ${name}
  type: STATIC
${indented(fields, 2)}
  load_assignment:
    cluster_name: ${name}
    endpoints:
    - lb_endpoints:
${ports.map((port) => `      - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${String(port)} } } }`).join('\n')}`;
}

/** Every path goes to one place. */
export function everything(action: string): string {
  return `
- name: all
  domains: ["*"]
  routes:
  - match: { prefix: "/" }
    ${action}`;
}

function indented(text: string, by: number): string {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => ' '.repeat(by) + line)
    .join('\n');
}

/** A server of node:http that is there until the test ends. */
export async function upstream(app: RequestListener): Promise<Server> {
  const server = createServer(app);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return server;
}

/** A port on which nobody listens. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: string[];
  readonly body: string;
  readonly trailers: NodeJS.Dict<string>;
}

export interface Question {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string;
  readonly agent?: Agent;
}

/** One request, on a connection of its own unless an agent has others. */
export async function ask(port: number, question: Question = {}): Promise<Answer> {
  const { path = '/', method = 'GET', headers = {}, body, agent = false } = question;
  const req = request({ host: '127.0.0.1', port, path, method, headers, agent });
  req.end(body);
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of res.setEncoding('utf8')) text += chunk as string;
  const { statusCode: status = 0, rawHeaders, trailers } = res;
  return { status, headers: res.headers, rawHeaders, body: text, trailers };
}

/** A connection, and what came on it until it closed. */
export async function talk(port: number, ...pieces: readonly string[]): Promise<string> {
  const socket: Socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1').on('data', (piece: string) => (text += piece));
  socket.on('error', () => undefined);
  for (const piece of pieces) socket.write(piece);
  await once(socket, 'close');
  return text;
}
