/** Images from a real registry. Where docker-registry is not installed, these are skipped, and say so. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { tls } from '../../../conformance/src/tls/index.js';
import { createHost, inspectModule } from '../../src/index.js';
import {
  afterTest,
  cacheFolder,
  codeServer,
  QUICK,
  reader,
  refusalOf,
} from '../support/code-server.js';
import {
  hasDockerRegistry,
  Pusher,
  startDockerRegistry,
  type DockerRegistry,
} from '../support/docker-registry.js';
import { listen } from '../support/filter-server.js';
import { indexOf, LAYOUTS, type Image } from '../support/image.js';
import { filter } from '../support/modules.js';
import { answerToken, ISSUER, SERVICE, tokenFor } from '../support/registry-token.js';

const isThere = hasDockerRegistry();
const title = (text: string): string =>
  isThere ? text : `${text} (skipped: docker-registry is not installed)`;

const hex = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const plain = LAYOUTS['an artifact with a plain layer']!;
const compat = LAYOUTS['compat, built by docker']!;

let module: Uint8Array<ArrayBuffer>;
let other: Uint8Array<ArrayBuffer>;
let sha256: string;

beforeAll(async () => {
  module = await filter();
  other = await filter({ body: '(func (export "another_one"))' });
  sha256 = hex(module);
});

/** What goes between this host and a registry, and hears what is asked. */
async function frontOf(
  { host }: DockerRegistry,
  options: { secure?: boolean; instead?: (url: string) => string | undefined } = {},
) {
  return codeServer((req, res) => {
    const { url = '' } = req;
    const location = options.instead?.(url);
    if (location !== undefined) {
      res.writeHead(307, { location }).end();
      return;
    }
    const { accept = '', authorization } = req.headers;
    const headers = { accept, ...(authorization === undefined ? {} : { authorization }) };
    void fetch(`http://${host}${url}`, { headers }).then(async (answer) => {
      for (const name of ['content-type', 'docker-content-digest', 'www-authenticate']) {
        const value = answer.headers.get(name);
        if (value !== null) res.setHeader(name, value);
      }
      res.statusCode = answer.status;
      res.end(Buffer.from(await answer.arrayBuffer()));
    });
  }, options);
}

