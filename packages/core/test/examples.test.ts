import { afterAll, describe, expect, it } from 'vitest';

import { createHost, type PluginOptions } from '../src/index.js';
import { recordLog } from './support/record-log.js';

const CONFIGURATIONS: Record<string, PluginOptions['configuration']> = {
  hello: '',
  'json-validation': { requiredKeys: ['id'] },
  'basic-auth': { prefix: '/admin', users: { alice: 'wonderland' } },
  'add-headers': '',
  'rate-limit': { limit: 100, windowSeconds: 60 },
  'request-counter': { header: 'x-tenant', values: ['a'] },
  'latency-histogram': '',
  'config-refresher': { upstream: 'rules' },
  'ext-authz': { upstream: 'authz' },
  'ext-authz-go': { upstream: 'authz' },
  'ext-authz-grpc': { upstream: 'authz' },
  'status-counter': '',
  'response-size': '',
  'queue-producer': { queue: 'requests', vmId: 'totals' },
  'queue-consumer': { queue: 'requests' },
  'tcp-command-guard': { deny: ['SHUTDOWN'] },
  headers: '',
  redact: '',
};

describe('the example filters', () => {
  const log = recordLog();
  const host = createHost({ logger: log.logger });
  afterAll(() => host.close());

  it.each(Object.entries(CONFIGURATIONS))(
    'link, start and configure: %s',
    async (name, configuration) => {
      const code = new URL(`../../../examples/filters/${name}/${name}.wasm`, import.meta.url);
      const plugin = await host.createPlugin({ code, ...(configuration && { configuration }) });
      expect(plugin).toMatchObject({ name, state: 'running' });
      expect(log.texts('error')).toEqual([]);
    },
  );

  it('close, without a trap in the last callbacks', async () => {
    await host.close();
    expect(host.health().plugins).toEqual([]);
    expect(log.texts('error')).toEqual([]);
  });
});
