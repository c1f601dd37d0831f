import type { Plugin } from '../plugin.js';
import type { StreamPlugin } from '../stream/ports.js';
import type { ExchangeRequest } from './messages.js';
import { TestExchange, type ExchangeResult, type TestApp } from './test-exchange.js';

/**
 * Runs one request through plugins, to an app and back, with no server and no socket. Everything else
 * is as in a server: the plugins' services, limits and failure policies.
 *
 * @param plugins one, or a chain: requests run first to last, responses last to first
 * @param app default: answers 200, without headers and body
 * @returns once the last callback of the exchange (`proxy_on_delete`) has run
 * @throws what `app` throws or rejects with
 */
export function runExchange(
  plugins: Plugin | readonly Plugin[],
  request: ExchangeRequest = {},
  app: TestApp = () => ({}),
): Promise<ExchangeResult> {
  const chain: readonly StreamPlugin[] = Array.isArray(plugins)
    ? (plugins as readonly Plugin[])
    : [plugins as Plugin];
  const exchange = new TestExchange(request, app);
  exchange.start(chain);
  return exchange.result;
}
