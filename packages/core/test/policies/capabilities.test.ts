/** Each name that `capabilities` knows: left out, and alone allowed. */
import { createServer } from 'node:http';

import { afterEach, describe, expect, it } from 'vitest';

import { CALLBACK_SIGNATURES } from '../../src/abi/callback-signatures.js';
import { HOSTCALL_SIGNATURES } from '../../src/abi/hostcall-signatures.js';
import { Status, WasiErrno, type AbiVersion } from '../../src/abi/types.js';
import { WASI_SIGNATURES } from '../../src/abi/wasi-signatures.js';
import { createHost, type Host, type HostOptions } from '../../src/index.js';
import { wasmFilter } from '../../src/node/wasm-filter.js';
import { listen, RawClient } from '../support/filter-server.js';
import { filter } from '../support/modules.js';
import { recordLog } from '../support/record-log.js';

const hosts: Host[] = [];
afterEach(() => Promise.all(hosts.splice(0).map((host) => host.close())));

const EVERY = [HOSTCALL_SIGNATURES, WASI_SIGNATURES, CALLBACK_SIGNATURES].flatMap((table) =>
  Object.keys(table),
);
const without = (name: string) => EVERY.filter((each) => each !== name);

function newHost(options: HostOptions = {}) {
  const log = recordLog();
  const host = createHost({ ...options, logger: log.logger });
  hosts.push(host);
  return { host, log };
}

interface Imported {
  module: string;
  name: string;
  params: string[];
  hasResult: boolean;
  abi: AbiVersion;
}

/** From `(i32, i64) -> (i32)`. */
function imported(module: string, name: string, signature: string, abi: AbiVersion): Imported {
  const [params = '', results = ''] = signature.split(' -> ').map((types) => types.slice(1, -1));
  return {
    module,
    name,
    params: params.split(', ').filter(Boolean),
    hasResult: results !== '',
    abi,
  };
}

/** Calls the function twice, with zeros; configures itself only if the answer was `expected`. */
function caller({ module, name, params, hasResult, abi }: Imported, expected: number) {
  const call = `(call $it ${params.map((type) => `(${type}.const 0)`).join(' ')})`;
  const result = hasResult ? '(result i32)' : '';
  const isExpected = hasResult
    ? `(i32.eq ${call} (i32.const ${String(expected)}))`
    : `${call} (i32.const 1)`;
  return filter({
    abi: abi.replaceAll('.', '_'),
    imports: `(import "${module}" "${name}" (func $it (param ${params.join(' ')}) ${result}))`,
    body: `(func (export "proxy_on_configure") (param i32 i32) (result i32)
      (drop (block (result i32) ${isExpected})) ${isExpected})`,
  });
}

const HOSTCALLS = Object.entries(HOSTCALL_SIGNATURES)
  .filter(([name]) => name.startsWith('proxy_'))
  .map(([name, { signature, abiVersions }]) =>
    imported('env', name, signature, abiVersions.at(-1) as AbiVersion),
  );
const WASI = Object.entries(WASI_SIGNATURES).map(([name, [signature]]) =>
  imported('wasi_snapshot_preview1', name, signature as string, '0.2.1'),
);

describe.each([...HOSTCALLS, ...WASI])('$module.$name', (it_) => {
  const { name, module } = it_;
  const refused = module === 'env' ? Status.INTERNAL_FAILURE : WasiErrno.NOTCAPABLE;

  it('left out, still links, answers that it is refused, and is logged once', async () => {
    const { host, log } = newHost();
    const code = await caller(it_, refused);
    const plugin = await host.createPlugin({ code, name: 'p', capabilities: without(name) });
    expect(plugin.state).toBe('running');
    expect(log.texts('warn')).toEqual([
      expect.stringContaining(`${name} is not among the`) as unknown,
    ]);
    await plugin.close();
  });

  it('alone allowed, does its work', async () => {
    const { host, log } = newHost();
    const code = await caller(it_, refused);
    const alone = { code, name: 'p', capabilities: [name, 'proxy_on_configure'] };
    const open = host.createPlugin(alone);
    if (name === 'proc_exit') {
      await expect(open).rejects.toMatchObject({ code: 'PW_ERR_GUEST_EXITED' });
    } else {
      await expect(open).rejects.toMatchObject({ code: 'PW_ERR_CONFIGURE_REFUSED' });
    }
    expect(log.texts('warn').join()).not.toContain('is not among');
  });
});

