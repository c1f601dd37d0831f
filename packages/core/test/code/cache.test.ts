/** What is kept of fetched code, and what is remembered of failures. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  mkdir,
  readdir,
  readFile,
  stat,
  symlink,
  truncate,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import { cacheFolder, codeServer, reader, refusalOf } from '../support/code-server.js';
import { filter } from '../support/modules.js';

let module: Uint8Array<ArrayBuffer>;
let sha256: string;
let entry: string;

beforeAll(async () => {
  module = await filter();
  sha256 = createHash('sha256').update(module).digest('hex');
  entry = `sha256-${sha256}`;
});

const HOUR_MS = 3_600_000;

async function age(path: string, hours: number): Promise<void> {
  const then = new Date(Date.now() - hours * HOUR_MS);
  await utimes(path, then, then);
}

/** A folder with the module in it, and a server that has it too. */
async function kept() {
  const folder = await cacheFolder();
  const server = await codeServer((_req, res) => res.end(module));
  const url = `${server.origin}/filter.wasm`;
  const made = reader({ cacheDir: folder });
  await made.read(url, sha256);
  return { ...made, folder, server, url, path: join(folder, entry) };
}

describe('a module that was fetched', () => {
  it('is kept by its digest, for this user alone, with nothing half-written beside it', async () => {
    const { folder, path } = await kept();
    expect(await readdir(folder)).toEqual([entry]);
    expect(Buffer.compare(await readFile(path), module)).toBe(0);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('is taken without the network, wherever it is said to be', async () => {
    const { read, server, counts, url } = await kept();
    await server.close();
    expect(Buffer.compare((await read(url, sha256)).bytes, module)).toBe(0);
    await read('https://nowhere.test/filter.wasm', sha256.toUpperCase());
    await read('oci://nowhere.test/filter:1', sha256);
    expect(server.requests).toHaveLength(1);
    expect(counts).toEqual({ cache_misses: 1, fetch_successes: 1, cache_hits: 3 });
  });

  it('is asked for each time where anything may come', async () => {
    const { read, server, url } = await kept();
    await read(url);
    await read(url);
    expect(server.requests).toHaveLength(3);
  });

  it.each<[string, (path: string) => Promise<unknown>]>([
    ['changed', (path) => writeFile(path, 'something else')],
    ['cut off', (path) => truncate(path, 3)],
    [
      'a link to elsewhere',
      async (path) => {
        await unlink(path);
        await symlink('/etc/passwd', path);
      },
    ],
    [
      'a pipe, which would never end',
      async (path) => {
        await unlink(path);
        execFileSync('mkfifo', [path]);
      },
    ],
  ])('is fetched anew, with a warning, where its file is %s', async (_what, spoil) => {
    const { read, server, url, path, warnings } = await kept();
    await spoil(path);
    expect((await read(url, sha256)).sha256).toBe(sha256);
    expect(server.requests).toHaveLength(2);
    expect(warnings).toEqual([expect.stringContaining(path)]);
    expect(Buffer.compare(await readFile(path), module)).toBe(0);
    expect((await stat(path)).isFile()).toBe(true);
  });

  it('is gone when nobody has used it for 24 hours', async () => {
    const { read, server, url, path, folder } = await kept();
    await age(path, 23);
    await read(url, sha256);
    expect(server.requests).toHaveLength(1);
    // That was a use.
    expect(Date.now() - (await stat(path)).mtimeMs).toBeLessThan(HOUR_MS);
    await age(path, 25);
    const other = join(folder, `sha256-${'0'.repeat(64)}`);
    const left = `${other}.0123456789abcdef.tmp`;
    const foreign = join(folder, 'notes.txt');
    for (const file of [other, left, foreign]) {
      await writeFile(file, 'x');
      await age(file, 25);
    }
    await read(url, sha256);
    expect(server.requests).toHaveLength(2);
    expect(await readdir(folder)).toEqual(['notes.txt', entry]);
  });

  it('is gone sooner or later, as the options say', async () => {
    const { server, url, path, folder } = await kept();
    await age(path, 2);
    await reader({ cacheDir: folder, cacheTtlMs: 3 * HOUR_MS }).read(url, sha256);
    expect(server.requests).toHaveLength(1);
    await age(path, 2);
    await reader({ cacheDir: folder, cacheTtlMs: HOUR_MS }).read(url, sha256);
    expect(server.requests).toHaveLength(2);
  });

  it('is loaded all the same where it can not be kept, with one warning', async () => {
    const folder = join(await cacheFolder(), 'file');
    await writeFile(folder, '');
    const server = await codeServer((_req, res) => res.end(module));
    const url = `${server.origin.replace('//', '//user:SECRET@')}/filter.wasm?sig=SECRET`;
    const { read, warnings } = reader({ cacheDir: folder });
    expect((await read(url, sha256)).sha256).toBe(sha256);
    expect(warnings).toEqual([
      expect.stringContaining(
        `code from ${server.origin}/filter.wasm?…: fetched modules are not kept: could not read in ` +
          `${folder}: ENOTDIR`,
      ),
    ]);
    expect(warnings[0]).toContain('set codeSource.cacheDir to a folder that can be written');
    expect(warnings[0]).not.toContain('SECRET');
  });

  it('is loaded where there is a folder in its place', async () => {
    const { read, url, path, warnings, server } = await kept();
    await unlink(path);
    await mkdir(path);
    expect((await read(url, sha256)).sha256).toBe(sha256);
    expect(server.requests).toHaveLength(2);
    expect(warnings.join()).toContain(path);
  });
});

describe('a source that failed', () => {
  it('is not asked again for a while, unless somebody insists', async () => {
    let isWell = false;
    const server = await codeServer((_req, res) => {
      res.statusCode = isWell ? 200 : 404;
      res.end(module);
    });
    const url = `${server.origin}/filter.wasm`;
    const { read, counts } = reader({ negativeCacheMs: 60_000 });
    const first = await refusalOf(read(url, sha256));
    const second = await refusalOf(read(url, sha256));
    expect(server.requests).toHaveLength(1);
    expect(second.code).toBe(first.code);
    expect(second.message).toContain(first.message);
    expect(second.message).toMatch(
      /\(that was \d\.\d s ago; the source is asked again in (60\.0|5\d\.\d) s, see codeSource\.neg/,
    );
    isWell = true;
    expect((await read(url, sha256, true)).sha256).toBe(sha256);
    expect(counts).toEqual({
      cache_misses: 2,
      cache_negative_hits: 1,
      fetch_failures: 1,
      fetch_successes: 1,
    });
    expect((await read(url, sha256)).sha256).toBe(sha256);
  });

  it('is asked again when its time is over', async () => {
    const server = await codeServer((_req, res, index) => {
      res.statusCode = index === 0 ? 404 : 200;
      res.end(module);
    });
    const { read } = reader({ negativeCacheMs: 5 });
    const url = `${server.origin}/filter.wasm`;
    await refusalOf(read(url, sha256));
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect((await read(url, sha256)).sha256).toBe(sha256);
  });

  it('is asked by others, who have other credentials', async () => {
    const server = await codeServer((req, res) => {
      res.statusCode = req.headers.authorization === 'Bearer good' ? 200 : 401;
      res.end(module);
    });
    const url = `${server.origin}/filter.wasm`;
    const by = (token: string) => reader({ negativeCacheMs: 60_000, credentials: { token } });
    expect((await refusalOf(by('bad').read(url))).code).toBe('PW_ERR_CODE_REFUSED');
    expect((await by('good').read(url)).sha256).toBe(sha256);
  });
});
