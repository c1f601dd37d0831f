/** What an app tries on a new VM before requests are given to it. */
import type { PluginContext } from '../contexts/plugin-context.js';
import { messageOf, ProxyWasmError } from '../errors.js';
import type { StreamPlugin } from '../stream/ports.js';
import { TestExchange } from './test-exchange.js';

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
    for (const exchange of exchanges) exchange.end('the self-test is over');
    exchanges.clear();
  };
  signal.addEventListener('abort', endAll, { once: true });
  try {
    await test({
      request: (request = {}) => {
        if (signal.aborted) return Promise.reject(new Error('the self-test is over'));
        const exchange = new TestExchange(request);
        exchanges.add(exchange);
        exchange.start(plugin);
        return exchange.result.finally(() => exchanges.delete(exchange));
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
