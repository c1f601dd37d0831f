/** Registries that answer what they should not, and others: no docker-registry is needed for these. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { beforeAll, describe, expect, it } from 'vitest';

import type { DockerConfig } from '../../src/code/code-source-options.js';
import { parseChallenges } from '../../src/code/oci/challenge.js';
import { findRegistryAuth } from '../../src/code/oci/docker-config.js';
import { cacheFolder, codeServer, reader, refusalOf } from '../support/code-server.js';
import {
  DOCKER_MANIFEST,
  DOCKER_TAR_GZIP,
  documentOf,
  imageOf,
  indexOf,
  LAYOUTS,
  OCI_INDEX,
  OCI_MANIFEST,
  OCI_TAR_GZIP,
  tarOf,
  WASM_LAYER,
  type Image,
  type ImageDocument,
} from '../support/image.js';
import { filter } from '../support/modules.js';

let module: Uint8Array<ArrayBuffer>;
let sha256: string;
let image: Image;

beforeAll(async () => {
  module = await filter();
  sha256 = createHash('sha256').update(module).digest('hex');
  image = await LAYOUTS['an artifact with a plain layer']!(module);
});

type Answers = Record<string, Buffer | { status: number; headers?: Record<string, string> }>;

/** A registry of one repository, by the ends of its URLs; what is not in it is 404. */
async function registryOf(answers: Answers, options: { secure?: boolean } = {}) {
  const server = await codeServer((req, res) => {
    const end = (req.url ?? '').replace(/^\/v2\/r\/(?:manifests|blobs)\//, '');
    const answer = answers[end] ?? { status: 404 };
    if ('status' in answer) res.writeHead(answer.status, answer.headers).end();
    else res.end(answer);
  }, options);
  return { ...server, url: `oci://${server.host}/r:v1` };
}

function answersOf({ document, blobs }: Image): Answers {
  const entries = [document, ...blobs].map(({ digest, bytes }) => [digest, bytes] as const);
  return { ...Object.fromEntries(entries), v1: document.bytes };
}

const config = ['application/vnd.oci.empty.v1+json', Buffer.from('{}')] as const;
const withLayers = (...layers: (readonly [string, Uint8Array])[]): Image =>
  imageOf(OCI_MANIFEST, config, layers);

describe('a registry whose answers are not what they were to be', () => {
  it.each(['layer', 'configuration', 'manifest'])('is not believed: its %s', async (part) => {
    const answers = answersOf(image);
    const [first, second] = image.blobs;
    const { digest } = { configuration: first!, layer: second!, manifest: image.document }[part]!;
    answers[digest] = Buffer.from('something else');
    const { host } = await registryOf(answers);
    const refusal = await refusalOf(reader().read(`oci://${host}/r@${image.document.digest}`));
    expect(refusal.code).toBe('PW_ERR_CODE_DIGEST');
    expect(refusal.message).toContain(`the ${part} of oci://${host}/r@sha256:`);
    expect(refusal.message).toContain(`(14 bytes), not ${digest.slice('sha256:'.length)}`);
  });

  it('is not believed where it contradicts itself about a tag', async () => {
    const server = await codeServer((_req, res) => {
      res.setHeader('docker-content-digest', `sha256:${'0'.repeat(64)}`);
      res.end(image.document.bytes);
    });
    const { code } = await refusalOf(reader().read(`oci://${server.host}/r:v1`));
    expect(code).toBe('PW_ERR_CODE_DIGEST');
  });

  it('keeps nothing of what was wrong, and nothing is refused of what comes right later', async () => {
    const answers = answersOf(image);
    const { digest } = image.blobs[1]!;
    answers[digest] = Buffer.from('something else');
    const { url } = await registryOf(answers);
    const { read, warnings } = reader({ cacheDir: await cacheFolder() });
    expect((await refusalOf(read(url))).code).toBe('PW_ERR_CODE_DIGEST');
    answers[digest] = Buffer.from(module);
    expect((await read(url)).sha256).toBe(sha256);
    expect(warnings).toEqual([]);
  });

  it('has a layer that is gone', async () => {
    const answers = { ...answersOf(image), [image.blobs[1]!.digest]: { status: 404 } };
    const { url } = await registryOf(answers);
    const { code, message } = await refusalOf(reader().read(url));
    expect(code).toBe('PW_ERR_CODE_NOT_FOUND');
    expect(message).toContain(`the layer of ${url} could not be fetched: the server answered 404`);
  });

  it('is down for a moment', async () => {
    let failures = 0;
    const answers = answersOf(image);
    const server = await codeServer((req, res) => {
      const isRetry = failures % 2 === 1;
      failures += 1;
      if (!isRetry) res.writeHead(503).end();
      else res.end(answers[(req.url ?? '').split('/').at(-1)!] as Buffer);
    });
    const { read } = reader({ retries: 10 });
    expect((await read(`oci://${server.host}/r:v1`)).sha256).toBe(sha256);
  });
});

describe('an image', () => {
  it.each<[string, () => Promise<Image> | Image, string]>([
    [
      'with layers of other kinds',
      () => withLayers(['text/plain', module], ['application/x', module]),
      'has no layer with a module: its layers are text/plain, application/x; expected is one of',
    ],
    ['without layers', () => withLayers(), 'its layers are none'],
    [
      'packed with zstd',
      () => withLayers(['application/vnd.oci.image.layer.v1.tar+zstd', module]),
      'its layers are application/vnd.oci.image.layer.v1.tar+zstd',
    ],
    [
      'with two modules',
      () => withLayers([WASM_LAYER, module], ['application/wasm', module]),
      'has more than one module, so none is meant',
    ],
    [
      'without the file',
      async () => withLayers([OCI_TAR_GZIP, gzipSync(await tarOf({ 'filter.wasm': module }))]),
      'has no plugin.wasm in its last layer',
    ],
    [
      'with the file in the first of two layers',
      async () =>
        withLayers(
          [OCI_TAR_GZIP, gzipSync(await tarOf({ 'plugin.wasm': module }))],
          [OCI_TAR_GZIP, gzipSync(await tarOf({ other: module }))],
        ),
      'has no plugin.wasm in its last layer',
    ],
    [
      'that is no gzip',
      () => withLayers([DOCKER_TAR_GZIP, module]),
      'is no gzip: incorrect header',
    ],
    [
      'that is no tar',
      () => withLayers([DOCKER_TAR_GZIP, gzipSync(Buffer.alloc(2000, 'x'))]),
      'is no tar archive: ',
    ],
    [
      'whose archive is cut off',
      async () =>
        withLayers([
          OCI_TAR_GZIP,
          gzipSync((await tarOf({ 'plugin.wasm': Buffer.alloc(5000) })).subarray(0, 2000)),
        ]),
      'is no tar archive: ',
    ],
  ])('is refused: %s', async (_what, make, message) => {
    const { url } = await registryOf(answersOf(await make()));
    const refusal = await refusalOf(reader().read(url));
    expect(refusal.code).toBe('PW_ERR_CODE_IMAGE');
    expect(refusal.message).toContain(url);
    expect(refusal.message).toContain(message);
  });

  it('may have its file in a folder, beside others', async () => {
    const archive = await tarOf({ 'a/README': Buffer.from('x'), 'a/plugin.wasm': module });
    const { url } = await registryOf(answersOf(withLayers([OCI_TAR_GZIP, gzipSync(archive)])));
    expect((await reader().read(url)).sha256).toBe(sha256);
  });

  it('that is small and unpacks to much is refused', async () => {
    const archive = await tarOf({ 'plugin.wasm': Buffer.alloc(5_000_000) });
    const { url } = await registryOf(answersOf(withLayers([OCI_TAR_GZIP, gzipSync(archive)])));
    const { code, message } = await refusalOf(reader({ maxBytes: 1_000_000 }).read(url));
    expect(code).toBe('PW_ERR_CODE_TOO_LARGE');
    expect(message).toContain(`the unpacked layer of ${url} has more`);
  });
});

describe('a manifest', () => {
  const part = { mediaType: 'text/plain', digest: `sha256:${'0'.repeat(64)}`, size: 1 };
  it.each<[string, ImageDocument | Buffer, string]>([
    ['that is no JSON', Buffer.from('<html>'), 'is no JSON'],
    ['that is no object', Buffer.from('[]'), 'is no JSON object'],
    [
      'of version 1',
      documentOf(DOCKER_MANIFEST, { schemaVersion: 1, fsLayers: [] }),
      'of the old version 1; push the image again',
    ],
    [
      'that is an index too',
      documentOf(OCI_MANIFEST, { config: part, layers: [part], manifests: [part] }),
      'has neither a manifest nor an index that can be read',
    ],
    [
      'with another kind of digest',
      documentOf(OCI_MANIFEST, { config: part, layers: [{ ...part, digest: 'sha512:00' }] }),
      'with a part that does not have a media type, a sha256 digest and a size',
    ],
    ['without a configuration', documentOf(OCI_MANIFEST, { layers: [part] }), 'with a part that'],
    [
      'of an index with nothing in it',
      documentOf(OCI_INDEX, { manifests: [] }),
      'but nothing else either; name one',
    ],
  ])('is refused: %s', async (_what, document, message) => {
    const bytes = 'bytes' in document ? document.bytes : document;
    const { url } = await registryOf({ v1: bytes });
    const refusal = await refusalOf(reader().read(url));
    expect(refusal.code).toBe('PW_ERR_CODE_IMAGE');
    expect(refusal.message).toContain(url);
    expect(refusal.message).toContain(message);
  });

  it('that leads from index to index is refused', async () => {
    const inner = indexOf({ 'linux/amd64': image });
    const outer = indexOf({ 'linux/amd64': { document: inner, blobs: [] } });
    const { url } = await registryOf({ v1: outer.bytes, [inner.digest]: inner.bytes });
    expect((await refusalOf(reader().read(url))).message).toContain('is an index of indexes');
  });

  it('that is too large is refused', async () => {
    const { url } = await registryOf({ v1: Buffer.alloc(4 * 1024 * 1024 + 1, ' ') });
    const { code, message } = await refusalOf(reader().read(url));
    expect(code).toBe('PW_ERR_CODE_TOO_LARGE');
    expect(message).toContain(`the manifest of ${url} has 4194305 bytes`);
  });
});

describe('a registry that sends to a token server', () => {
  /** @param challenge with TOKENS for the token server's origin */
  async function tokenRegistry(
    answerToken: (body: string) => { status?: number; body: string; location?: string },
    challenge = 'Bearer realm="TOKENS/token",service="s"',
    options: { secure?: boolean } = {},
  ) {
    const bodies: string[] = [];
    const tokens = await codeServer((req, res) => {
      let body = '';
      req.on('data', (chunk: Buffer) => (body += chunk.toString()));
      req.on('end', () => {
        bodies.push(body);
        const { status = 200, body: text, location } = answerToken(body);
        res.writeHead(status, location === undefined ? {} : { location }).end(text);
      });
    });
    const answers = answersOf(image);
    const registry = await codeServer((req, res) => {
      if (req.headers.authorization !== 'Bearer good') {
        res
          .writeHead(401, { 'www-authenticate': challenge.replace('TOKENS', tokens.origin) })
          .end();
      } else {
        res.end(answers[(req.url ?? '').split('/').at(-1)!] as Buffer);
      }
    }, options);
    return { tokens, registry, bodies, url: `oci://${registry.host}/r:v1` };
  }

  const good = JSON.stringify({ access_token: 'good', expires_in: 300 });

  it('gets the token that it names, by either name', async () => {
    const { url, tokens, registry } = await tokenRegistry(() => ({ body: good }));
    const headers = { 'x-key': 'SECRET' };
    expect((await reader({ headers }).read(url)).sha256).toBe(sha256);
    expect(tokens.requests.map((request) => request.url)).toEqual([
      '/token?service=s&scope=repository%3Ar%3Apull',
    ]);
    expect(JSON.stringify(tokens.requests)).not.toContain('SECRET');
    expect(registry.requests).toHaveLength(4);
  });

  it('is where its name says, whatever is said of web servers and of its certificate', async () => {
    const made = await tokenRegistry(() => ({ body: good }));
    const { read } = reader({
      origin: 'http://127.0.0.1:1',
      tls: { servername: 'registry.test', rejectUnauthorized: false },
    });
    expect((await read(made.url)).sha256).toBe(sha256);
    expect(made.tokens.requests[0]!.headers.host).toBe(made.tokens.host);
  });

  it('exchanges an identity token', async () => {
    const { url, bodies, registry } = await tokenRegistry(() => ({ body: good }));
    const dockerConfig = { auths: { [registry.host]: { identitytoken: 'identity' } } };
    expect((await reader({ dockerConfig }).read(url)).sha256).toBe(sha256);
    expect(Object.fromEntries(new URLSearchParams(bodies[0]))).toEqual({
      service: 's',
      scope: 'repository:r:pull',
      grant_type: 'refresh_token',
      refresh_token: 'identity',
      client_id: 'proxy-wasm-node',
    });
  });

  it.each<[string, { status?: number; body: string; location?: string }, string, string]>([
    ['no token', { body: '{}' }, 'PW_ERR_CODE_FETCH', 'answered without a token'],
    ['no JSON', { body: '<html>' }, 'PW_ERR_CODE_FETCH', 'answered without a token'],
    [
      'a token that would break a header',
      { body: '{"token":"a\\r\\nb: c"}' },
      'PW_ERR_CODE_FETCH',
      'answered without a token',
    ],
    ['a refusal', { status: 403, body: '' }, 'PW_ERR_CODE_REFUSED', 'the server answered 403'],
    [
      'a redirect, which is not followed',
      { status: 307, body: '', location: '/elsewhere' },
      'PW_ERR_CODE_FETCH',
      'the server answered 307',
    ],
    [
      'a token that does not help',
      { body: '{"token":"bad"}' },
      'PW_ERR_CODE_REFUSED',
      'the server answered 401',
    ],
  ])('is told where that gives %s', async (_what, answer, code, message) => {
    const { url, tokens } = await tokenRegistry(() => answer);
    const refusal = await refusalOf(reader().read(url));
    expect(refusal.code).toBe(code);
    expect(refusal.message).toContain(message);
    expect(tokens.requests).toHaveLength(1);
  });

  it('is not followed where the way there is without TLS, and its own is not', async () => {
    const made = await tokenRegistry(() => ({ body: good }), undefined, { secure: true });
    const credentials = { username: 'u', password: 'SECRET' };
    const { read } = reader({ credentials, plainHttp: false });
    const { code, message } = await refusalOf(read(made.url));
    expect(code).toBe('PW_ERR_CODE_REFUSED');
    expect(message).toContain(`asks for a token from ${made.tokens.origin}, without TLS`);
    expect(made.tokens.requests).toEqual([]);
  });

  it('is told where it does not say from where', async () => {
    const { url } = await tokenRegistry(() => ({ body: good }), 'Bearer service="s"');
    const { code, message } = await refusalOf(reader().read(url));
    expect(code).toBe('PW_ERR_CODE_REFUSED');
    expect(message).toContain('does not say from where (realm)');
  });
});

describe('a challenge', () => {
  it.each<[string | string[], [string, Record<string, string>][]]>([
    ['Basic realm="a"', [['basic', { realm: 'a' }]]],
    [
      'Bearer realm="https://a/t?x=1,2",service=reg , scope="r:a/b:pull,push"',
      [['bearer', { realm: 'https://a/t?x=1,2', service: 'reg', scope: 'r:a/b:pull,push' }]],
    ],
    [
      'Negotiate, Basic Realm="say \\"hi\\"", Bearer realm = "b"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'say "hi"' }],
        ['bearer', { realm: 'b' }],
      ],
    ],
    [
      ['Basic realm="a"', 'Bearer realm="b"'],
      [
        ['basic', { realm: 'a' }],
        ['bearer', { realm: 'b' }],
      ],
    ],
    ['', []],
    ['realm="nobody"', []],
  ])('%j is read', (header, expected) => {
    const found = parseChallenges(header).map(({ scheme, parameters }) => [scheme, parameters]);
    expect(found).toEqual(expected);
  });
});

