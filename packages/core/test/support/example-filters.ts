/** The filters of examples/filters on a real server, and its log and figures. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

import { createHost, type HostOptions, type PluginOptions } from '../../src/index.js';
import { wasmFilter } from '../../src/node/index.js';
import { atTestEnd, listen } from './calling-plugin.js';
import { recordLog } from './record-log.js';

/** For `vi.waitFor`: a machine may be slow. */
export const WAIT = { timeout: 10_000 };

export type App = (req: IncomingMessage, res: ServerResponse) => void;

/** The module of a filter of examples/filters. */
export function exampleFilter(name: string): URL {
  return new URL(`../../../../examples/filters/${name}/${name}.wasm`, import.meta.url);
}

/** A host whose log is kept; it closes with the test. */
export function exampleHost(options: Omit<HostOptions, 'logger'> = {}) {
  const log = recordLog('info');
  const host = createHost({ ...options, logger: log.logger });
  atTestEnd(() => host.close());
  /** The values of filters' metrics, by name; labels behind it as Prometheus has them. */
  const metrics = (): Record<string, number> => {
    const samples = host.metrics.read().filter(({ source }) => source === 'filter');
    return Object.fromEntries(
      samples.map(({ name, labels, value }) => {
        const pairs = Object.entries(labels).map(([label, of]) => `${label}="${of}"`);
        return [pairs.length === 0 ? name : `${name}{${pairs.join()}}`, value];
      }),
    );
  };
  return { host, log, metrics };
}

export type ExampleHost = ReturnType<typeof exampleHost>;

/** Serves an app behind filters, in their order; answers its URL. Ends with the test. */
export async function serveBehind(
  { host }: ExampleHost,
  plugins: readonly PluginOptions[],
  app: App = (_req, res) => res.end('hello'),
): Promise<string> {
  const started = await Promise.all(plugins.map((options) => host.createPlugin(options)));
  const filter = wasmFilter(started);
  const server = createServer((req, res) => {
    filter(req, res, () => {
      app(req, res);
    });
  });
  return `http://127.0.0.1:${String(await listen(server))}`;
}

/**
 * Tries to start a plugin that has to refuse its configuration; answers what it logged.
 *
 * @throws Error if it starts
 */
export async function refusalOf(name: string, configuration: PluginOptions['configuration']) {
  const { host, log } = exampleHost();
  const options = { code: exampleFilter(name), ...(configuration && { configuration }) };
  const starting = host.createPlugin(options);
  const code = await starting.then(
    () => 'started',
    (error: unknown) => (error as { code: string }).code,
  );
  if (code !== 'PW_ERR_CONFIGURE_REFUSED') throw new Error(`${name}: ${code}`);
  return log.texts('error').join('\n');
}