describe.skipIf(!isThere)(title('an image in a registry that is open to all'), () => {
  let registry: DockerRegistry;
  let push: Pusher;
  const at = (name: string): string => `oci://${registry.host}/team/filter${name}`;

  beforeAll(async () => {
    registry = await startDockerRegistry();
    push = new Pusher(registry.host, 'team/filter');
  });
  afterAll(() => registry.close());

  it.each(Object.entries(LAYOUTS))('has the module: %s', async (_name, layout) => {
    const image = await layout(module);
    await push.image(image, 'v1');
    const { read, warnings } = reader();
    for (const name of [':v1', `@${image.document.digest}`, `:v0@${image.document.digest}`]) {
      const { bytes, sha256: found } = await read(at(name));
      expect(Buffer.compare(bytes, module)).toBe(0);
      expect(found).toBe(sha256);
    }
    expect(warnings).toEqual([]);
  });

  it('may be one of an index: for WebAssembly, else as Istio chooses', async () => {
    const [one, two] = [await plain(module), await compat(other)];
    for (const image of [one, two]) await push.image(image);
    const attestation = { 'unknown/unknown': two };
    const cases: [Record<string, Image>, Uint8Array][] = [
      [{ 'linux/amd64': two, 'wasip1/wasm': one }, module],
      [{ 'linux/arm64': one, 'linux/amd64': two }, other],
      [{ 'linux/arm64': one, ...attestation }, module],
    ];
    for (const [images, expected] of cases) {
      const index = indexOf(images);
      await push.document(index, 'multi');
      for (const name of [':multi', `@${index.digest}`]) {
        expect((await reader().read(at(name))).sha256).toBe(hex(expected));
      }
    }
    await push.document(indexOf({ 'linux/arm64': one, 'windows/amd64': two }), 'multi');
    const { code, message } = await refusalOf(reader().read(at(':multi')));
    expect(code).toBe('PW_ERR_CODE_IMAGE');
    expect(message).toContain('nothing for WebAssembly or linux/amd64, but linux/arm64, windows');
  });

  it('runs, is reloaded to another tag, and can be looked into', async () => {
    await push.image(await plain(module), 'v1');
    await push.image(await compat(other), 'v2');
    const host = createHost({ codeSource: { ...QUICK, cacheDir: await cacheFolder() } });
    afterTest(() => host.close());
    const plugin = await host.createPlugin({ code: at(':v1'), sha256 });
    expect(plugin.name).toBe('filter');
    const reloaded = new Promise((resolve) => plugin.once('reloaded', resolve));
    await plugin.reload({ code: new URL(at(':v2')), sha256: hex(other) });
    expect(await reloaded).toEqual({ reason: 'reload', sha256: hex(other) });
    const report = await inspectModule(at(':v2'), { codeSource: { cacheDir: false } });
    expect(report).toMatchObject({ sha256: hex(other), loadable: true });
  });

  it('is refused where its tag is not there, or the repository', async () => {
    const missing = await refusalOf(reader().read(at(':none')));
    expect(missing).toEqual({
      code: 'PW_ERR_CODE_NOT_FOUND',
      message:
        `the manifest of ${at(':none')} could not be fetched: the server answered 404 ` +
        '(MANIFEST_UNKNOWN); it is not there, or only for those who may see it',
    });
    const digest = `@sha256:${'0'.repeat(64)}`;
    expect((await refusalOf(reader().read(at(digest)))).code).toBe('PW_ERR_CODE_NOT_FOUND');
    const nothing = `oci://${registry.host}/nothing/here:v1`;
    expect((await refusalOf(reader().read(nothing))).code).toBe('PW_ERR_CODE_NOT_FOUND');
  });

  it('whose tag has moved is not what sha256 says; by its own digest it stays', async () => {
    const first = await plain(module);
    await push.image(first, 'moving');
    const { read } = reader();
    expect((await read(at(':moving'), sha256)).sha256).toBe(sha256);
    await push.image(await compat(other), 'moving');
    const { code, message } = await refusalOf(read(at(':moving'), sha256));
    expect(code).toBe('PW_ERR_CODE_DIGEST');
    expect(message).toContain(
      `the module from ${at(':moving')} (${String(other.length)} bytes) has sha256 ${hex(other)}, ` +
        `not ${sha256} as the option sha256 demands; nothing of it was run. Either the tag moving ` +
        'has moved, or was never that',
    );
    expect((await read(at(`:moving@${first.document.digest}`))).sha256).toBe(sha256);
    expect((await read(at(':moving'))).sha256).toBe(hex(other));
  });

  it('is pulled once: later by digest, without the network; by tag, its manifest alone', async () => {
    const image = await compat(module);
    await push.image(image, 'kept');
    const front = await frontOf(registry);
    const { read, counts } = reader({ cacheDir: await cacheFolder() });
    const by = (name: string): string => `oci://${front.host}/team/filter${name}`;
    await read(by(`@${image.document.digest}`));
    expect(front.requests).toHaveLength(3);
    await read(by(`@${image.document.digest}`));
    await read(by(':kept'), sha256);
    expect(front.requests).toHaveLength(3);
    await read(by(':kept'));
    expect(front.requests.map(({ url }) => url)).toEqual([
      expect.stringContaining('/manifests/sha256:'),
      expect.stringContaining('/blobs/'),
      expect.stringContaining('/blobs/'),
      '/v2/team/filter/manifests/kept',
    ]);
    expect(counts).toMatchObject({ cache_hits: 1, fetch_successes: 3 });
    await front.close();
    expect((await read(by(`@${image.document.digest}`))).sha256).toBe(sha256);
  });

  it('is refused where its layer is too large, before it is fetched', async () => {
    await push.image(await plain(module), 'large');
    const front = await frontOf(registry);
    const maxBytes = module.length - 1;
    const { code, message } = await refusalOf(
      reader({ maxBytes }).read(`oci://${front.host}/team/filter:large`),
    );
    expect(code).toBe('PW_ERR_CODE_TOO_LARGE');
    expect(message).toContain(
      `the layer of oci://${front.host}/team/filter:large has ${String(module.length)} bytes, and`,
    );
    expect(front.requests.map(({ url }) => url)).not.toContainEqual(
      expect.stringContaining(`/blobs/sha256:${sha256}`),
    );
  });

  it('may have its layers elsewhere, where no credentials are sent', async () => {
    const image = await plain(module);
    await push.image(image, 'v1');
    const storage = await frontOf(registry);
    const front = await frontOf(registry, {
      instead: (url) => (url.includes('/blobs/') ? `${storage.origin}${url}` : undefined),
    });
    const secrets = { credentials: { token: 'SECRET' }, headers: { 'x-key': 'SECRET' } };
    const { read } = reader(secrets);
    expect((await read(`oci://${front.host}/team/filter:v1`)).sha256).toBe(sha256);
    expect(storage.requests).toHaveLength(2);
    expect(JSON.stringify(storage.requests)).not.toContain('SECRET');
    for (const { headers } of front.requests) {
      expect(headers).toMatchObject({ authorization: 'Bearer SECRET', 'x-key': 'SECRET' });
    }
  });

  it('is asked for by TLS, unless the registry is on this machine or it is said', async () => {
    await push.image(await plain(module), 'v1');
    const front = await frontOf(registry, { secure: true });
    const url = `oci://${front.host}/team/filter:v1`;
    expect((await reader({ plainHttp: false }).read(url)).sha256).toBe(sha256);
    expect((await refusalOf(reader().read(url))).code).toBe('PW_ERR_CODE_FETCH');
    const { port } = new URL(front.origin);
    const untrusted = reader({ plainHttp: false, tls: {} });
    const { message } = await refusalOf(untrusted.read(`oci://127.0.0.1:${port}/team/filter:v1`));
    expect(message).toContain('codeSource.tls says which certificates are trusted');
  });
});

