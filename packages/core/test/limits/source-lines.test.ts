/**
 * Filters that real toolchains have built with their lines: what a trap tells, woven and unwoven, by
 * requests through sockets. The client learns nothing of it.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterEach, describe, expect, it } from 'vitest';

import {
  createHost,
  type GuestFrame,
  type PluginOptions,
  type ProxyWasmError,
} from '../../src/index.js';
import { wasmFilter } from '../../src/node/wasm-filter.js';
import { listen, RawClient, serverOf } from '../support/filter-server.js';
import { recordLog } from '../support/record-log.js';

const FILTERS = new URL('../../../conformance/filters/', import.meta.url);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** One request through a filter that traps: the error, its log entries, and all that the client got. */
async function trap(
  code: PluginOptions['code'],
  options: Partial<PluginOptions> = {},
  header = '',
): Promise<{ error: ProxyWasmError; entries: string[]; answer: string }> {
  const log = recordLog();
  const host = createHost({ logger: log.logger });
  cleanups.push(() => host.close());
  const plugin = await host.createPlugin({
    code,
    name: 'p',
    failurePolicy: 'fail-closed',
    ...options,
  });
  const failed = new Promise<ProxyWasmError>((resolve) => plugin.once('failed', resolve));
  const { port, close } = await listen(
    serverOf(wasmFilter(plugin), (_, res) => {
      res.end('app');
    }),
  );
  cleanups.push(close);
  const client = new RawClient(port);
  client.send(`GET / HTTP/1.1\nhost: a\nconnection: close${header}`);
  await client.closed;
  return {
    error: await failed,
    entries: log.texts('error').filter((line) => line.startsWith('plugin "p"')),
    answer: client.text,
  };
}

/** `file:line` of what stands in a source. */
async function placeOf(source: string, text: string, file: string): Promise<string> {
  const lines = (await readFile(new URL(source, FILTERS), 'utf8')).split('\n');
  const index = lines.findIndex((line) => line.includes(text));
  expect(index).not.toBe(-1);
  return `${file}:${String(index + 1)}`;
}

/** `name file:line` */
function told({ functionName = '?', file = '?', line = 0 }: GuestFrame): string {
  return `${functionName} ${file}:${String(line)}`;
}

const pathOf = (filter: string): string =>
  fileURLToPath(new URL(`${filter}/${filter}.wasm`, FILTERS));

/** Without the callback for requests, so that the one for responses is reached. */
const ONLY_RESPONSES = {
  capabilities: ['proxy_on_context_create', 'proxy_on_response_headers', 'fd_write', 'proc_exit'],
};

interface Specimen {
  what: string;
  filter: string;
  source: string;
  /** What stands in the line that the trap is in. */
  text: string;
  file: string;
  /** Of the function that the line is in. */
  name: RegExp;
  code: string;
  options?: Partial<PluginOptions>;
  header?: string;
}

const SPECIMENS: Specimen[] = [
  {
    what: 'a panic in Rust (DWARF 4)',
    filter: 'misbehave',
    source: 'misbehave/src/lib.rs',
    text: 'panic!("as it was asked to")',
    file: 'src/lib.rs',
    name: /misbehave.*obey/,
    code: 'PW_ERR_CALLBACK_TRAPPED',
    header: '\nx-misbehave: panic',
  },
  {
    what: 'a trap in C++ (DWARF 5)',
    filter: 'trap-cpp',
    source: 'trap-cpp/trap-cpp.cc',
    text: '__builtin_trap();',
    file: 'trap-cpp.cc',
    name: /::check\(unsigned int\)$/,
    code: 'PW_ERR_CALLBACK_TRAPPED',
  },
  {
    what: 'a division by zero in C++',
    filter: 'trap-cpp',
    source: 'trap-cpp/trap-cpp.cc',
    text: 'return requests / tenants',
    file: 'trap-cpp.cc',
    name: /Quota::share/,
    code: 'PW_ERR_CALLBACK_TRAPPED',
    options: ONLY_RESPONSES,
  },
  {
    what: 'an error that AssemblyScript throws (source map)',
    filter: 'trap-as',
    source: 'trap-as/assembly/index.ts',
    text: 'throw new Error',
    file: 'assembly/index.ts',
    name: /Stream#onRequestHeaders$/,
    code: 'PW_ERR_GUEST_EXITED',
  },
  {
    what: 'an unreachable in AssemblyScript',
    filter: 'trap-as',
    source: 'trap-as/assembly/index.ts',
    text: 'unreachable();',
    file: 'assembly/index.ts',
    name: /giveUp$/,
    code: 'PW_ERR_CALLBACK_TRAPPED',
    options: {
      capabilities: [...ONLY_RESPONSES.capabilities, 'proxy_on_vm_start', 'proxy_on_configure'],
    },
  },
];

