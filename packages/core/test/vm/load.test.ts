import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { nameOfCode } from '../../src/code/code-source.js';
import { hasHostcall } from '../../src/hostcalls/table.js';
import { DEFAULT_LIMITS } from '../../src/options.js';
import { loadModule, weaveLimits, type LoadedModule } from '../../src/vm/load.js';
import { ALLOCATOR, filter, filterText, LOG } from '../support/modules.js';
import { assemble } from '../support/wat.js';

const limits = weaveLimits(DEFAULT_LIMITS);
const support = { hasHostcall, hostFunctions: new Set<string>() };
const load = (code: Parameters<typeof loadModule>[0], sha256?: string): Promise<LoadedModule> =>
  loadModule(code, sha256, support, limits);

let folder: string;
let bytes: Uint8Array<ArrayBuffer>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'proxy-wasm-'));
  bytes = await filter();
  await writeFile(join(folder, 'filter.wasm'), bytes);
});

afterAll(() => rm(folder, { recursive: true }));

describe('code', () => {
  it('is taken from a path, a file: URL, its text, bytes, and a compiled module', async () => {
    const path = join(folder, 'filter.wasm');
    const url = pathToFileURL(path);
    const sources = [
      path,
      url,
      url.href,
      bytes,
      Buffer.from(bytes),
      await WebAssembly.compile(bytes),
    ];
    for (const source of sources) expect((await load(source)).abiVersion).toBe('0.2.1');
  });

  it('is compiled once, however it is given', async () => {
    const path = join(folder, 'filter.wasm');
    const [first, second, third] = await Promise.all([
      load(path),
      load(bytes),
      load(bytes.slice()),
    ]);
    expect(second.compiled).toBe(first.compiled);
    expect(third.compiled).toBe(first.compiled);
    expect((await load(pathToFileURL(path))).compiled).toBe(first.compiled);
  });

  it('is taken as it was when given, whatever the caller does to the bytes', async () => {
    const given = await filter({ body: '(func (export "unlike_any_other"))' });
    const loading = load(given);
    given.fill(0);
    expect((await loading).report.exports.map(({ name }) => name)).toContain('unlike_any_other');
  });

  it('that is missing is told with its path', async () => {
    await expect(load(join(folder, 'none.wasm'))).rejects.toMatchObject({
      code: 'PW_ERR_CODE_NOT_FOUND',
      message: expect.stringContaining(join(folder, 'none.wasm')),
    });
    await expect(load(folder)).rejects.toMatchObject({ code: 'PW_ERR_CODE_NOT_FOUND' });
  });

  it.each(['ftp://example.com/filter.wasm', 'data:,x', 'gopher://x'])(
    'from %s is refused with what is supported',
    async (url) => {
      const refused = {
        code: 'PW_ERR_CODE_SCHEME',
        message: expect.stringContaining('a file:, https:, http: or oci: URL'),
      };
      await expect(load(url)).rejects.toMatchObject(refused);
      await expect(load(new URL(url))).rejects.toMatchObject(refused);
    },
  );

  it('that has another digest than demanded is not even looked at', async () => {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect((await load(bytes, sha256.toUpperCase())).report.sha256).toBe(sha256);
    const noModule = new Uint8Array([1, 2, 3]);
    await expect(load(noModule, sha256)).rejects.toMatchObject({
      code: 'PW_ERR_CODE_DIGEST',
      message: expect.stringContaining(sha256),
    });
  });

  it('gives the plugin its name', () => {
    expect(nameOfCode('/a/b/auth.wasm')).toBe('auth');
    expect(nameOfCode('auth.WASM')).toBe('auth');
    expect(nameOfCode(new URL('file:///a/my%20filter.wasm'))).toBe('my filter');
    expect(nameOfCode('file:///a/auth.wasm?v=2')).toBe('auth');
    expect(nameOfCode(new Uint8Array(0))).toBe('plugin');
  });
});

describe('what is no module', () => {
  const text = (content: string): Uint8Array => Buffer.from(content);
  it.each([
    ['nothing', text(''), 'empty'],
    ['text', text('hello'), 'do not begin with \\0asm'],
    ['WebAssembly text', text('(module)'), 'wat2wasm'],
    ['a web page', text('<!DOCTYPE html><p>404'), 'HTML'],
    ['a Git LFS pointer', text('version https://git-lfs.github.com/spec/v1'), 'git lfs pull'],
    ['a gzip file', new Uint8Array([0x1f, 0x8b, 8, 0]), 'gzip'],
    ['a header cut off', text('\0asm'), 'cut off'],
  ])('is refused: %s', async (_what, content, hint) => {
    await expect(load(content)).rejects.toMatchObject({
      code: 'PW_ERR_MODULE_NOT_WASM',
      message: expect.stringContaining(hint),
    });
  });

  it('is refused: a component', async () => {
    const component = new Uint8Array([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]);
    await expect(load(component)).rejects.toMatchObject({
      code: 'PW_ERR_MODULE_COMPONENT',
      message: expect.stringContaining('wasm32-wasip1'),
    });
  });

  it('is refused: what the engine can not compile, again and again', async () => {
    const broken = bytes.slice(0, bytes.length - 3);
    const refused = { code: 'PW_ERR_MODULE_INVALID' };
    await expect(load(broken)).rejects.toMatchObject(refused);
    await expect(load(broken)).rejects.toMatchObject(refused);
  });
});

