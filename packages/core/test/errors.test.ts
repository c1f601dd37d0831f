import { readFile } from 'node:fs/promises';

import { describe, expect, it } from 'vitest';

import { ErrorCodes, ProxyWasmError } from '../src/index.js';

const documented = async (): Promise<string[]> => {
  const text = await readFile(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  // What comes after the first table are the codes of the other packages.
  const [core = ''] = text.split('\n## Codes of ');
  return [...core.matchAll(/^\| `(PW_ERR_[A-Z_]+)` +\|/gm)].map(([, code]) => code ?? '');
};

describe('error codes', () => {
  it('are the same in the code and in docs/errors.md, in the same order', async () => {
    expect(await documented()).toEqual(Object.keys(ErrorCodes));
  });

  it('say what they mean in one sentence', () => {
    for (const meaning of Object.values(ErrorCodes)) expect(meaning).toMatch(/^\S.*\.$/);
  });

  it('are on the error, with what is known about where it happened', () => {
    const cause = new Error('inner');
    const error = new ProxyWasmError('PW_ERR_CALLBACK_TRAPPED', 'message', {
      pluginName: 'auth',
      contextId: 7,
      callback: 'proxy_on_log',
      cause,
    });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'ProxyWasmError',
      code: 'PW_ERR_CALLBACK_TRAPPED',
      pluginName: 'auth',
      contextId: 7,
      callback: 'proxy_on_log',
      cause,
    });
  });
});
