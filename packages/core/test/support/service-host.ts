/** Hosts with services, for tests: they close with the test. */
import type { Worker } from 'node:worker_threads';

import { afterEach } from 'vitest';

import { guest, type GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import {
  createHost,
  type Host,
  type HostOptions,
  type Service,
  type ServiceOptions,
} from '../../src/index.js';
import { recordLog } from './record-log.js';

const open: Host[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((host) => host.close()));
});

export function serviceHost(options: HostOptions = {}) {
  const log = recordLog();
  const host = createHost({ logger: log.logger, ...options });
  open.push(host);
  return {
    host,
    log,
    /** Makes a service of a generated guest, named `service`. */
    async start(callbacks: GuestScript['callbacks'], more: Partial<ServiceOptions> = {}) {
      return host.createService({ code: await guest({ callbacks }), name: 'service', ...more });
    },
    /** The same, and the worker thread that it runs on. */
    async startWithThread(
      callbacks: GuestScript['callbacks'],
      more: Partial<ServiceOptions> = {},
    ): Promise<{ service: Service; thread: Worker }> {
      const code = await guest({ callbacks });
      const { service, threads } = await withThreads(() =>
        host.createService({ code, name: 'service', ...more }),
      );
      return { service, thread: threads[0] as Worker };
    },
  };
}

async function withThreads(run: () => Promise<Service>) {
  const threads: Worker[] = [];
  const take = (worker: Worker): void => void threads.push(worker);
  process.on('worker', take);
  try {
    return { service: await run(), threads };
  } finally {
    process.off('worker', take);
  }
}