describe('callbacks', () => {
  /** HTTP metadata (HTTP/2's METADATA frames) is nothing that Node has. */
  const names = Object.keys(CALLBACK_SIGNATURES).filter(
    (name) => name.startsWith('proxy_on_') && !name.endsWith('_metadata'),
  );
  const grpc = [
    'proxy_on_grpc_receive_initial_metadata',
    'proxy_on_grpc_receive_trailing_metadata',
  ];
  names.push(...grpc);
  /** All of them, each of which would end the VM. */
  const trapping = filter({
    body: Object.entries(CALLBACK_SIGNATURES)
      .map(([name, [signature = '']]) => {
        const [params = '', results = ''] = signature
          .split(' -> ')
          .map((types) => types.slice(1, -1).replaceAll(',', ''));
        return `(func (export "${name}") (param ${params}) (result ${results}) unreachable)`;
      })
      .join('\n'),
  });

  it('left out, are never called, through a whole exchange and a plugin’s life', async () => {
    const { host, log } = newHost();
    const plugin = await host.createPlugin({ code: await trapping, capabilities: [] });
    const filtered = wasmFilter(plugin);
    const server = createServer((req, res) => {
      filtered(req, res, () => {
        res.writeHead(200, { trailer: 'x-sum' });
        req.pipe(res, { end: false });
        req.on('end', () => {
          res.addTrailers({ 'x-sum': '1' });
          res.end();
        });
      });
    });
    const { port, close } = await listen(server);
    const client = new RawClient(port);
    client.send(
      'POST / HTTP/1.1\nhost: a\nconnection: close\ntransfer-encoding: chunked',
      '3\r\nabc\r\n0\r\nx-end: 1\r\n\r\n',
    );
    await client.closed;
    expect(client.text).toMatch(/^HTTP\/1.1 200 [^]*abc[^]*x-sum: 1/);
    plugin.context?.onTick();
    plugin.context?.onQueueReady(1);
    await plugin.close();
    await close();
    expect(log.lines).toEqual([]);
  });

  it.each(names)('%s alone is left out', async (name) => {
    const { host } = newHost();
    const body = Object.entries(CALLBACK_SIGNATURES)
      .map(([each, [signature = '']]) => {
        const [params = '', results = ''] = signature
          .split(' -> ')
          .map((types) => types.slice(1, -1).replaceAll(',', ''));
        const does = each === name ? 'unreachable' : results === '' ? '' : '(i32.const 1)';
        return `(func (export "${each}") (param ${params}) (result ${results}) ${does})`;
      })
      .join('\n');
    const code = await filter({ body });
    const plugin = await host.createPlugin({ code, capabilities: without(name) });
    const { callbacks } = plugin.context!.vm;
    const missing = Object.entries(callbacks).filter(([, callback]) => callback === null);
    expect(missing).toHaveLength(1);
    const key = name.replace(/^proxy_o/, 'o').replace(/_(\w)/g, (_, c: string) => c.toUpperCase());
    expect(missing[0]?.[0]).toBe(key);
    const all = await host.createPlugin({ code, capabilities: EVERY }).catch((e: unknown) => e);
    if (/_context_create$|vm_start$|configure$/.test(name)) {
      expect(all).toMatchObject({ code: 'PW_ERR_CALLBACK_TRAPPED', callback: name });
    }
    await plugin.close();
    expect(plugin.failure).toBeUndefined();
  });

  it('and allocator, start and toolchain functions are never restricted', async () => {
    const { host, log } = newHost();
    const code = await filter({
      imports: `(import "env" "pthread_equal" (func $equal (param i32 i32) (result i32)))
        (import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))
        (import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))`,
      body: `(data (i32.const 64) "plugin_name")
        (func (export "_initialize") (i32.store (i32.const 80) (call $equal (i32.const 2) (i32.const 2))))
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
          (drop (call $property (i32.const 64) (i32.const 11) (i32.const 8) (i32.const 12)))
          (i32.and (i32.load (i32.const 80)) (i32.eq (i32.load (i32.const 8)) (i32.const 4096))))`,
    });
    const capabilities = ['proxy_on_configure', 'proxy_get_property'];
    await expect(host.createPlugin({ code, capabilities })).resolves.toBeDefined();
    expect(log.lines).toEqual([]);
  });
});

describe('names', () => {
  it('that nothing is called are told, with what was probably meant', async () => {
    const { host, log } = newHost({ hostFunctions: { vendor_function: () => 0 } });
    const code = await filter();
    const capabilities = ['proxy_lgo', 'nonsense', 'vendor_function', 'proxy_log', 'fd_write'];
    await host.createPlugin({ code, name: 'p', capabilities });
    expect(log.texts('warn')).toEqual([
      'plugin "p": capabilities has "proxy_lgo", which no function or callback is called; did you mean proxy_log?',
      'plugin "p": capabilities has "nonsense", which no function or callback is called',
    ]);
  });

  it('of host functions are restricted too, and that is logged once', async () => {
    let calls = 0;
    const { host, log } = newHost({ hostFunctions: { vendor: () => (calls += 1) } });
    const code = await caller(imported('env', 'vendor', '() -> (i32)', '0.2.1'), 10);
    await host.createPlugin({ code, capabilities: ['proxy_on_configure'] });
    expect(calls).toBe(0);
    expect(log.texts('warn')).toEqual([
      "vendor is not among the plugin's capabilities; it gets INTERNAL_FAILURE",
    ]);
  });
});
