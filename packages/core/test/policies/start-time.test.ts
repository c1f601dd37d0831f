import { execFileSync } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, expect, it } from 'vitest';

import { createHost, type Host } from '../../src/index.js';
import { eventually } from '../support/filter-server.js';
import { filter } from '../support/modules.js';
import { recordLog } from '../support/record-log.js';

const hosts: Host[] = [];
afterEach(() => Promise.all(hosts.splice(0).map((host) => host.close())));

function newHost(hostFunctions = {}) {
  const log = recordLog();
  const host = createHost({ logger: log.logger, hostFunctions });
  hosts.push(host);
  return { host, log };
}

it('a start whose code does not come in time is given up', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'start-'));
  const code = join(directory, 'never.wasm');
  // A pipe that nobody writes to: reading it waits for ever.
  execFileSync('mkfifo', [code]);
  const { host } = newHost();
  await expect(host.createPlugin({ code, limits: { startTimeMs: 30 } })).rejects.toMatchObject({
    code: 'PW_ERR_START_TIMEOUT',
    pluginName: 'never',
    message: expect.stringContaining('30 ms (limits.startTimeMs), in loading the code'),
  });
  expect(host.health()).toEqual({ ready: true, plugins: [] });
  // Lets the reader go.
  await (await open(code, 'w')).close();
  await rm(directory, { recursive: true });
});

it('a start that took too long is taken back: the guest is told, and its context goes', async () => {
  let waitMs = 0;
  const { host, log } = newHost({
    wait: () => {
      for (const end = performance.now() + waitMs; performance.now() < end;) continue;
    },
  });
  const body = `(func (export "proxy_on_configure") (param i32 i32) (result i32) (call $wait) (i32.const 1))
    (data (i32.const 64) "deleted")
    (func (export "proxy_on_delete") (param i32)
      (drop (call $log (i32.const 2) (i32.const 64) (i32.const 7))))`;
  const imports = `(import "env" "wait" (func $wait))
    (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))`;
  const code = await filter({ imports, body });
  const limits = { startTimeMs: 1000 };
  // Compiled once, so that only the guest takes its time.
  const plugin = await host.createPlugin({ code, limits });
  expect(plugin.state).toBe('running');
  waitMs = 1001;
  await expect(host.createPlugin({ code, limits })).rejects.toMatchObject({
    code: 'PW_ERR_START_TIMEOUT',
    message: expect.stringContaining('in the module’s own start'),
  });
  expect(host.health().plugins).toHaveLength(1);
  await eventually(() => log.texts('info').length > 0, 'the guest is told');
  expect(log.texts('info')).toEqual(['deleted']);
});
