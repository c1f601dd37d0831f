import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { expect, it, vi } from 'vitest';

import { readCode } from '../../src/code/code-source.js';
import { createHost } from '../../src/index.js';
import { compile, compiledCount } from '../../src/vm/compile-cache.js';
import type { WeaveLimits } from '../../src/vm/weave/weave-module.js';
import { filter } from '../support/modules.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

it('compiled code goes with the last plugin that runs it', async () => {
  const host = createHost();
  const count = compiledCount();
  const open = async (body: string): Promise<void> => {
    const code = await filter({ body });
    const plugins = await Promise.all([host.createPlugin({ code }), host.createPlugin({ code })]);
    expect(compiledCount()).toBe(count + 1);
    collectGarbage();
    expect(compiledCount()).toBe(count + 1);
    await Promise.all(plugins.map((plugin) => plugin.close()));
  };
  await open('(func (export "only_here"))');
  await vi.waitFor(() => {
    collectGarbage();
    expect(compiledCount()).toBe(count);
  });
});

it('code is compiled once for equal bytes and limits', async () => {
  const [bytes, others] = await Promise.all([filter({ body: '' }), filter({ body: '(func)' })]);
  const limits = { time: true, memoryBytes: 64 * 1024 * 1024 };
  const compileWith = (of: Uint8Array<ArrayBuffer>, limited: WeaveLimits) =>
    readCode(of, undefined).then((code) => compile(code, limited));
  const first = await compileWith(bytes, limits);
  expect(await compileWith(bytes.slice(), { ...limits })).toBe(first);
  expect(await compileWith(bytes, { ...limits, time: false })).not.toBe(first);
  expect(await compileWith(bytes, { ...limits, memoryBytes: undefined })).not.toBe(first);
  expect(await compileWith(others, limits)).not.toBe(first);
});

it('code that does not compile is not kept', async () => {
  const host = createHost();
  const count = compiledCount();
  const code = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 99]);
  await expect(host.createPlugin({ code })).rejects.toMatchObject({
    code: 'PW_ERR_MODULE_INVALID',
  });
  expect(compiledCount()).toBe(count);
});
