import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { afterAll, describe, expect, it } from 'vitest';

import type { Operation } from '../../../conformance/src/guests/operations.js';
import { guest } from '../../../conformance/src/guests/wat-guest.js';

const folder = mkdtempSync(join(tmpdir(), 'proxy-wasm-node-process-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const SOURCES = fileURLToPath(new URL('../../../../scripts/sources/register.mjs', import.meta.url));
const PROGRAM = fileURLToPath(new URL('process.child.ts', import.meta.url));

/** Runs a program that has a service which ticks. */
async function run(how: string, tick: readonly Operation[]) {
  const path = join(folder, `${how}.wasm`);
  const callbacks = { proxy_on_configure: [{ setTickPeriod: 1 }], proxy_on_tick: tick };
  writeFileSync(path, await guest({ callbacks }));
  const argv = ['--import', SOURCES, PROGRAM, how, path];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { lines: output.trim().split('\n'), errors, code: code as number | null };
}

describe('a process with a service', () => {
  const busy = [{ setSharedData: ['k', 'v', 0] as const }];

  it.each([
    ['that ticks and uses the store', busy],
    ['that never returns', [{ loopForever: true as const }]],
  ])('%s ends when nothing else keeps it', async (_what, tick) => {
    const { lines, code } = await run('end', tick);
    expect([lines, code]).toEqual([['started running', 'exit'], 0]);
  });

  it('ends when it is told to, wherever the service is', async () => {
    const { lines, code } = await run('exit', [{ loopForever: true }]);
    expect([lines, code]).toEqual([['started running', 'exit'], 7]);
  });

  it('ends after the host was closed', async () => {
    const { lines, errors, code } = await run('close', busy);
    expect([lines, errors, code]).toEqual([['started running', 'exit'], '', 0]);
  });
});