describe.each(SPECIMENS)('$what', (specimen) => {
  const { filter, source, text, file, name, code, options, header } = specimen;

  it('is told with the function and the line, the same woven and unwoven', async () => {
    const place = await placeOf(source, text, file);
    const woven = await trap(pathOf(filter), options, header);
    const limits = { callbackTimeMs: false } as const;
    const plain = await trap(pathOf(filter), { ...options, limits }, header);
    expect(woven.error).toMatchObject({ code, pluginName: 'p', contextId: 2 });
    expect(woven.error.guestStack).toEqual(plain.error.guestStack);
    const frame = woven.error.guestStack.map(told).find((each) => each.endsWith(` ${place}`));
    expect(frame?.replace(` ${place}`, '')).toMatch(name);
    // One entry for one trap, and it says so too.
    expect(woven.entries).toHaveLength(1);
    expect(woven.entries[0]).toContain(`(${place}:`);
    expect(woven.entries[0]).toMatch(/^plugin "p": .*\n {4}at /);
  });

  it('tells the client nothing', async () => {
    const { answer } = await trap(pathOf(filter), options, header);
    const [head = '', ...body] = answer.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1.1 503 /);
    expect(body.join('')).toBe('');
    expect(answer).not.toMatch(/wasm|trap|panic|plugin|PW_ERR|lib\.rs|index\.ts|\.cc/i);
  });
});

describe('the stack', () => {
  it('of a panic is deeper than the ten frames that V8 keeps, and the app’s limit stays', async () => {
    const before = Error.stackTraceLimit;
    const { error } = await trap(pathOf('misbehave'), {}, '\nx-misbehave: panic');
    expect(error.guestStack.length).toBeGreaterThan(10);
    expect(error.guestStack.at(-1)?.functionName).toBe('proxy_on_request_headers');
    expect(Error.stackTraceLimit).toBe(before);
  });

  it('is in the cause too, with places of the module as it came', async () => {
    const { error } = await trap(pathOf('trap-cpp'));
    const [frame] = error.guestStack;
    const place = `trap-cpp.cc:${String(frame?.line)}:${String(frame?.column)}, wasm://`;
    expect((error.cause as Error).stack).toContain(place);
    expect((error.cause as Error).stack).toContain(`:0x${Number(frame?.offset).toString(16)})`);
  });
});

/** A module that does the same, and is not known yet: compiled modules are found by their bytes. */
async function strange(filter: string, number: number): Promise<Buffer> {
  const customSection = Buffer.from([0, 3, 1, 0x78, number]);
  return Buffer.concat([await readFile(pathOf(filter)), customSection]);
}

describe('a source map', () => {
  it('is read beside the module only: one that comes as bytes has names and no lines', async () => {
    const { error } = await trap(await strange('trap-as', 1));
    const [, frame] = error.guestStack;
    expect(frame?.functionName).toMatch(/Stream#onRequestHeaders$/);
    expect(error.guestStack.every(({ file, line }) => (file ?? line) === undefined)).toBe(true);
  });

  it('that is not there is none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'proxy-wasm-'));
    cleanups.push(() => rm(folder, { recursive: true }));
    const path = join(folder, 'copy.wasm');
    await writeFile(path, await strange('trap-as', 2));
    const { error } = await trap(path);
    expect(error.guestStack).not.toEqual([]);
    expect(error.guestStack.every(({ line }) => line === undefined)).toBe(true);
  });
});
