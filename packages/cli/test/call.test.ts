import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { runCommand } from './captured-terminal.js';
import { assemble, example, temporaryFolder } from './modules.js';

const folder = temporaryFolder();
const servers: Server[] = [];

afterEach(() => {
  vi.unstubAllEnvs();
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

/** A server on loopback; answers its URL. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

/** A module with these callbacks, and `imports` before them. */
const moduleOf = (name: string, body: string, imports = ''): Promise<string> =>
  assemble(
    folder(),
    `${name}.wasm`,
    `(module ${imports} (memory (export "memory") 1)
      (func (export "proxy_abi_version_0_2_1"))
      (func (export "malloc") (param i32) (result i32) (i32.const 4096)) ${body})`,
  );

const onRequestHeaders = (body: string): string =>
  `(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) ${body})`;

const BASIC_AUTH = JSON.stringify({ prefix: '/admin', users: { alice: 'wonderland' } });

describe('proxy-wasm call', () => {
  it('prints what the upstream saw, what the client sees, and the log', async () => {
    const outcome = await runCommand([
      ...['call', example('add-headers'), '-X', 'PUT', '/a?b=c'],
      ...['-H', 'X-User: ann', '-H', 'x-twice: 1', '-H', 'x-twice:2', '-d', 'one\ntwo'],
    ]);
    expect(outcome).toEqual({
      exitCode: 0,
      stderr: '',
      stdout: `Upstream saw
  PUT /a?b=c
  host: localhost
  x-user: ann
  x-twice: 1
  x-twice: 2
  content-length: 7
  x-wasm-user: ann
  x-wasm-filter: add-headers

  one
  two

Client sees from the upstream
  200
  content-type: text/plain
  content-length: 7
  x-wasm: 1

  one
  two

Log
  nothing
`,
    });
  });

  it('says who made a local response, and that the upstream saw nothing', async () => {
    const { exitCode, stdout } = await runCommand([
      ...['call', example('basic-auth'), '/admin/x', '--config', BASIC_AUTH],
    ]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /^Upstream saw\n {2}nothing\n\nClient sees from the filter: proxy_send_local_response in proxy_on_request_headers\n {2}401\n/,
    );
  });

  it.each([
    ['hello', 'Go', 'wasm log hello: NewHttpContext'],
    ['headers', 'C++', ''],
    ['redact', 'AssemblyScript', ''],
    ['add-headers', 'Rust', ''],
  ])('runs the example filter %s, which is in %s', async (name, _, log) => {
    const { exitCode, stdout, stderr } = await runCommand(['call', example(name)]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain('Client sees from the upstream\n  200\n');
    expect(stdout).toContain(log);
  });

  it('takes a module from a URL with its digest, or without where that is asked for', async () => {
    const bytes = await readFile(example('add-headers'));
    const url = await serve((_req, res) => {
      res.end(bytes);
    });
    vi.stubEnv('XDG_CACHE_HOME', folder());
    const unpinned = await runCommand(['call', `${url}/a.wasm`]);
    expect(unpinned).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: `error PW_ERR_USAGE: what comes from ${url}/a.wasm can change: give --sha256 (proxy-wasm inspect prints it), or --allow-unpinned; see proxy-wasm call --help\n`,
    });
    const { exitCode, stdout } = await runCommand(['call', `${url}/a.wasm`, '--allow-unpinned']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('  x-wasm: 1\n');
    const wrong = await runCommand(['call', `${url}/b.wasm`, '--sha256', '0'.repeat(64)]);
    expect(wrong.exitCode).toBe(1);
    expect(wrong.stderr).toMatch(/^error PW_ERR_CODE_DIGEST: [^\n]+\n$/m);
  });

  it('shapes what the imitation upstream answers', async () => {
    const { stdout } = await runCommand([
      ...['call', example('redact'), '--response-status', '404', '--response-header', 'x-a: b'],
      ...[
        '--response-header',
        'content-type: text/html',
        '--response-body',
        'card 4111-1111-1111-1111',
      ],
    ]);
    expect(stdout).toContain(
      '\n  404\n  x-a: b\n  content-type: text/html\n  content-length: 24\n\n  card XXXX-XXXX-XXXX-1111\n',
    );
  });

  it('answers without a body where HTTP has none', async () => {
    const { stdout } = await runCommand([
      ...['call', example('add-headers'), '-d', 'x', '--response-status', '204'],
    ]);
    expect(stdout).toContain('\n  204\n  x-wasm: 1\n\nLog');
  });

  it('takes bodies and configurations from files, and from the standard input', async () => {
    const body = `${folder()}/body.bin`;
    const config = `${folder()}/config.json`;
    await writeFile(body, Buffer.from([0xff, 0x00, 0x0a]));
    await writeFile(config, BASIC_AUTH);
    const authorization = `authorization: Basic ${Buffer.from('alice:wonderland').toString('base64')}`;
    const fromFile = await runCommand([
      ...['call', example('basic-auth'), '/admin', '-d', `@${body}`, '--json'],
      ...['--config', config, '-H', authorization],
    ]);
    const seen = (JSON.parse(fromFile.stdout) as Record<string, unknown>)['upstreamSaw'];
    expect(seen).toMatchObject({ body: '/wAK', bodyEncoding: 'base64' });
    expect(seen).toHaveProperty(
      'headers',
      expect.arrayContaining([
        [':method', 'POST'],
        ['x-user', 'alice'],
      ]),
    );
    const args = ['call', example('add-headers'), '-d', '@-'];
    const fromInput = await runCommand(args, { stdin: 'typed\n' });
    expect(fromInput.stdout).toContain('content-length: 6\n');
  });

  it('takes host and scheme from a URL', async () => {
    const url = 'https://shop.example:8443/a?b';
    const { stdout } = await runCommand(['call', example('add-headers'), url, '--json']);
    const { upstreamSaw } = JSON.parse(stdout) as { upstreamSaw: { headers: string[][] } };
    expect(upstreamSaw.headers.slice(0, 4)).toEqual([
      [':authority', 'shop.example:8443'],
      [':path', '/a?b'],
      [':method', 'GET'],
      [':scheme', 'https'],
    ]);
  });

  it('prints everything as JSON', async () => {
    const args = ['call', example('hello'), '/x', '--json', '--response-body', 'ok'];
    const { exitCode, stdout } = await runCommand(args);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      upstreamSaw: { body: '', bodyEncoding: 'utf8' },
      clientSees: {
        headers: [
          [':status', '200'],
          ['content-length', '2'],
        ],
        body: 'ok',
      },
      answeredBy: 'upstream',
      details: 'via_upstream',
      log: expect.arrayContaining([
        { level: 'info', message: 'wasm log hello: NewHttpContext' },
      ]) as unknown,
    });
    expect(JSON.parse(stdout)).not.toHaveProperty('trace');
  });

  it('shows the lines of the level that is asked for, and no others', async () => {
    const path = await moduleOf(
      'logs',
      `(data (i32.const 8) "\\1b[31mred") ${onRequestHeaders(`
        (drop (call $log (i32.const 1) (i32.const 8) (i32.const 8)))
        (drop (call $log (i32.const 4) (i32.const 8) (i32.const 8))) (i32.const 0)`)}`,
      '(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))',
    );
    const quiet = await runCommand(['call', path]);
    expect(quiet.stdout).toContain('Log\n  [error] wasm log logs: \\x1b[31mred\n');
    expect(quiet.stdout).not.toContain('[debug]');
    const loud = await runCommand(['call', path, '--log-level', 'debug']);
    expect(loud.stdout).toContain('Log\n  [debug] wasm log logs: \\x1b[31mred\n  [error]');
  });
});

