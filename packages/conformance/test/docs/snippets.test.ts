/** Every runnable program in the documents runs, and does what the text around it says. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get, type IncomingMessage } from 'node:http';
import { connect, createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { documents } from './blocks.js';
import { findSnippets, prepareStage, run, type Running } from './snippets.js';

const snippets = findSnippets(documents());

const MASKED = 'XXXX-XXXX-XXXX-1111';
const JSON_TYPE = { 'content-type': 'application/json' };
const ALICE = { authorization: `Basic ${Buffer.from('alice:wonderland').toString('base64')}` };

/** What the lines of a log are looked at for. */
let printed: string[] = [];

type Check = (running: Running) => Promise<void>;

const asksForCredentials: Check = async (running) => {
  const origin = await running.origin();
  expect((await fetch(`${origin}/admin`)).status).toBe(401);
  const answer = await fetch(`${origin}/admin`, { headers: ALICE });
  expect(await answer.text()).toBe('hello alice\n');
};

const guardsUpgrades: Check = async (running) => {
  const origin = await running.origin();
  expect((await fetch(origin)).status).toBe(401);
  expect((await fetch(origin, { headers: ALICE })).status).toBe(200);
  expect(await upgradeStatus(origin, {})).toBe(401);
  expect(await upgradeStatus(origin, ALICE)).toBe(101);
};

const reloads: Check = async (running) => {
  const origin = await running.origin();
  const greeting = async () => (await fetch(origin)).headers.get('x-wasm-custom');
  expect(await greeting()).toBe('one');
  await fetch(`${origin}/reload`, { method: 'POST' });
  expect(await greeting()).toBe('two');
};

const operates: Check = async (running) => {
  const origin = await running.origin();
  const greeting = async () => (await fetch(origin)).headers.get('x-wasm-custom');
  expect(await greeting()).toBe('one');
  const health = await fetch(`${origin}/healthz`);
  expect([health.status, await health.json()]).toMatchObject([200, { ready: true }]);
  expect(await (await fetch(`${origin}/reload`)).text()).toBe('reloaded\n');
  expect(await greeting()).toBe('two');
  expect(printed.some((line) => /^reload [0-9a-f]{64}$/.test(line))).toBe(true);
};

/** What stands behind the reverse proxies. */
const appBehind = createServer((req, res) => {
  res.end(`${String(req.headers['x-user'])}, card 4111-1111-1111-1111\n`);
}).on('upgrade', (_req, socket) => {
  socket.on('error', () => socket.destroy());
  socket.pipe(socket); // So that it ends when the client does.
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: greet\r\n\r\n');
});

/** What stands behind the TCP proxy. */
const storeBehind = createTcpServer((socket) => {
  socket.on('data', (line: Buffer) => socket.write(`stored ${line.toString()}`));
});

async function startStoreBehind(): Promise<void> {
  await new Promise<void>((resolve) => {
    storeBehind.listen(0, '127.0.0.1', resolve);
  });
  const { port } = storeBehind.address() as AddressInfo;
  vi.stubEnv('STORE', `127.0.0.1:${String(port)}`);
}

/** What a client is sent until the connection ends. */
async function conversation(origin: string, lines: readonly string[]): Promise<string> {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  let text = '';
  const ended = new Promise((resolve) => socket.once('close', resolve));
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  for (const line of lines) {
    const before = text;
    socket.write(`${line}\n`);
    await vi.waitFor(() => {
      expect(text !== before || socket.closed).toBe(true);
    });
  }
  socket.end();
  await ended;
  return text;
}

async function startAppBehind(): Promise<void> {
  await new Promise<void>((resolve) => {
    appBehind.listen(0, '127.0.0.1', resolve);
  });
  const { port } = appBehind.address() as AddressInfo;
  vi.stubEnv('APP_ORIGIN', `http://127.0.0.1:${String(port)}`);
}

