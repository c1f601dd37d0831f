import { describe, expect, it } from 'vitest';

import { guest } from '../src/guests/wat-guest.js';

describe('a generated guest', () => {
  it('is a module that the engine takes, with just the callbacks of its script', async () => {
    const bytes = await guest({
      callbacks: {
        proxy_on_request_headers: [
          { log: 'hello' },
          { logSizeAndEnd: true },
          { logHeader: [0, ':path'] },
          { add: [0, 'x-a', '1'] },
          { setPairs: [0, [['a', 'b']]] },
          { localResponse: { status: 403, body: 'no', headers: [['a', 'b']] } },
          { atEnd: [{ logStatus: true }] },
          { inContext: [2, [{ continueStream: 0 }]] },
          { return: 1 },
        ],
        proxy_on_log: [{ logProperty: ['request', 'path'] }, { logBuffer: [0] }],
      },
    });
    const module = await WebAssembly.compile(bytes as BufferSource);
    expect(WebAssembly.Module.exports(module).map(({ name }) => name)).toEqual([
      'memory',
      'proxy_abi_version_0_2_1',
      'proxy_on_memory_allocate',
      'proxy_on_request_headers',
      'proxy_on_log',
    ]);
  });
});
