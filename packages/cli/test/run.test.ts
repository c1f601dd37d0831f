/** `proxy-wasm run` as a process, and its errors. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';

import { runCommand } from './captured-terminal.js';
import {
  ask,
  cluster,
  everything,
  filterPath,
  httpYaml,
  portOf,
  upstream,
  wasmFilter,
} from './serve/serve-yaml.js';

const BIN = fileURLToPath(new URL('../src/bin.ts', import.meta.url));
const SOURCES = fileURLToPath(new URL('../../../scripts/sources/register.mjs', import.meta.url));

/** The command, running from the sources. */
class Running {
  readonly #child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly ended: Promise<number | null>;

  constructor(...args: readonly string[]) {
    const conditions = ['-C', '@proxy-wasm-node/source'];
    const argv = ['--import', SOURCES, ...conditions, BIN, 'run', ...args];
    this.#child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', (piece: Buffer) => (this.stdout += piece.toString()));
    this.#child.stderr?.on('data', (piece: Buffer) => (this.stderr += piece.toString()));
    this.ended = once(this.#child, 'close').then(([code]) => code as number | null);
    onTestFinished(() => void this.#child.kill('SIGKILL'));
  }

  /** Of the first listener, once it is there. */
  async port(): Promise<number> {
    await expect.poll(() => this.stdout, { timeout: 15_000 }).toContain('\n');
    const [, port] = /:(\d+)/.exec(this.stdout) ?? [];
    return Number(port);
  }

  stop(): void {
    this.#child.kill('SIGTERM');
  }
}

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'proxy-wasm-run-'));
  return () => rm(folder, { recursive: true });
});

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

describe('the process', () => {
  it('serves a configuration; told to stop, it lets requests and filters finish, and exits with 0', async () => {
    let release: () => void = () => undefined;
    const app = await upstream((_req, res) => {
      release = () => res.end('late');
    });
    const yaml = httpYaml({
      routes: everything('route: { cluster: app }'),
      clusters: [cluster('app', [portOf(app)])],
      filters: [wasmFilter('headers')],
    });
    const command = new Running(await file('envoy.yaml', yaml));
    const port = await command.port();
    await expect
      .poll(() => command.stdout)
      .toBe(
        `main: http://127.0.0.1:${String(port)} (filters: headers)\n` +
          `Try: curl -i http://127.0.0.1:${String(port)}/\nCtrl-C ends it.\n`,
      );
    const req = request({ host: '127.0.0.1', port }).end();
    await once(app, 'request');
    command.stop();
    await expect.poll(() => command.stderr).toContain('open requests end');
    release();
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    expect(res.headers['x-wasm-custom']).toBe('FOO');
    res.resume();
    expect(await command.ended).toBe(0);
    expect(command.stderr).toMatch(/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\]\[info\]\[wasm\] /);
    expect(command.stderr).toContain('wasm log headers: response header: :status: 200\n');
  });

  it('serves one module, with log lines and listeners as JSON, and metrics', async () => {
    const command = new Running(
      ...[filterPath('basic-auth'), '--port', '0', '--admin-port', '0', '--json'],
      ...['--config', '{"prefix": "/", "users": {"ann": "secret"}}', '--respond', 'inside'],
    );
    const port = await command.port();
    await expect.poll(() => command.stdout.match(/\n/g)).toHaveLength(2);
    const [main, admin] = command.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { port: number });
    expect(main).toEqual({ listener: 'main', kind: 'http', address: '127.0.0.1', port });
    expect(await ask(port)).toMatchObject({ status: 401 });
    const authorization = `Basic ${Buffer.from('ann:secret').toString('base64')}`;
    expect((await ask(port, { headers: { authorization } })).body).toBe('inside');
    const stats = await ask(admin!.port, { path: '/stats/prometheus' });
    expect(stats.body).toContain('wasm_local_responses{plugin="basic-auth"} 1');
    command.stop();
    expect(await command.ended).toBe(0);
    const [line] = command.stderr.trim().split('\n').slice(-1);
    expect(JSON.parse(line ?? '')).toMatchObject({ level: 'info', message: expect.any(String) });
  });

  it('reloads a filter whose file has changed, and ends at once when told twice', async () => {
    const app = await upstream((req, res) => {
      if (req.url !== '/never') res.end();
    });
    const code = await file('main.wasm', '');
    await copyFile(filterPath('headers'), code);
    const command = new Running(
      ...[code, '--port', '0', '--watch', '--log-level', 'warning'],
      ...['--upstream', `http://127.0.0.1:${String(portOf(app))}`],
    );
    const port = await command.port();
    expect((await ask(port)).headers).toMatchObject({ 'x-wasm-custom': 'FOO' });
    await copyFile(filterPath('add-headers'), code);
    const reloaded = async (): Promise<unknown> => (await ask(port)).headers['x-wasm'];
    await expect.poll(reloaded, { timeout: 15_000 }).toBe('1');

    const waiting = request({ host: '127.0.0.1', port, path: '/never' }).end();
    waiting.on('error', () => undefined);
    await once(app, 'request');
    command.stop();
    const served = (): Promise<boolean> =>
      ask(port).then(
        () => true,
        () => false,
      );
    await expect.poll(served).toBe(false);
    command.stop();
    // By the signal.
    expect(await command.ended).toBe(null);
  });
});

