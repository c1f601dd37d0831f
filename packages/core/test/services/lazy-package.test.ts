import type * as nodeModule from 'node:module';

import { afterEach, expect, it, vi } from 'vitest';

import type { Operation } from '../../../conformance/src/guests/operations.js';
import { guest } from '../../../conformance/src/guests/wat-guest.js';
import { createHost, type Host } from '../../src/index.js';
import { recordLog } from '../support/record-log.js';

const LONGER_THAN_A_CALLBACK_MS = 1500;

// Every package takes long to load, as on a machine that is small and busy.
vi.mock('node:module', async (original) => {
  const module = await original<typeof nodeModule>();
  const createRequire = (url: string) => {
    const require = module.createRequire(url);
    return (name: string): unknown => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LONGER_THAN_A_CALLBACK_MS);
      return require(name);
    };
  };
  return { ...module, default: { ...module, createRequire }, createRequire };
});

let host: Host;
afterEach(() => host.close());

it.each<[string, Operation]>([
  ['expressions', { callForeign: ['expr_create', 'request.path'] }],
  ['gRPC', { grpcCall: { upstream: 'nobody', message: '' } }],
])('the time in which the package for %s is loaded is not the guest’s', async (_what, call) => {
  const log = recordLog();
  host = createHost({ logger: log.logger, upstreams: { nobody: 'http://127.0.0.1:1' } });
  // Long enough that the module asks whether it may go on: before the call, and after it.
  const compute: Operation = {
    wat: `(local.set $i (i32.const 3000000))
      (loop $more (br_if $more (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))`,
  };
  const code = await guest({ callbacks: { proxy_on_configure: [compute, call, compute] } });
  const begun = performance.now();
  const plugin = await host.createPlugin({ code });
  expect(performance.now() - begun).toBeGreaterThan(LONGER_THAN_A_CALLBACK_MS - 10);
  expect(plugin.state).toBe('running');
});