const BASIC_AUTH = readFileSync(
  new URL('../../../../examples/filters/basic-auth/basic-auth.wasm', import.meta.url),
);
const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What an image is made of, by the ends of its URLs. */
function imageWith(module: Uint8Array): Record<string, Uint8Array> {
  const config = Buffer.from('{}');
  const describe = (mediaType: string, bytes: Uint8Array) => ({
    ...{ mediaType, digest: `sha256:${digestOf(bytes)}`, size: bytes.length },
  });
  const manifest = {
    schemaVersion: 2,
    config: describe('application/vnd.oci.empty.v1+json', config),
    layers: [describe('application/wasm', module)],
  };
  return {
    'team/basic-auth/manifests/v1': Buffer.from(JSON.stringify(manifest)),
    [`team/basic-auth/blobs/${manifest.config.digest}`]: config,
    [`team/basic-auth/blobs/${manifest.layers[0]?.digest ?? ''}`]: module,
  };
}

/** Where code is fetched from: a file by token, an image by password. */
const codeBehind = createServer((req, res) => {
  const parts = imageWith(BASIC_AUTH);
  const { url = '', headers } = req;
  const bytes = url === '/basic-auth.wasm' ? BASIC_AUTH : parts[url.replace('/v2/', '')];
  const isRegistry = url.startsWith('/v2/');
  if (headers.authorization !== (isRegistry ? ALICE.authorization : 'Bearer secret')) {
    res.writeHead(401, isRegistry ? { 'www-authenticate': 'Basic realm="test"' } : {}).end();
  } else {
    res.writeHead(bytes === undefined ? 404 : 200).end(bytes);
  }
});
const codeFolder = mkdtempSync(join(tmpdir(), 'proxy-wasm-docs-'));

async function startCodeBehind(): Promise<void> {
  await new Promise<void>((resolve) => {
    codeBehind.listen(0, '127.0.0.1', resolve);
  });
  const host = `127.0.0.1:${String((codeBehind.address() as AddressInfo).port)}`;
  const auth = ALICE.authorization.replace('Basic ', '');
  const config = join(codeFolder, 'config.json');
  writeFileSync(config, JSON.stringify({ auths: { [host]: { auth } } }));
  vi.stubEnv('CODE_URL', `http://${host}/basic-auth.wasm`);
  vi.stubEnv('CODE_SHA256', digestOf(BASIC_AUTH));
  vi.stubEnv('CODE_TOKEN', 'secret');
  vi.stubEnv('REGISTRY', host);
  vi.stubEnv('DOCKER_CONFIG_FILE', config);
  vi.stubEnv('XDG_CACHE_HOME', codeFolder);
}

function stopCodeBehind(): void {
  codeBehind.close();
  codeBehind.closeAllConnections();
  rmSync(codeFolder, { recursive: true });
}

function stopAppBehind(): void {
  vi.unstubAllEnvs();
  storeBehind.close();
  appBehind.close();
  appBehind.closeAllConnections();
}

function upgradeStatus(origin: string, headers: Record<string, string>) {
  return new Promise<number | undefined>((resolve, reject) => {
    // The one protocol that the reverse proxies pass on.
    const wish = { connection: 'upgrade', upgrade: 'websocket' };
    const request = get(origin, { headers: { ...headers, ...wish } });
    const answered = (answer: IncomingMessage): void => {
      resolve(answer.statusCode);
      request.destroy();
    };
    request.on('response', answered).on('upgrade', answered).on('error', reject);
  });
}