describe('a command line that can not run', () => {
  const failure = async (...argv: string[]): Promise<[number, string]> => {
    const { exitCode, stderr } = await runCommand(['run', ...argv]);
    return [exitCode, stderr.replaceAll(folder, '').trim()];
  };
  const usage = '; see proxy-wasm run --help';
  const module = filterPath('basic-auth');

  it.each([
    [[], "missing required argument 'file'"],
    [[module, '--port', 'x'], "--port takes a number from 0 to 65535, not 'x'"],
    [[module, '--admin-port', '70000'], "--admin-port takes a number from 0 to 65535, not '70000'"],
    [
      [module, '--upstream', 'localhost:3000'],
      "--upstream takes a URL such as http://127.0.0.1:3000, not 'localhost:3000'",
    ],
    [
      [module, '--upstream', 'http://a/b'],
      "--upstream takes scheme, host and port only, not 'http://a/b'; try http://a",
    ],
    [
      [module, '--upstream', 'http://a', '--respond', 'x'],
      "option '--respond <text>' cannot be used with option '--upstream <url>'",
    ],
    [
      [module, '--log-level', 'loud'],
      "option '--log-level <level>' argument 'loud' is invalid. Allowed choices are trace, debug, info, warning, error, critical, off.",
    ],
  ])('is wrong usage: %j', async (argv, message) => {
    expect(await failure(...argv)).toEqual([2, `error PW_ERR_USAGE: ${message}${usage}`]);
  });

  it('gives a configuration what is for a module', async () => {
    expect(await failure('a.yaml', '--config', 'x')).toEqual([
      2,
      'error PW_ERR_USAGE: --config is for a module; a.yaml is read as an Envoy configuration, which says it itself',
    ]);
  });

  it('names files that are not there', async () => {
    expect(await failure('/none.yaml')).toEqual([
      1,
      'error PW_ERR_CONFIG_FILE: /none.yaml can not be read as a configuration: there is no such file',
    ]);
    const [code, text] = await failure('/none.wasm', '--port', '0');
    expect([code, text]).toEqual([
      1,
      expect.stringMatching(/^error PW_ERR_CODE_NOT_FOUND: .*none\.wasm/),
    ]);
  });

  it('names a configuration with an unknown cluster, and where', async () => {
    const yaml = await file(
      'bad.yaml',
      httpYaml({ routes: everything('route: { cluster: nowhere }') }),
    );
    const [code, text] = await failure(yaml);
    expect(code).toBe(1);
    expect(text).toMatch(/^error PW_ERR_ENVOY_INVALID: \/bad\.yaml:\d+:\d+: .*nowhere/);
    expect(text).not.toContain('\n');
  });

  it('is refused by the filter: text that is no JSON was taken as it is', async () => {
    const [code, text] = await failure(module, '--config', 'no JSON', '--port', '0');
    expect(code).toBe(1);
    const [last] = text.split('\n').slice(-1);
    expect(last).toMatch(/^error PW_ERR_CONFIGURE_REFUSED: plugin "basic-auth": .*--config/);
  });

  it('has a port that is taken', async () => {
    const taken = portOf(await upstream(() => undefined));
    const config = '{"prefix": "/", "users": {"a": "b"}}';
    expect(await failure(module, '--config', config, '--port', String(taken))).toEqual([
      1,
      `error PW_ERR_LISTEN: listener main cannot listen on 127.0.0.1:${String(taken)}: ` +
        'the port is taken; end what listens there, or take another port (EADDRINUSE)',
    ]);
  });
});

it('reads a configuration of the filter from a file', async () => {
  const config = await file('config.json', '{"prefix": "/x", "users": {"ann": "secret"}}');
  const taken = portOf(await upstream(() => undefined));
  // It comes as far as listening: the filter has taken what is in the file.
  const { stderr } = await runCommand([
    ...['run', filterPath('basic-auth'), '--config', config, '--port', String(taken)],
  ]);
  expect(stderr).toContain('PW_ERR_LISTEN');
});

it('takes a module from a URL, with its digest', async () => {
  vi.stubEnv('XDG_CACHE_HOME', folder);
  onTestFinished(() => void vi.unstubAllEnvs());
  const bytes = await readFile(filterPath('headers'));
  const server = portOf(await upstream((_req, res) => res.end(bytes)));
  const taken = portOf(await upstream(() => undefined));
  const url = `http://127.0.0.1:${String(server)}/headers.wasm`;
  const argv = ['run', url, '--port', String(taken)];
  const refused = await runCommand(argv);
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining('sha256')]);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  // As far as listening.
  expect((await runCommand([...argv, '--sha256', sha256])).stderr).toContain('PW_ERR_LISTEN');
  expect((await runCommand([...argv, '--allow-unpinned'])).stderr).toContain('PW_ERR_LISTEN');
  const wrong = await runCommand([...argv, '--sha256', '0'.repeat(64)]);
  expect(wrong.stderr).toMatch(/^error PW_ERR_CODE_DIGEST: /);
});
