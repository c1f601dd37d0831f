/** Each failure is one entry of the log, and a flood of them a few, with a count of the rest. */
import { once } from 'node:events';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { FailureLog } from '../../src/failure-log.js';
import { createHost } from '../../src/index.js';
import { toLogSink } from '../../src/logger.js';
import { wasmFilter } from '../../src/node/wasm-filter.js';
import { PluginLog } from '../../src/plugin-log.js';
import { eventually, listen, RawClient, serverOf } from '../support/filter-server.js';
import { filter } from '../support/modules.js';
import { recordLog } from '../support/record-log.js';

afterEach(() => {
  vi.useRealTimers();
});

function failureLog() {
  const log = recordLog();
  const sink = toLogSink(log.logger, () => undefined);
  const pluginLog = new PluginLog({ name: 'p', rootId: '', vmId: '' }, sink);
  return { log, failures: new FailureLog('p', () => pluginLog) };
}

describe('a flood of failures', () => {
  it('is cut to five entries a second, and the rest is counted when the next one is logged', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { log, failures } = failureLog();
    for (let number = 1; number <= 12; number += 1)
      failures.write(`failure ${String(number)}`, undefined);
    expect(log.texts()).toEqual([1, 2, 3, 4, 5].map((number) => `failure ${String(number)}`));
    vi.advanceTimersByTime(1001);
    failures.write('later', undefined);
    expect(log.texts('error').at(-1)).toBe('later');
    expect(log.texts('warn')).toEqual(['plugin "p": 7 more failures were not logged']);
    failures.close();
    expect(log.texts('warn')).toHaveLength(1);
  });

  it('is counted at the end too', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { log, failures } = failureLog();
    for (let number = 1; number <= 6; number += 1) failures.write('failure', undefined);
    failures.close();
    expect(log.texts('warn')).toEqual(['plugin "p": 1 more failures were not logged']);
  });

  it('of a plugin that traps with every request is told in full, by entries and by counts', async () => {
    const log = recordLog();
    const host = createHost({ logger: log.logger });
    const body =
      '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (unreachable))';
    const plugin = await host.createPlugin({
      code: await filter({ body }),
      name: 'p',
      reloadBackoff: { baseIntervalMs: 1, maxIntervalMs: 1 },
    });
    const { port, close } = await listen(
      serverOf(wasmFilter(plugin), (_, res) => {
        res.end();
      }),
    );
    const traps = 20;
    for (let count = 0; count < traps; count += 1) {
      await eventually(() => plugin.state === 'running', 'it runs');
      const failed = once(plugin, 'failed');
      const client = new RawClient(port);
      client.send('GET / HTTP/1.1\nhost: a\nconnection: close');
      await client.closed;
      await failed;
    }
    await close();
    await host.close();
    const entries = log.texts('error').filter((line) => line.includes(' trapped '));
    const counted = log
      .texts('warn')
      .map((line) => Number(/(\d+) more failures/.exec(line)?.[1] ?? 0));
    expect(entries.length + counted.reduce((sum, count) => sum + count, 0)).toBe(traps);
  });
});
