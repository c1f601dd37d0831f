/** @see src/vm/kept-shape.ts */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterAll, expect, it } from 'vitest';

import { guest } from '../../../conformance/src/guests/wat-guest.js';

const SOURCES = fileURLToPath(new URL('../../../../scripts/sources/register.mjs', import.meta.url));
const PROGRAM = fileURLToPath(new URL('kept-shape.child.ts', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'proxy-wasm-node-shape-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const HTTP = {
  proxy_on_request_headers: [{ add: [0, 'x-a', '1'] as const }],
  proxy_on_request_body: [],
  proxy_on_response_headers: [{ add: [2, 'x-b', '2'] as const }],
  proxy_on_response_body: [],
};
const TCP = {
  proxy_on_new_connection: [],
  proxy_on_downstream_data: [],
  proxy_on_upstream_data: [],
};

it('objects of exchanges keep their shape, when garbage is collected between the first', async () => {
  const paths: string[] = [];
  for (const [index, callbacks] of [HTTP, TCP].entries()) {
    const path = join(folder, `${String(index)}.wasm`);
    writeFileSync(path, await guest({ callbacks }));
    paths.push(path);
  }
  const flags = ['--expose-gc', '--allow-natives-syntax', '--import', SOURCES];
  const argv = [...flags, PROGRAM, ...paths];
  const { stdout } = await promisify(execFile)(process.execPath, argv);
  const told = JSON.parse(stdout) as (readonly [name: string, state: string])[];
  expect(told).toHaveLength(17);
  expect(told.filter(([, state]) => state !== 'fast')).toEqual([]);
});
