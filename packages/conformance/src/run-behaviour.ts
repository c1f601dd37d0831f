import { fileURLToPath } from 'node:url';

import { createHost, type Host, type PluginOptions } from '@proxy-wasm-node/core';
import { wasmFilter } from '@proxy-wasm-node/core/node';

import { pause } from './answer.js';
import type {
  Answer,
  Behaviour,
  ClientView,
  FilterMiddleware,
  FilterSpec,
  Middleware,
  Reply,
  RowHandler,
  Seen,
  Target,
} from './behaviour.js';
import { Http2Client } from './client-http2.js';
import { Client, type RowClient } from './client.js';
import { guest } from './guests/wat-guest.js';

/** What came of a row. */
export interface Outcome {
  replies: Reply[];
  seen: Seen[];
  logs: string[];
  errors: string[];
}

const FILTERS = new URL('../../../examples/filters/', import.meta.url);

/** Starts the target with the row's filters and app, and sends the row's requests. */
export async function runBehaviour(row: Behaviour, target: Target): Promise<Outcome> {
  const outcome: Outcome = { replies: [], seen: [], logs: [], errors: [] };
  const host = createHost({ logger: recorder(outcome) });
  const { allowConsumedBody = false, isAttached = false } = row;
  const filters: FilterMiddleware[] = [];
  const toFilter = async (specs: readonly FilterSpec[]): Promise<Middleware> => {
    const plugins = await Promise.all(specs.map(pluginOptions));
    const options = { host, allowConsumedBody };
    const filter =
      target.wasmFilter?.(plugins, { ...options, isAttached }) ?? wasmFilter(plugins, options);
    filters.push(filter);
    return filter;
  };
  const middlewares = [...(row.before ?? []), await toFilter(row.filters)];
  if (row.laterFilters !== undefined) middlewares.push(wait, await toFilter(row.laterFilters));
  middlewares.push(recordSeen(outcome, row.app));
  await Promise.all(filters.map((filter) => filter.ready().catch(() => undefined)));
  const attached = isAttached ? filters : [];
  await exchange(row, target, { middlewares, attached }, outcome);
  const logs = [...outcome.logs];
  await finish(filters, host);
  return { ...outcome, logs };
}

/** What stands before the app, and which filters before that. */
interface Chain {
  middlewares: readonly Middleware[];
  attached: readonly FilterMiddleware[];
}

async function exchange(
  row: Behaviour,
  target: Target,
  { middlewares, attached }: Chain,
  outcome: Outcome,
): Promise<void> {
  const { app, onUpgrade, onConnect } = row;
  let client: RowClient | undefined = undefined as RowClient | undefined;
  const view: ClientView = { received: async (text) => client?.received.contains(text) };
  const server = await target.start(
    middlewares,
    typeof app === 'function' ? (req, res) => app(req, res, view) : app,
  );
  if (onUpgrade !== undefined) server.server.on('upgrade', onUpgrade);
  if (onConnect !== undefined) server.server.on('connect', onConnect);
  for (const filter of attached) filter.attach(server.server);
  // What plugins said while they started is not the row's.
  outcome.logs.length = 0;
  client = target.protocol === 'h2' ? new Http2Client(server.port) : new Client(server.port);
  try {
    for (const request of [row.request].flat()) {
      const reply = await client.send(request).catch((error: unknown) => error as Error);
      if (!(reply instanceof Error)) outcome.replies.push(reply);
      else if (row.expect.broken !== true) throw reply;
    }
    // The last callbacks come when the response has been closed.
    await pause([row.request].flat().some(({ abortAfterMs }) => abortAfterMs) ? 40 : 5);
  } finally {
    client.close();
    await server.close();
  }
}

async function finish(filters: readonly FilterMiddleware[], host: Host): Promise<void> {
  for (const filter of filters) await filter.close();
  await host.close();
}

async function pluginOptions(spec: FilterSpec): Promise<PluginOptions> {
  if ('script' in spec) {
    const { script, ...options } = spec;
    return { name: 'guest', ...options, code: await guest(script) };
  }
  const { wasm, ...options } = spec;
  return { ...options, code: fileURLToPath(new URL(`${wasm}/${wasm}.wasm`, FILTERS)) };
}

function recorder({ logs, errors }: Outcome) {
  const guestLine = (_fields: object, message: string): void => {
    if (/^wasm log/.test(message)) logs.push(message.replace(/^wasm log[^:]*: /, ''));
  };
  const error = (fields: object, message: string): void => {
    if (/^wasm log/.test(message)) guestLine(fields, message);
    else errors.push(message);
  };
  return {
    level: 'trace',
    trace: guestLine,
    debug: guestLine,
    info: guestLine,
    warn: error,
    error,
  };
}

const wait: Middleware = (_req, _res, next) => {
  setTimeout(next, 20);
};

/** Notes what the app is given, and its body once somebody has read it. */
function recordSeen({ seen }: Outcome, app: Answer | RowHandler): Middleware {
  return (req, _res, next) => {
    const entry: Seen = {
      method: req.method ?? '',
      url: req.url ?? '',
      headers: { ...req.headers },
      rawHeaders: [...req.rawHeaders],
      body: undefined,
      trailers: {},
    };
    seen.push(entry);
    if (typeof app === 'object' && (app.echo === true || app.reads === true)) {
      const chunks: Buffer[] = [];
      const { emit } = req;
      req.emit = function (this: typeof req, name: string, ...values: unknown[]): boolean {
        if (name === 'data') chunks.push(values[0] as Buffer);
        if (name === 'end') {
          entry.body = Buffer.concat(chunks).toString('latin1');
          entry.trailers = Object.fromEntries(Object.entries(req.trailers));
        }
        return emit.call(this, name, ...values);
      } as typeof req.emit;
    }
    next();
  };
}