/** By the name of the program; each has one. */
const checks: Record<string, Check> = {
  readme: asksForCredentials,
  'app-wide': asksForCredentials,
  core: asksForCredentials,
  envoy: asksForCredentials,
  'envoy-configuration': asksForCredentials,
  express: asksForCredentials,

  mounted: async (running) => {
    const origin = await running.origin();
    expect(await (await fetch(`${origin}/cards/7`)).text()).toBe(`card 7: ${MASKED}\n`);
    const post = (body: string) =>
      fetch(`${origin}/orders`, { method: 'POST', headers: JSON_TYPE, body });
    expect((await post('{"id":1}')).status).toBe(403);
    expect(await (await post('{"id":1,"item":"tea"}')).json()).toEqual({ id: 1, item: 'tea' });
  },

  chain: async (running) => {
    const origin = await running.origin();
    const answer = await fetch(origin);
    expect(await answer.text()).toBe(`user anonymous, card ${MASKED}\n`);
    expect(answer.headers.get('x-wasm-custom')).toBe('BAR');
    expect(answer.headers.get('x-wasm')).toBe('1');
    expect((await fetch(`${origin}/health`)).status).toBe(200);
  },

  consumed: async (running) => {
    const body = '{"item":"tea"}';
    const answer = await fetch(await running.origin(), {
      method: 'POST',
      headers: JSON_TYPE,
      body,
    });
    expect(await answer.text()).toBe('tea\n');
    expect(printed).toContain('wasm log hello: NewHttpContext');
  },

  compression: async (running) => {
    const answer = await fetch(await running.origin(), { headers: { 'accept-encoding': 'gzip' } });
    expect(answer.headers.get('content-encoding')).toBe('gzip');
    expect(await answer.text()).toBe(`card ${MASKED}\n`.repeat(100));
  },

  attach: guardsUpgrades,

  'filter-state': async (running) => {
    expect(await (await fetch(await running.origin())).text()).toBe('no role\n');
  },

  plugin: reloads,
  operations: operates,

  testing: async () => {
    // It checks itself.
  },

  shutdown: async (running) => {
    expect(await (await fetch(await running.origin())).text()).toBe('hello\n');
    running.terminate();
    await vi.waitFor(() => {
      expect(running.server?.listening).toBe(false);
    });
  },

  inspect: async () => {
    expect(printed).toContain('0.2.1 _initialize true');
    expect(printed).toContain('env.proxy_log: implemented');
    expect(printed).toContain('proxy_on_request_headers: called');
  },

  report: async () => {
    expect(printed[0]).toMatch(/^0\.2\.1 _initialize Rust/);
    expect(printed).toContain('proxy_http_call implemented');
  },

  exchange: async () => {
    expect(printed[0]).toMatch(/^via_upstream \[\[":status","201"\],.*\["x-wasm","1"\]/);
    expect(printed[1]).toBe('ann');
    expect(printed).toContainEqual(
      expect.stringMatching(
        /^proxy_get_header_map_value .*"HTTP_REQUEST_HEADERS","key":"x-user".* OK$/,
      ),
    );
  },

  koa: asksForCredentials,
  'koa-app-wide': asksForCredentials,
  'koa-attach': guardsUpgrades,

  'koa-around': async (running) => {
    const origin = await running.origin();
    await fetch(`${origin}/a`);
    await fetch(`${origin}/b`, { headers: ALICE });
    expect(printed).toEqual(expect.arrayContaining(['GET /a 401', 'GET /b 200']));
  },

  'koa-testing': async () => {
    // It checks itself.
  },

  fastify: asksForCredentials,
  'fastify-app-wide': asksForCredentials,
  'fastify-attach': guardsUpgrades,

  'fastify-scopes': async (running) => {
    const origin = await running.origin();
    const card = (name: string) => fetch(`${origin}/cards/${name}`);
    expect(await (await card('one')).text()).toBe(`${MASKED}\n`);
    expect(await (await card('plain')).text()).toBe('4111-1111-1111-1111\n');
    const own = await card('own');
    expect(await own.text()).toBe('4111-1111-1111-1111\n');
    expect(own.headers.get('x-wasm-custom')).toBe('own');
  },

  'fastify-plugin': reloads,

  'fastify-testing': async () => {
    // It checks itself.
  },

  'reverse-proxy': async (running) => {
    await guardsUpgrades(running);
    const answer = await fetch(await running.origin(), { headers: ALICE });
    expect(await answer.text()).toBe(`alice, card ${MASKED}\n`);
  },

  'http-proxy': async (running) => {
    const origin = await running.origin();
    expect(await (await fetch(origin)).text()).toBe(`undefined, card ${MASKED}\n`);
    expect(await upgradeStatus(origin, {})).toBe(101);
  },

  services: async (running) => {
    const origin = await running.origin();
    expect(await (await fetch(origin)).text()).toBe('hello\n');
    const metrics = await (await fetch(`${origin}/metrics`)).text();
    expect(metrics).toMatch(/^edge_proxy_wasm_go_request_counter 1$/m);
  },

  'shared-data': async () => {
    expect(printed).toEqual(['on', 'flag on true', 'false']);
  },

  'from-istio': asksForCredentials,

  'from-mosn': async () => {
    expect(printed).toContain('configurations running');
    expect(printed.some((line) => line.includes('plugin configuration: \u0001'))).toBe(true);
  },

  'from-traffic-server': async (running) => {
    const answer = await fetch(await running.origin());
    expect(answer.headers.get('x-wasm-custom')).toBe('BAR');
  },

  upstreams: async (running) => {
    const origin = await running.origin();
    const stranger = await fetch(origin);
    expect([stranger.status, await stranger.text()]).toEqual([401, 'who are you?\n']);
    const answer = await fetch(origin, { headers: { authorization: 'Bearer secret' } });
    expect(await answer.text()).toBe('hello ann\n');
  },

  'wasm-service': async (running) => {
    const origin = await running.origin();
    for (let request = 0; request < 3; request += 1) {
      expect(await (await fetch(origin)).text()).toBe('hello\n');
    }
    await vi.waitFor(
      async () => {
        const metrics = await (await fetch(`${origin}/metrics`)).text();
        expect(metrics).toContain('wasmcustom_requests_total 3');
        expect(metrics).toContain('wasmcustom_requests_total_method_GET 3');
      },
      { timeout: 40_000 },
    );
    running.terminate();
  },

  'code-https': asksForCredentials,

  'code-oci': async () => {
    expect(printed[0]).toMatch(new RegExp(`^${digestOf(BASIC_AUTH)} Rust.* true$`));
    expect(printed[1]).toBe('basic-auth running');
  },

  tcp: async (running) => {
    const origin = await running.origin();
    expect(await conversation(origin, ['hello', 'SHUTDOWN now'])).toBe('you said hello\n');
  },

  'tcp-proxy': async (running) => {
    const origin = await running.origin();
    expect(await conversation(origin, ['a', 'flush_all'])).toBe('stored a\n');
    running.terminate();
    await vi.waitFor(() => {
      expect(running.server?.listening).toBe(false);
    });
  },

  'create-plugin': async () => {
    expect(printed).toContain('PW_ERR_CONFIGURE_REFUSED');
  },
};

describe('programs in the documents', () => {
  let running: Running | undefined;

  beforeAll(prepareStage);
  beforeAll(startAppBehind);
  beforeAll(startStoreBehind);
  beforeAll(startCodeBehind);
  afterAll(stopAppBehind);
  afterAll(stopCodeBehind);
  afterEach(async () => {
    vi.restoreAllMocks();
    await running?.stop();
    running = undefined;
  });

  it('have names of their own, and a check each', () => {
    expect(snippets.map(({ name }) => name).sort()).toEqual(Object.keys(checks).sort());
  });

  // Some start threads and load all packages from their sources.
  it.each(snippets)('$name in $document', { timeout: 60_000 }, async (snippet) => {
    printed = [];
    for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) {
      vi.spyOn(console, method).mockImplementation((...values) => {
        printed.push(values.map(String).join(' ').trimEnd());
      });
    }
    running = await run(snippet);
    await checks[snippet.name]?.(running);
  });
});
