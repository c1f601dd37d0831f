/** What an app tries on a new VM before requests are given to it. */
import type { PluginContext } from '../contexts/plugin-context.js';
import { messageOf, ProxyWasmError } from '../errors.js';
import type { StreamPlugin } from '../stream/ports.js';
import type { ExchangeMessage } from '../testing/messages.js';
import { TestExchange, type ExchangeResult } from '../testing/test-exchange.js';

/** Throws, or rejects, where the filter does not do what it should. */
export type SelfTest = (filter: FilterUnderTest) => void | Promise<void>;

/** A filter that has started and takes no requests yet. Its services are the real ones. */
export interface FilterUnderTest {
  /**
   * Runs a made-up request through the filter alone, to a made-up app and back.
   *
   * @throws Error where the filter resets the stream
   */
  request(request?: TestRequest): Promise<TestResult>;
}

/** A request of a self-test; what is left out is that of `GET /` without a body. */
export interface TestRequest {
  /** Default GET. */
  method?: string;
  /** Path and query; default `/`. */
  path?: string;
  headers?: Readonly<Record<string, string>>;
  /** Text is sent as UTF-8. */
  body?: string | Uint8Array;
  /** What the app would answer; default: 200, without headers and body. */
  response?: {
    status?: number;
    headers?: Readonly<Record<string, string>>;
    body?: string | Uint8Array;
  };
}

/** Headers by lower-case name, pseudo headers among them; repeated ones are joined by ", ". */
export interface TestMessage {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** What the client would get. */
export interface TestResult extends TestMessage {
  readonly status: number;
  /** What the app would get; undefined where the filter has answered in its place. */
  readonly request: TestMessage | undefined;
}

/**
 * Runs the test; every exchange that it has begun is over then.
 *
 * @throws ProxyWasmError PW_ERR_SELF_TEST, or why the VM has failed
 */
export async function runSelfTest(
  test: SelfTest,
  context: PluginContext,
  signal: AbortSignal,
): Promise<void> {
  const exchanges = new Set<TestExchange>();
  const plugin: StreamPlugin = { name: context.settings.name, context, failOpen: false };
  const endAll = (): void => {
    for (const exchange of exchanges) exchange.end(new Error('the self-test is over'));
    exchanges.clear();
  };
  signal.addEventListener('abort', endAll, { once: true });
  try {
    await test({
      request: (request = {}) => {
        if (signal.aborted) return Promise.reject(new Error('the self-test is over'));
        const exchange = startExchange(request, plugin);
        exchanges.add(exchange);
        return exchange.result.then(toResult).finally(() => exchanges.delete(exchange));
      },
    });
  } catch (cause) {
    if (context.vm.failure !== undefined) throw context.vm.failure;
    const message = `the self-test refused the new VM: ${messageOf(cause)}`;
    throw new ProxyWasmError('PW_ERR_SELF_TEST', message, { cause });
  } finally {
    signal.removeEventListener('abort', endAll);
    endAll();
  }
  if (context.vm.failure !== undefined) throw context.vm.failure;
}

function startExchange(
  { response = {}, ...request }: TestRequest,
  plugin: StreamPlugin,
): TestExchange {
  const headers = { host: 'self-test', ...lowerCased(request.headers) };
  const exchange = new TestExchange({ ...request, headers }, () => response);
  exchange.start([plugin]);
  return exchange;
}

/** So that a host that is given, in any case, takes the place of the default. */
function lowerCased(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

function toResult({ outcome, request, response }: ExchangeResult): TestResult {
  if (outcome === 'reset' || response === undefined) {
    throw new Error('the filter has reset the stream');
  }
  const message = joined(response);
  const status = Number(message.headers[':status']);
  return { status, ...message, request: request && joined(request) };
}

/** Repeated headers are joined by ", ". */
function joined({ headers, body }: ExchangeMessage): TestMessage {
  const byName = Object.create(null) as Record<string, string>;
  for (const [name, value] of headers) {
    const before = byName[name];
    byName[name] = before === undefined ? value : `${before}, ${value}`;
  }
  return { headers: byName, body };
}
