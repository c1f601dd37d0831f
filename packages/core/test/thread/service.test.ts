import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterAll, describe, expect, it, vi } from 'vitest';

import type { Operation } from '../../../conformance/src/guests/operations.js';
import { assemble, guest } from '../../../conformance/src/guests/wat-guest.js';
import type { ServiceOptions } from '../../src/index.js';
import { serviceHost } from '../support/service-host.js';

const CONFIGURED: readonly Operation[] = [{ log: 'configured' }, { logBuffer: [7] }];

describe('a service', () => {
  it('is configured on its own thread, and logs through the logger of the app', async () => {
    const { start, log } = serviceHost();
    const service = await start(
      { proxy_on_vm_start: [{ logBuffer: [6] }], proxy_on_configure: CONFIGURED },
      { configuration: { a: 1 }, vm: { id: 'v', configuration: 'for the VM' }, rootId: 'r' },
    );
    expect(log.texts()).toEqual(['for the VM', 'configured', '{"a":1}']);
    expect(log.lines[1]).toEqual({
      level: 'info',
      message: 'wasm log r v: configured',
      fields: { plugin: 'service', rootId: 'r', vmId: 'v', contextId: 1 },
    });
    expect(service).toMatchObject({ name: 'service', rootId: 'r', vmId: 'v', state: 'running' });
  });

  it('has a logger of its own, if it is given one', async () => {
    const { start, log } = serviceHost();
    const other = serviceHost().log;
    await start({ proxy_on_configure: [{ log: 'x' }] }, { logger: other.logger });
    expect([log.texts(), other.texts()]).toEqual([[], ['x']]);
  });

  it('asks for the level of the logger, as it is by and by', async () => {
    const { start, log } = serviceHost();
    log.logger.level = 'warn';
    await start({
      proxy_on_configure: [{ log: 'too low' }, { setTickPeriod: 20 }],
      proxy_on_tick: [{ log: 'tick' }],
    });
    expect(log.texts()).toEqual([]);
    log.logger.level = 'info';
    await vi.waitFor(
      () => {
        expect(log.texts()).toContain('tick');
      },
      { timeout: 10_000 },
    );
    expect(log.texts()).not.toContain('too low');
  });

  it('ticks', async () => {
    const { start, log } = serviceHost();
    await start({
      proxy_on_configure: [{ setTickPeriod: 5 }],
      proxy_on_tick: [{ log: 'tick' }],
    });
    await vi.waitFor(() => {
      expect(log.texts().length).toBeGreaterThan(3);
    });
  });

  it('finishes when it is closed', async () => {
    const { start, log, host } = serviceHost();
    const service = await start({
      proxy_on_done: [{ log: 'done' }],
      proxy_on_delete: [{ log: 'delete' }],
    });
    await Promise.all([service.close(), service.close()]);
    expect(log.texts()).toEqual(['done', 'delete']);
    expect(service.state).toBe('closed');
    expect(host.health().services).toBeUndefined();
  });

  it('is told of in the health of its host, and closes with it', async () => {
    const { start, host } = serviceHost();
    const service = await start({ proxy_on_configure: [] }, { vm: { id: 'v' } });
    expect(host.health()).toEqual({
      ready: true,
      plugins: [],
      services: [{ name: 'service', rootId: '', vmId: 'v', state: 'running' }],
    });
    await host.close();
    expect(service.state).toBe('closed');
    await expect(start({})).rejects.toMatchObject({ code: 'PW_ERR_HOST_CLOSED' });
  });
});

describe('the code of a service', () => {
  const folder = mkdtempSync(join(tmpdir(), 'proxy-wasm-node-service-'));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('may be a path, a URL, bytes or a module; its name is that of the file', async () => {
    const { host, log } = serviceHost();
    const bytes = await guest({ callbacks: { proxy_on_configure: [{ log: 'configured' }] } });
    const path = join(folder, 'totals.wasm');
    writeFileSync(path, bytes);
    const module = await WebAssembly.compile(bytes as BufferSource);
    const given: ServiceOptions[] = [
      { code: path },
      { code: pathToFileURL(path) },
      { code: bytes, sha256: createHash('sha256').update(bytes).digest('hex') },
      { code: module, limits: { callbackTimeMs: false } },
    ];
    const names = [];
    for (const options of given) names.push((await host.createService(options)).name);
    expect(names).toEqual(['totals', 'totals', 'plugin', 'plugin']);
    expect(log.texts()).toEqual(Array(4).fill('configured'));
  });

  it.each([
    ['PW_ERR_CODE_NOT_FOUND', { code: join(folder, 'none.wasm') }],
    ['PW_ERR_CODE_DIGEST', { sha256: '0'.repeat(64) }],
    ['PW_ERR_MODULE_NOT_WASM', { code: Buffer.from('nothing') }],
  ])('that is wrong is %s', async (code, options) => {
    const { start, host } = serviceHost();
    await expect(start({}, options)).rejects.toMatchObject({ code });
    expect(host.health().services).toBeUndefined();
  });
});

describe('a service that can not be started', () => {
  it.each([
    ['PW_ERR_VM_START_REFUSED', { proxy_on_vm_start: [{ return: 0 }] }],
    ['PW_ERR_CONFIGURE_REFUSED', { proxy_on_configure: [{ return: 0 }] }],
    ['PW_ERR_CALLBACK_TRAPPED', { proxy_on_configure: [{ trap: true }] }],
  ] as const)('is refused with %s, and leaves nothing', async (code, callbacks) => {
    const { start, host } = serviceHost();
    const set = [{ setSharedData: ['k', 'v', 0] as const }];
    const all = { proxy_on_context_create: set, ...callbacks };
    await expect(start(all)).rejects.toMatchObject({
      code,
      name: 'ProxyWasmError',
      pluginName: 'service',
    });
    expect(host.health().services).toBeUndefined();
    expect(host.sharedData.entries()).toEqual([]);
    const ofService = host.metrics.read().filter(({ labels }) => labels['plugin'] === 'service');
    expect(ofService).toEqual([]);
  });

  it('says that host functions are not there', async () => {
    const { host } = serviceHost({ hostFunctions: { vendor_call: () => 0 } });
    const code = await assemble(
      '(module (import "env" "vendor_call" (func)) (memory (export "memory") 1) ' +
        '(func (export "proxy_abi_version_0_2_1")) ' +
        '(func (export "malloc") (param i32) (result i32) (i32.const 0)))',
    );
    await expect(host.createService({ code, name: 's' })).rejects.toThrow(
      /vendor_call.*hostFunctions \(vendor_call\) are not there for a service/,
    );
  });

  it.each([
    [{ storeTimeoutMs: 0 }, 'storeTimeoutMs must be a whole number of milliseconds above 0'],
    [{ closeTimeoutMs: '1' }, 'closeTimeoutMs must be a whole number'],
    [{ properties: () => 1 }, 'properties must be an object (a service runs on another thread)'],
    [{ allowOnHeadersStopIteration: true }, 'no option of a service'],
    [{ properties: { a: { b: () => 1 } } }, 'can not be sent to the service'],
    [{ confguration: 1 }, 'did you mean configuration?'],
  ])('for its options, %j', async (options, message) => {
    const { start } = serviceHost();
    await expect(start({}, options as never)).rejects.toMatchObject({
      code: 'PW_ERR_OPTIONS_INVALID',
      message: expect.stringContaining(message) as string,
    });
  });
});