describe('an upstream that is a server', () => {
  it('is sent what the filter has let pass, and nothing else', async () => {
    let seen: unknown;
    const url = await serve((req, res) => {
      const { method, url: path, rawHeaders } = req;
      seen = { method, path, rawHeaders };
      res.writeHead(201, { 'x-from': 'server' }).end('done');
    });
    const args = ['call', example('add-headers'), '/a', '--upstream', url, '-H', 'host: shop'];
    const { exitCode, stdout } = await runCommand(args);
    expect(exitCode).toBe(0);
    expect(seen).toEqual({
      method: 'GET',
      path: '/a',
      rawHeaders: [
        ...['host', 'shop', 'x-wasm-user', 'anonymous', 'x-wasm-filter', 'add-headers'],
        ...['Connection', 'close'],
      ],
    });
    expect(stdout).toMatch(
      /\n {2}201\n {2}x-from: server\n(?: {2}date: .*\n)? {2}x-wasm: 1\n\n {2}done\n/,
    );
  });

  it('that does not answer is an error of one line', async () => {
    const url = await serve(() => undefined);
    const waiting = await runCommand([
      ...['call', example('add-headers'), '--upstream', url, '--timeout', '50'],
    ]);
    expect(waiting.exitCode).toBe(1);
    expect(waiting.stdout).toContain(
      'Upstream saw\n  GET /\n  host: localhost\n  x-wasm-user: anonymous\n',
    );
    expect(waiting.stdout).toContain('Client sees\n  nothing: the upstream has failed\n');
    expect(waiting.stderr).toBe(
      `error PW_ERR_CALL_UPSTREAM: the upstream ${url} could not be asked: no answer within 50 ms (--timeout); see whether it runs there\n`,
    );
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    const gone = await runCommand(['call', example('add-headers'), '--upstream', url]);
    expect(gone.exitCode).toBe(1);
    expect(gone.stderr).toMatch(/^error PW_ERR_CALL_UPSTREAM: .*ECONNREFUSED.*\n$/);
  });

  it('behind a name answers the calls of the filter', async () => {
    const authz = await serve((req, res) => {
      res.writeHead(200, { 'x-auth-user': String(req.headers['authorization']) }).end();
    });
    const { exitCode, stdout } = await runCommand([
      ...['call', example('ext-authz'), '--config', '{"upstream":"authz|80=x"}', '--trace'],
      ...['-H', 'authorization: ann', '--upstream-for', `authz|80=x=${authz}`],
    ]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/proxy_http_call\(upstream: "authz\|80=x", headers: \["/);
    expect(stdout).toContain('proxy_on_http_call_response(call_id: ');
    expect(stdout).toMatch(/\n {2}x-[a-z-]*user: ann\n/);
  });

  it('that the filter names and nobody gave is a note that says what to do', async () => {
    const { exitCode, stdout } = await runCommand([
      ...['call', example('ext-authz'), '--config', '{"upstream":"authz"}'],
    ]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(
      '\nnote: a call to the upstream "authz" was refused; if that is since it has no URL, give --upstream-for \'authz=http://…\'\n',
    );
  });
});

describe('a filter that fails', () => {
  it('in a trap is shown with the guest’s stack', async () => {
    const path = await moduleOf(
      'trap',
      `(func $deep_inside unreachable) ${onRequestHeaders('(call $deep_inside) (i32.const 0)')}`,
    );
    const { exitCode, stdout, stderr } = await runCommand(['call', path]);
    expect(exitCode).toBe(1);
    expect(stdout).toContain(
      'Client sees from the host: the filter has failed (wasm_fail_stream)\n  503\n',
    );
    const [error, frame, ...others] = stderr.trimEnd().split('\n');
    expect(error).toMatch(
      /^error PW_ERR_CALLBACK_TRAPPED: plugin "trap": proxy_on_request_headers trapped \(context 2\): unreachable/,
    );
    expect(frame).toMatch(/^ {4}at deep_inside \(wasm-function\[\d+\]:0x[0-9a-f]+\)$/);
    expect(others).toHaveLength(1);
    expect(others[0]).toMatch(/^ {4}at wasm-function\[\d+\]:0x[0-9a-f]+$/);
    // Said once.
    expect(stdout).toMatch(/\nLog\n {2}nothing\n$/);
  });

  it('that knows its sources is shown with files and lines', async () => {
    const misbehave = fileURLToPath(
      new URL('../../conformance/filters/misbehave/misbehave.wasm', import.meta.url),
    );
    const { exitCode, stderr } = await runCommand(['call', misbehave, '-H', 'x-misbehave: panic']);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^error PW_ERR_CALLBACK_TRAPPED: .*\n/);
    expect(stderr).toMatch(/\n {4}at .*\((?:\/|src\/).*\.rs:\d+:\d+\)\n/);
  });

  it('in a loop is ended by the time limit', async () => {
    const path = await moduleOf('loop', onRequestHeaders('(loop (br 0)) (unreachable)'));
    const { exitCode, stderr } = await runCommand(['call', path]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^error PW_ERR_CALLBACK_TIME: .*ran for more than 1000 ms/);
  });

  it('by pausing for ever is told which callback it was, and after which time', async () => {
    const path = await moduleOf('pause', onRequestHeaders('(i32.const 1)'));
    const { exitCode, stdout, stderr } = await runCommand(['call', path, '--timeout', '20']);
    expect(exitCode).toBe(1);
    expect(stdout).toContain(
      'Client sees from the host: the filter has paused the stream for too long',
    );
    expect(stderr).toBe(
      'error PW_ERR_CALL_PAUSED: proxy_on_request_headers has paused the stream (STOP_ITERATION), and nothing has resumed it within 20 ms (--timeout); no call of the filter’s is open, so nothing would resume it\n',
    );
  });

  it('by waiting for a server that does not answer is told of the call', async () => {
    const authz = await serve(() => undefined);
    const { exitCode, stderr } = await runCommand([
      ...['call', example('ext-authz'), '--config', '{"upstream":"authz"}'],
      ...['--upstream-for', `authz=${authz}`, '--timeout', '50'],
    ]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /PW_ERR_CALL_PAUSED: proxy_on_request_headers has .*; it waits for proxy_http_call to "authz"\n$/,
    );
  });

  it('by refusing its configuration is shown with its log, and with how the configuration was taken', async () => {
    const args = ['call', example('basic-auth'), '--config', 'no-such.json'];
    const { exitCode, stdout, stderr } = await runCommand(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    const [log, error, hint] = stderr.split('\n');
    expect(log).toMatch(/^\[error\] wasm log: bad configuration/);
    expect(error).toMatch(/^error PW_ERR_CONFIGURE_REFUSED: plugin "basic-auth"/);
    expect(hint).toBe(
      '--config was taken as text, since there is no file of that name: no-such.json (no JSON)',
    );
    const without = await runCommand(['call', example('basic-auth')]);
    expect(without.stderr).toMatch(/\nno --config was given\n$/);
  });

  it('while it starts leaves its trace all the same', async () => {
    const path = await moduleOf('start', '(func (export "_initialize") unreachable)');
    const { exitCode, stdout, stderr } = await runCommand(['call', path, '--trace']);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^Trace\n0\.000 ms {2}_initialize\(\) threw "unreachable" {2}\[/);
    expect(stderr).toMatch(/^error PW_ERR_START_TRAPPED: /);
  });

  it('by closing the stream has got what it wanted', async () => {
    const path = await moduleOf(
      'close',
      onRequestHeaders('(drop (call $close (i32.const 0))) (i32.const 1)'),
      '(import "env" "proxy_close_stream" (func $close (param i32) (result i32)))',
    );
    const { exitCode, stdout } = await runCommand(['call', path]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Client sees\n  the connection is cut (wasm_close_stream)\n');
  });
});

describe('--trace', () => {
  it('shows calls indented by nesting, with arguments, results and times', async () => {
    const { stdout } = await runCommand([
      ...['call', example('basic-auth'), '/admin', '--config', BASIC_AUTH, '--trace'],
    ]);
    const lines = stdout.slice(0, stdout.indexOf('\n\n')).split('\n');
    expect(lines[0]).toBe('Trace');
    const time = String.raw`\d+\.\d{3} ms`;
    for (const line of lines.slice(1)) {
      expect(line).toMatch(
        new RegExp(`^ *${time}  (?:  )?\\w+\\(.*\\).*  \\[${time}(?:, context \\d)?\\]$`),
      );
    }
    expect(stdout).toMatch(
      / ms {2}proxy_on_request_headers\(num_headers: 4, end_of_stream: true\) -> STOP_ITERATION {2}\[/,
    );
    expect(stdout).toMatch(
      / ms {4}proxy_get_header_map_value\(map: HTTP_REQUEST_HEADERS, key: ":path"\) -> OK, value: "\/admin" {2}\[/,
    );
    expect(stdout).toMatch(
      / ms {4}proxy_get_header_map_value\(map: HTTP_REQUEST_HEADERS, key: "authorization"\) -> NOT_FOUND {2}\[/,
    );
    expect(stdout).toMatch(
      / ms {4}proxy_send_local_response\(status: 401, .*headers: \["www-authenticate: Basic realm=/,
    );
  });

  it('is a file of Chrome’s with -o, whole or not there', async () => {
    const path = `${folder()}/trace.json`;
    const args = ['call', example('add-headers'), '--trace-format', 'chrome', '-o', path];
    const { exitCode, stdout } = await runCommand(args);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^Upstream saw\n/);
    const { traceEvents } = JSON.parse(await readFile(path, 'utf8')) as {
      traceEvents: { ph: string; name: string; ts: number; dur: number; args: object }[];
    };
    const calls = traceEvents.filter(({ ph }) => ph === 'X');
    const outer = calls.find(({ name }) => name === 'proxy_on_response_headers')!;
    const inner = calls.find(
      ({ ts, name }) => ts > outer.ts && /^proxy_(?:add|replace)_header_map_value$/.test(name),
    )!;
    expect(inner.ts + inner.dur).toBeLessThanOrEqual(outer.ts + outer.dur);
    expect(inner.args).toMatchObject({
      map: 'HTTP_RESPONSE_HEADERS',
      key: 'x-wasm',
      value: '1',
      result: 'OK',
    });
    const failed = await runCommand([...args.slice(0, -1), `${folder()}/none/trace.json`]);
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toMatch(
      /^error PW_ERR_OUTPUT_FILE: could not write .*; name a file in a folder that you may write to\n$/,
    );
  });

  it('is a text file with -o alone, and part of the JSON with --json', async () => {
    const path = `${folder()}/trace.txt`;
    await runCommand(['call', example('add-headers'), '-o', path]);
    expect(await readFile(path, 'utf8')).toMatch(/^ *0\.000 ms {2}\w+\(/);
    const { stdout } = await runCommand(['call', example('add-headers'), '--trace', '--json']);
    const { trace } = JSON.parse(stdout) as { trace: unknown[] };
    expect(trace).toContainEqual(
      expect.objectContaining({ kind: 'callback', name: 'proxy_on_log', depth: 0, contextId: 2 }),
    );
  });
});

describe('bad input of proxy-wasm call', () => {
  const filter = example('add-headers');

  it.each([
    [
      ['-d', 'a', '-d', 'b'],
      /option '-d, --data <data>' argument 'b' is invalid\. It was given before\./,
    ],
    [['-H', 'nocolon'], /-H takes 'name: value', not 'nocolon'/],
    [['-H', 'a b: c'], /-H 'a b: c': Header name must be a valid HTTP token/],
    [['-H', ':path: /'], /-H takes 'name: value', not ':path: \/'/],
    [['-H', 'a: b\nc'], /-H 'a: b c': /],
    [['-X', 'GET /'], /-X takes a method, not 'GET \/'/],
    [['relative'], /the path must begin with \/ and have no blanks, unlike 'relative'/],
    [['--timeout', '0'], /--timeout takes a whole number above 0, not '0'/],
    [['--response-status', 'ok'], /--response-status takes a whole number above 0, not 'ok'/],
    [['--response-status', '101'], /--response-status takes 200 to 599, not 101/],
    [
      ['--upstream', 'ftp://x'],
      /--upstream takes a URL such as http:\/\/127\.0\.0\.1:3000, not 'ftp:\/\/x'/,
    ],
    [
      ['--upstream', 'http://x/y'],
      /--upstream takes scheme, host and port, not 'http:\/\/x\/y'; try http:\/\/x/,
    ],
    [
      ['--upstream', 'http://x', '--response-body', 'y'],
      /'--upstream <url>' cannot be used with option '--response-body <data>'/,
    ],
    [['--upstream-for', 'http://x'], /--upstream-for takes name=URL, not 'http:\/\/x'/],
    [['--upstream-for', 'a=b'], /--upstream-for takes a URL such as/],
    [['--trace-format', 'chrome'], /--trace-format chrome makes a file: name it with -o/],
    [['--trace-format', 'xml'], /argument 'xml' is invalid\. Allowed choices are text, chrome\./],
    [['--log-level', 'loud'], /argument 'loud' is invalid\. Allowed choices are trace, /],
    [['--sha256', 'abc'], /--sha256 takes 64 hex digits, not 'abc'/],
    [['--tarce'], /unknown option '--tarce' \(Did you mean --trace\?\)/],
    [['/', '/again'], /too many arguments/],
  ])('%j is wrong usage', async (args, message) => {
    const { exitCode, stdout, stderr } = await runCommand(['call', filter, ...args]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(/^error PW_ERR_USAGE: [^\n]+; see proxy-wasm call --help\n$/);
    expect(stderr).toMatch(message);
  });

  it.each([['-d'], ['--response-body']])(
    'a missing file of %s is told by its name',
    async (option) => {
      const path = `${folder()}/none.json`;
      const { exitCode, stdout, stderr } = await runCommand(['call', filter, option, `@${path}`]);
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
      expect(stderr).toMatch(/^error PW_ERR_INPUT_FILE: [^\n]+\n$/);
      expect(stderr).toContain(`${option} @${path}: could not read the file`);
    },
  );

  it.each([
    ['a missing module', undefined, 'PW_ERR_CODE_NOT_FOUND'],
    ['a text', 'hello', 'PW_ERR_MODULE_NOT_WASM'],
    ['a component', '\0asm\r\0\u0001\0', 'PW_ERR_MODULE_COMPONENT'],
    ['a module that is no filter', '\0asm\u0001\0\0\0', 'PW_ERR_MODULE_ABI'],
  ])('%s is one line', async (_, content, code) => {
    const path = `${folder()}/input.wasm`;
    if (content !== undefined) await writeFile(path, content, 'latin1');
    const { exitCode, stdout, stderr } = await runCommand(['call', path]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^error ${code}: [^\n]+\n$`));
  });
});