describe('a config.json', () => {
  const auth = Buffer.from('user:pass:word').toString('base64');
  const user = { username: 'user', password: 'pass:word' };
  const find = (config: DockerConfig, registry = 'ghcr.io') =>
    findRegistryAuth(config, registry, 'team/filter');

  it.each([
    'ghcr.io',
    'https://ghcr.io',
    'https://ghcr.io/v1/',
    'ghcr.io/team',
    'ghcr.io/team/filter',
  ])('names a registry: %s', async (key) => {
    expect((await find({ auths: { [key]: { auth } } }))?.user).toEqual(user);
  });

  it('names Docker’s own as Docker does', async () => {
    const config = { auths: { 'https://index.docker.io/v1/': { auth } } };
    expect((await find(config, 'docker.io'))?.user).toEqual(user);
  });

  it.each<[string, DockerConfig]>([
    ['nothing', {}],
    ['others', { auths: { 'ghcr.io.evil.test': { auth }, 'ghcr.io/te': { auth } } }],
    ['only who else would know', { credsStore: 'desktop', credHelpers: { 'ghcr.io': 'x' } }],
  ])('may name %s', async (_what, config) => {
    expect(await find(config)).toBeUndefined();
  });

  it('is read from its file each time, and told of if it can not be', async () => {
    const path = join(await cacheFolder(), 'config.json');
    const read = () => findRegistryAuth(path, 'ghcr.io', 'team/filter');
    await expect(read()).rejects.toMatchObject({
      code: 'PW_ERR_CODE_REFUSED',
      message: expect.stringContaining(
        `codeSource.dockerConfig, ${path}, could not be read: ENOENT`,
      ),
    });
    await writeFile(path, JSON.stringify({ auths: { 'ghcr.io': { auth } } }));
    expect((await read())?.user).toEqual(user);
    await writeFile(path, '{"auths": SECRET');
    const { message } = await refusalOf(read());
    expect(message).toBe(
      `codeSource.dockerConfig, ${path}, is no JSON object, as docker login writes it`,
    );
  });
});
