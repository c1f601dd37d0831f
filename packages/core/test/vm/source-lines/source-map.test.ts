/** Source maps: which are read, and what hostile ones come to. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  createMapReader,
  readMapUrl,
  readSourceMap,
} from '../../../src/vm/source-lines/source-map.js';

const MAP = { version: 3, sources: ['a.ts', 'b.ts'], names: [], mappings: 'UACE,EAAC,ECCA,K' };
const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

describe('a source map', () => {
  it('tells the line of what stands at an offset', async () => {
    const find = await createMapReader(json(MAP));
    expect([9, 10, 11, 12, 14].map(find)).toEqual([
      undefined,
      { file: 'a.ts', line: 2, column: 3 },
      { file: 'a.ts', line: 2, column: 3 },
      { file: 'a.ts', line: 2, column: 4 },
      { file: 'b.ts', line: 3, column: 4 },
    ]);
    // Without a place of its own: as what stands before it, but not far behind that.
    expect(find(20)).toEqual({ file: 'b.ts', line: 3, column: 4 });
    expect(find(2000)).toBeUndefined();
  });

  it.each<[string, Uint8Array]>([
    ['no JSON', Buffer.from('{"version":3')],
    ['null', json(null)],
    ['an array', json([1])],
    ['no mappings', json({ version: 3, sources: [] })],
    ['mappings of numbers', json({ ...MAP, mappings: 7 })],
    ['sources that are none', json({ ...MAP, sources: 7 })],
    ['sources of numbers', json({ ...MAP, sources: [7, {}] })],
    ['lines below 1', json({ ...MAP, mappings: 'UADE' })],
    ['sections in itself', json({ version: 3, sections: [{ offset: 1, map: {} }] })],
  ])('that is %s knows no place', async (_what, bytes) => {
    const find = await createMapReader(bytes);
    expect(find(10)).toBeUndefined();
    expect(find(12)).toBeUndefined();
  });
});

describe('mappings that are none', () => {
  it('come to some place or none, and to no error', async () => {
    for (const mappings of [
      '!!\u0000$$',
      'gggggggggggggggggggA',
      'A'.repeat(99_999),
      ';,;,;',
      '\u{1f600}',
    ]) {
      const find = await createMapReader(json({ ...MAP, mappings }));
      for (const offset of [0, 1, 5000]) {
        expect(find(offset)?.file ?? 'none').toMatch(/^(?:a\.ts|b\.ts|none)$/);
      }
    }
  });
});

describe('the name of a source map', () => {
  it('is a text behind its length, and nothing else', () => {
    expect(readMapUrl(Uint8Array.from([3, 97, 46, 98]))).toBe('a.b');
    expect(readMapUrl(Uint8Array.from([4, 97, 46, 98]))).toBeUndefined();
    expect(readMapUrl(Uint8Array.from([2, 97, 46, 98]))).toBeUndefined();
    expect(readMapUrl(new Uint8Array())).toBeUndefined();
  });

  let folder = '';
  let module = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'proxy-wasm-'));
    module = join(folder, 'in', 'a.wasm');
    await mkdir(join(folder, 'in', 'folder.map'), { recursive: true });
    await writeFile(join(folder, 'secret.map'), 'secret');
    await writeFile(join(folder, 'in', 'a.wasm.map'), 'map');
    await writeFile(join(folder, 'in', 'a b.map'), 'spaced');
    await writeFile(join(folder, 'in', 'large.map'), Buffer.alloc((4 << 20) + 1));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each([
    ['a.wasm.map', 'map'],
    ['./a.wasm.map', 'map'],
    ['a%20b.map', 'spaced'],
    [`data:application/json;base64,${Buffer.from('inline').toString('base64')}`, 'inline'],
  ])('%s is read', async (url, content) => {
    expect(Buffer.from((await readSourceMap(url, module)) ?? []).toString()).toBe(content);
  });

  it.each([
    ...['../secret.map', '..', '.', '', 'folder.map', 'none.map', 'large.map', '..%2fsecret.map'],
    ...['/etc/hostname', 'C:\\secret.map', '\\\\server\\secret.map', 'a\0.map', '%00.map'],
    ...[
      'http://127.0.0.1:1/a.map',
      '//127.0.0.1/a.map',
      'file:///etc/hostname',
      'data:text/plain,x',
    ],
  ])('%j is not', async (url) => {
    expect(await readSourceMap(url, module)).toBeUndefined();
  });

  it('is nothing to a module that came as bytes, but where it is the map itself', async () => {
    expect(await readSourceMap('a.wasm.map', undefined)).toBeUndefined();
    expect(await readSourceMap('data:application/json;base64,eA==', undefined)).toBeDefined();
  });

  it.skipIf(process.platform === 'win32')('of a pipe keeps nobody waiting', async () => {
    await promisify(execFile)('mkfifo', [join(folder, 'in', 'pipe.map')]);
    expect(await readSourceMap('pipe.map', module)).toBeUndefined();
  });
});