describe('a module that can not run here', () => {
  const refusal = async (text: string): Promise<{ code: string; message: string }> =>
    load(await assemble(text)).then(
      () => ({ code: 'none', message: '' }),
      (error: { code: string; message: string }) => error,
    );

  it('has no ABI marker', async () => {
    const { code, message } = await refusal(filterText({ abi: '' }));
    expect(code).toBe('PW_ERR_MODULE_ABI');
    expect(message).toContain('proxy_abi_version_0_2_1');
  });

  it('is for another ABI, which is named', async () => {
    const { code, message } = await refusal(filterText({ abi: '9_9_9' }));
    expect(code).toBe('PW_ERR_MODULE_ABI');
    expect(message).toContain('proxy_abi_version_9_9_9');
  });

  it('has no allocator', async () => {
    expect(await refusal(filterText({ allocator: '' }))).toMatchObject({
      code: 'PW_ERR_MODULE_ALLOCATOR',
      message: expect.stringContaining('proxy_on_memory_allocate'),
    });
  });

  it('has no memory', async () => {
    expect((await refusal(filterText({ memory: '' }))).code).toBe('PW_ERR_MODULE_MEMORY');
  });

  it('has a shared memory', async () => {
    const memory = '(memory (export "memory") 1 2 shared)';
    expect(await refusal(filterText({ memory }))).toMatchObject({
      code: 'PW_ERR_MODULE_MEMORY_SHARED',
      message: expect.stringContaining('shared'),
    });
  });

  it('imports what the host lacks, all of which is named at once', async () => {
    const imports = `
      (import "env" "proxy_get_secret" (func (param i32 i32) (result i32)))
      (import "env" "abort" (func (param i32 i32 i32 i32)))
      (import "env" "proxy_clear_route_cache" (func (result i32)))
      (import "vendor" "f" (func))
      (import "env" "g" (global i32))
      (import "wasi_snapshot_preview1" "no_such" (func))`;
    const { code, message } = await refusal(filterText({ imports }));
    expect(code).toBe('PW_ERR_MODULE_IMPORTS');
    for (const name of [
      'env.proxy_get_secret (i32, i32) -> (i32)',
      'env.abort',
      '--use abort=abort_proc_exit',
      'env.proxy_clear_route_cache () -> (i32) [only in ABI 0.1.0]',
      'vendor.f',
      'env.g global',
      'wasi_snapshot_preview1.no_such',
      'hostFunctions',
    ]) {
      expect(message).toContain(name);
    }
  });

  it('imports a hostcall with a wrong type', async () => {
    const imports = '(import "env" "proxy_log" (func (param i32 i32) (result i32)))';
    expect(await refusal(filterText({ imports }))).toMatchObject({
      code: 'PW_ERR_MODULE_IMPORTS',
      message: expect.stringContaining(
        'env.proxy_log (i32, i32) -> (i32) [expected (i32, i32, i32) -> (i32)]',
      ),
    });
  });

  it('exports a callback with a wrong type', async () => {
    const body = '(func (export "proxy_on_configure") (param i32) (result i32) (i32.const 1))';
    expect(await refusal(filterText({ body }))).toMatchObject({
      code: 'PW_ERR_MODULE_EXPORTS',
      message: expect.stringContaining('proxy_on_configure (i32) -> (i32)'),
    });
  });

  it('has several of these, which are all told', async () => {
    const { code, message } = await refusal(filterText({ abi: '', allocator: '', memory: '' }));
    expect(code).toBe('PW_ERR_MODULE_ABI');
    expect(message).toContain('malloc');
    expect(message).toContain('memory');
  });
});

describe('a module that can run here', () => {
  it('may import what the app serves', async () => {
    const imports = '(import "env" "proxy_get_secret" (func (param i32 i32) (result i32)))';
    const code = await filter({ imports });
    const serving = { ...support, hostFunctions: new Set(['proxy_get_secret']) };
    const loaded = await loadModule(code, undefined, serving, limits);
    expect(loaded.report.imports[0]).toMatchObject({
      state: 'implemented',
      note: 'served by hostFunctions',
    });
  });

  it('may have two-parameter header callbacks in 0.1.0', async () => {
    const body = `
      (func (export "proxy_on_request_headers") (param i32 i32) (result i32) (i32.const 0))
      (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) (i32.const 0))`;
    expect((await load(await filter({ abi: '0_1_0', body }))).abiVersion).toBe('0.1.0');
    await expect(load(await filter({ abi: '0_2_0', body }))).rejects.toMatchObject({
      code: 'PW_ERR_MODULE_EXPORTS',
    });
  });

  it('may use either form of path_link, and WASI by either name', async () => {
    const param = (count: number): string => `(param ${'i32 '.repeat(count)}) (result i32)`;
    for (const count of [6, 7]) {
      const imports = `(import "wasi_unstable" "path_link" (func ${param(count)}))`;
      expect((await load(await filter({ imports }))).report.loadable).toBe(true);
    }
    const imports = `(import "wasi_unstable" "path_link" (func ${param(5)}))`;
    await expect(load(await filter({ imports }))).rejects.toMatchObject({
      code: 'PW_ERR_MODULE_IMPORTS',
    });
  });
});

describe('a compiled module', () => {
  it('is known by its identity and checked by name', async () => {
    const module = await WebAssembly.compile(await filter({ imports: LOG }));
    const [first, second] = [await load(module), await load(module)];
    expect(first.compiled.identity).toBe(second.compiled.identity);
    expect(first.report).toMatchObject({ sha256: undefined, sizeBytes: undefined, loadable: true });
    const other = await load(await WebAssembly.compile(await filter({ imports: LOG })));
    expect(other.compiled.identity).not.toBe(first.compiled.identity);
  });

  it('that imports its memory is refused, since its size is not known', async () => {
    const text = filterText({
      imports: '(import "env" "memory" (memory 1))',
      memory: '',
      allocator: ALLOCATOR,
    });
    await expect(load(await WebAssembly.compile(await assemble(text)))).rejects.toMatchObject({
      code: 'PW_ERR_MODULE_MEMORY',
    });
  });
});