describe.skipIf(!isThere)(title('an image in a registry that wants a password'), () => {
  let registry: DockerRegistry;
  let url: string;
  // alice, wonderland
  const HTPASSWD = 'alice:$2y$05$khPbGZQmlzX5W31y0e63DOsjkRWKWrL3FqAiGaiwY7vnnlcnM9TFa\n';
  const ALICE = { username: 'alice', password: 'wonderland' };
  const auth = Buffer.from('alice:wonderland').toString('base64');

  beforeAll(async () => {
    registry = await startDockerRegistry(
      'auth: { htpasswd: { realm: test, path: "@/htpasswd" } }',
      {
        htpasswd: HTPASSWD,
      },
    );
    const push = new Pusher(registry.host, 'team/filter', { authorization: `Basic ${auth}` });
    await push.image(await compat(module), 'v1');
    url = `oci://${registry.host}/team/filter:v1`;
  });
  afterAll(() => registry.close());

  it('comes with credentials, a URL’s user, or a config.json', async () => {
    const { host } = registry;
    const options = [
      { credentials: ALICE },
      { dockerConfig: { auths: { [host]: { auth } } } },
      { dockerConfig: { auths: { [`http://${host}/v2/`]: ALICE, other: {} } } },
      { dockerConfig: { auths: { [`${host}/team`]: ALICE, [host]: { auth: 'eDp5' } } } },
    ];
    for (const each of options) expect((await reader(each).read(url)).sha256).toBe(sha256);
    const withUser = url.replace('oci://', 'oci://alice:wonderland@');
    expect((await reader().read(withUser)).sha256).toBe(sha256);
  });

  it.each<[string, object]>([
    ['none', {}],
    ['wrong ones', { credentials: { username: 'alice', password: 'SECRET' } }],
    ['those of others', { dockerConfig: { auths: { 'ghcr.io': { auth } } } }],
    ['a token that it does not know', { credentials: { token: 'SECRET' } }],
  ])('is refused with %s, which are not shown', async (_what, options) => {
    const { code, message } = await refusalOf(reader(options).read(url));
    expect(code).toBe('PW_ERR_CODE_REFUSED');
    expect(message).toBe(
      `the manifest of ${url} could not be fetched: the server answered 401 (UNAUTHORIZED); ` +
        'codeSource.credentials or codeSource.dockerConfig may be missing, wrong, or not allowed to ' +
        'pull it',
    );
  });
});

