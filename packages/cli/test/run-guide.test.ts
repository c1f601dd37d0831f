/** Each `proxy-wasm run` of the guide starts, serves, and ends when told to. */
import { EventEmitter } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';

import { beforeAll, expect, it } from 'vitest';

import { guest } from '../../conformance/src/guests/wat-guest.js';
import { main } from '../src/program.js';
import { ask, everything, httpYaml, wasmFilter } from './serve/serve-yaml.js';

const GUIDE = new URL('../../../docs/guides/command-line.md', import.meta.url);
const commands = [
  ...readFileSync(GUIDE, 'utf8').matchAll(/^proxy-wasm (run .*?)(?: +#.*)?$/gm),
].map(([, command = '']) => command);

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'proxy-wasm-guide-'));
  const hello = everything('direct_response: { status: 200, body: { inline_string: hello } }');
  const files = {
    'envoy.yaml': httpYaml({ routes: hello, filters: [wasmFilter('headers')] }),
    'main.wasm': await guest({ callbacks: { proxy_on_request_headers: [{ log: 'seen' }] } }),
    'config.json': '{}',
    'vm.json': '{}',
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return () => rm(folder, { recursive: true });
});

/** As a shell would take it apart, with the guide's files found, and any port that is free. */
function argvOf(command: string): string[] {
  const words = command.match(/'[^']*'|[^\s']+/g) ?? [];
  const argv = words
    .map((word) => word.replace(/^'(.*)'$/, '$1'))
    .map((word) => (existsSync(join(folder, word)) ? join(folder, word) : word));
  return command.includes('main.wasm') ? [...argv, '--port', '0'] : argv;
}

it('has examples', () => {
  expect(commands.length).toBeGreaterThan(5);
});

it.each(commands)('%s', async (command) => {
  let printed = '';
  let logged = '';
  const stdout = new PassThrough().on('data', (piece: Buffer) => (printed += piece.toString()));
  const stderr = new PassThrough().on('data', (piece: Buffer) => (logged += piece.toString()));
  const terminal = Object.assign(new EventEmitter(), {
    stdin: new PassThrough(),
    stdout,
    stderr,
    env: {},
  });
  const ended = main(argvOf(command), terminal);
  void ended.then(() => (printed += 'ended\n'));
  await expect.poll(() => printed).toMatch(/Ctrl-C ends it\.\n|ended\n/);
  expect(logged).not.toContain('error');
  const { status } = await ask(Number(/:(\d+)/.exec(printed)?.[1]));
  expect(status).toBe(command.includes('--upstream') ? 503 : 200);
  terminal.emit('SIGINT');
  expect(await ended).toBe(0);
});
