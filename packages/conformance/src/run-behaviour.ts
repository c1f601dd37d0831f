import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

import { createHost, type Host, type PluginOptions } from '@proxy-wasm-node/core';
import { wasmFilter } from '@proxy-wasm-node/core/node';

import { pause, until } from './answer.js';
import type {
  Answer,
  Behaviour,
  FilterMiddleware,
  FilterSpec,
  Middleware,
  Reply,
  RequestSpec,
  RowHandler,
  Seen,
  Target,
} from './behaviour.js';
import { UPSTREAMS } from './behaviours/filters.js';
import { Http2Client } from './client-http2.js';
import { Client } from './client.js';
import { guest } from './guests/wat-guest.js';
import { Progress } from './progress.js';

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
  const progress = new Progress();
  const outcome: Outcome = { replies: [], seen: [], logs: progress.logs, errors: progress.errors };
  const host = createHost({ logger: recorder(outcome) });
  const { allowConsumedBody = false, isAttached = false } = row;
  const filters: FilterMiddleware[] = [];
  const toFilter = async (specs: readonly FilterSpec[]): Promise<Middleware> => {
    const plugins = await Promise.all(specs.map((spec) => pluginOptions(spec, progress)));
    const options = { host, allowConsumedBody };
    const filter =
      target.wasmFilter?.(plugins, { ...options, isAttached }) ?? wasmFilter(plugins, options);
    filters.push(filter);
    return filter;
  };
  const middlewares = [...(row.before ?? []), await toFilter(row.filters)];
  if (row.laterFilters !== undefined)
    middlewares.push(waiting(progress), await toFilter(row.laterFilters));
  middlewares.push(recordSeen(outcome, row.app, progress));
  await Promise.all(filters.map((filter) => filter.ready().catch(() => undefined)));
  const attached = isAttached ? filters : [];
  await exchange(row, target, { middlewares, attached, progress }, outcome);
  const logs = [...outcome.logs];
  await finish(filters, host);
  return { ...outcome, logs };
}

/** What stands before the app, which filters before that, and how far all is. */
interface Run {
  middlewares: readonly Middleware[];
  attached: readonly FilterMiddleware[];
  progress: Progress;
}

async function exchange(
  row: Behaviour,
  target: Target,
  { middlewares, attached, progress }: Run,
  outcome: Outcome,
): Promise<void> {
  const { app, onUpgrade, onConnect } = row;
  const server = await target.start(
    middlewares,
    typeof app === 'function' ? (req, res) => app(req, res, progress) : app,
  );
  if (onUpgrade !== undefined) server.server.on('upgrade', onUpgrade);
  if (onConnect !== undefined) server.server.on('connect', onConnect);
  for (const filter of attached) filter.attach(server.server);
  // What plugins said while they started is not the row's.
  outcome.logs.length = 0;
  const accepted = new Set<Socket>();
  server.server.on('connection', (socket: Socket) => accepted.add(socket));
  const client =
    target.protocol === 'h2' ? new Http2Client(server.port) : new Client(server.port, accepted);
  progress.client = client;
  try {
    for (const request of [row.request].flat()) {
      const abandoned = givenUp(request, progress);
      const reply = await client.send(request, abandoned).catch((error: unknown) => error as Error);
      if (!(reply instanceof Error)) outcome.replies.push(reply);
      else if (row.expect.broken !== true) throw reply;
    }
    await lastCallbacks(row, outcome);
  } finally {
    client.close();
    await server.close();
  }
}

/** Undefined: the client waits for the reply. */
function givenUp(
  { givesUpWhen: when }: RequestSpec,
  progress: Progress,
): Promise<void> | undefined {
  if (when === undefined) return undefined;
  if (when === 'reached') return progress.reached();
  return 'logged' in when ? progress.logged(when.logged) : progress.received(when.received);
}

/** They come when the response has been closed; what lacks in the end, the row's checks tell. */
async function lastCallbacks({ expect }: Behaviour, { logs, seen }: Outcome): Promise<void> {
  const { logs: ofGuests = [], seen: ofApp = [] } = expect;
  const isAll = (): boolean => logs.length >= ofGuests.length && seen.length >= ofApp.length;
  await until(isAll, 'the last callbacks').catch(() => undefined);
  // For what comes beyond.
  await pause(5);
}

async function finish(filters: readonly FilterMiddleware[], host: Host): Promise<void> {
  for (const filter of filters) await filter.close();
  await host.close();
}

async function pluginOptions(asked: FilterSpec, progress: Progress): Promise<PluginOptions> {
  const spec = withLater(asked, progress);
  if ('script' in spec) {
    const { script, ...options } = spec;
    return { name: 'guest', ...options, code: await guest(script) };
  }
  const { wasm, ...options } = spec;
  return { ...options, code: fileURLToPath(new URL(`${wasm}/${wasm}.wasm`, FILTERS)) };
}

/** The upstream `later` answers when nothing else is going on. */
function withLater(spec: FilterSpec, progress: Progress): FilterSpec {
  if (spec.upstreams !== UPSTREAMS) return spec;
  const later = async (): Promise<Response> => {
    // The row must not pass because the call failed.
    await progress.atRest().catch((error: unknown) => progress.errors.push(String(error)));
    return new Response('fine');
  };
  return { ...spec, upstreams: { ...UPSTREAMS, later } };
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

/** Goes on when all of the request has come that comes without an answer. */
function waiting(progress: Progress): Middleware {
  return (_req, _res, next) => void progress.atRest().then(() => next(), next);
}

/** Notes what the app is given, and its body once somebody has read it. */
function recordSeen(
  { seen }: Outcome,
  app: Answer | RowHandler,
  { responses }: Progress,
): Middleware {
  return (req, res, next) => {
    responses.push(res);
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