describe.skipIf(!isThere)(title('an image in a registry that wants a token'), () => {
  let registry: DockerRegistry;
  let tokens: Awaited<ReturnType<typeof startTokens>>;

  /** The registry has to know where it is before it starts. */
  async function startTokens() {
    const requests: { url: string; authorization: string | undefined }[] = [];
    const server = createServer((req, res) => {
      requests.push({ url: req.url ?? '', authorization: req.headers.authorization });
      answerToken(req, res);
    });
    return { ...(await listen(server)), requests };
  }

  beforeAll(async () => {
    tokens = await startTokens();
    const realm = `http://127.0.0.1:${String(tokens.port)}/token?a=b`;
    const names = `service: ${SERVICE}, issuer: ${ISSUER}`;
    registry = await startDockerRegistry(
      `auth: { token: { realm: '${realm}', ${names}, rootcertbundle: '@/certificate.pem' } }`,
      { 'certificate.pem': tls.cert },
    );
    for (const repository of ['team/filter', 'public/filter']) {
      const authorization = `Bearer ${tokenFor(repository, ['pull', 'push'])}`;
      const push = new Pusher(registry.host, repository, { authorization });
      await push.image(await plain(module), 'v1');
    }
  });
  afterAll(async () => {
    await registry.close();
    await tokens.close();
  });

  it('comes for nobody in particular, where the token server lets them', async () => {
    tokens.requests.splice(0);
    const { read } = reader();
    expect((await read(`oci://${registry.host}/public/filter:v1`)).sha256).toBe(sha256);
    expect(tokens.requests).toEqual([
      {
        url: `/token?a=b&service=${SERVICE}&scope=repository%3Apublic%2Ffilter%3Apull`,
        authorization: undefined,
      },
    ]);
  });

  it('comes with a password that the token server knows, and the registry never sees', async () => {
    const credentials = { username: 'alice', password: 'wonderland' };
    const { read } = reader({ credentials });
    const front = await frontOf(registry);
    expect((await read(`oci://${front.host}/team/filter:v1`)).sha256).toBe(sha256);
    expect(front.requests.map(({ headers }) => headers.authorization?.split(' ')[0])).toEqual([
      ...[undefined, 'Bearer', 'Bearer', 'Bearer'],
    ]);
  });

  it('comes with a token from elsewhere', async () => {
    tokens.requests.splice(0);
    const registrytoken = tokenFor('team/filter', ['pull']);
    const { read } = reader({ dockerConfig: { auths: { [registry.host]: { registrytoken } } } });
    expect((await read(`oci://${registry.host}/team/filter:v1`)).sha256).toBe(sha256);
    expect(tokens.requests).toEqual([]);
  });

  it('is refused where the token server says no', async () => {
    const { code, message } = await refusalOf(
      reader({ credentials: { username: 'alice', password: 'SECRET' } }).read(
        `oci://${registry.host}/team/filter:v1`,
      ),
    );
    expect(code).toBe('PW_ERR_CODE_REFUSED');
    expect(message).toContain(
      `a token for oci://${registry.host}/team/filter:v1 from 127.0.0.1:${String(tokens.port)} ` +
        'could not be fetched: the server answered 401; codeSource.credentials',
    );
    expect(message).not.toContain('SECRET');
  });
});
