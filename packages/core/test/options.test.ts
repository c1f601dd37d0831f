import { describe, expect, it } from 'vitest';

import { createSharedState, type PluginOptions } from '../src/index.js';
import { nearestOf } from '../src/option-checks.js';
import { DEFAULT_LIMITS } from '../src/options.js';
import { checkHostOptions, resolvePluginOptions } from '../src/resolve-options.js';

const code = new Uint8Array([0]);
const resolve = (options: object) => resolvePluginOptions(options as PluginOptions);
const refusal = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    expect(error).toMatchObject({ code: 'PW_ERR_OPTIONS_INVALID' });
    return (error as Error).message;
  }
  return 'no error';
};

describe('plugin options', () => {
  it('have defaults', () => {
    expect(resolve({ code: './filters/auth.wasm' })).toEqual({
      code: './filters/auth.wasm',
      sha256: undefined,
      name: 'auth',
      rootId: '',
      configuration: new Uint8Array(0),
      vmId: undefined,
      vmConfiguration: new Uint8Array(0),
      environment: {},
      failurePolicy: 'fail-reload',
      inFlightPolicy: 'fail-closed',
      reloadBackoff: { baseIntervalMs: 1000, maxIntervalMs: 60_000 },
      capabilities: undefined,
      limits: DEFAULT_LIMITS,
      selfTest: undefined,
      watch: false,
      recycle: undefined,
      allowOnHeadersStopIteration: false,
      properties: undefined,
      upstreams: undefined,
      logger: undefined,
      trace: undefined,
    });
    expect(DEFAULT_LIMITS).toEqual({
      memoryBytes: 268_435_456,
      callbackTimeMs: 1000,
      pausedTimeMs: 300_000,
      bufferedBodyBytes: 1_048_576,
      upstreamCalls: 1024,
      upstreamBytes: 67_108_864,
      pairsBytes: 1_048_576,
      pairsEntries: 1024,
      headerBytes: 4_194_304,
      bodyBytes: 67_108_864,
      propertyBytes: 1_048_576,
      sharedDataBytes: 16_777_216,
      logLineBytes: 65_536,
      logLinesPerSecond: 10_000,
      startTimeMs: 30_000,
    });
  });

  it('send text as it is, bytes as they are, and the rest as JSON', () => {
    const bytesOf = (configuration: unknown): string =>
      Buffer.from(resolve({ code, configuration }).configuration).toString();
    expect(bytesOf('{"a": 1}')).toBe('{"a": 1}');
    expect(bytesOf(new Uint8Array([97, 98]))).toBe('ab');
    expect(bytesOf({ a: ['ü', 1, null] })).toBe('{"a":["ü",1,null]}');
    expect(bytesOf([1])).toBe('[1]');
    expect(bytesOf(null)).toBe('null');
    expect(bytesOf(false)).toBe('false');
    expect(bytesOf(undefined)).toBe('');
  });

  it('keep a copy of what can change', () => {
    const configuration = new Uint8Array([1]);
    const environment = { A: '1' };
    const resolved = resolve({ code, configuration, vm: { environment } });
    configuration[0] = 9;
    environment.A = '9';
    expect([...resolved.configuration]).toEqual([1]);
    expect(resolved.environment).toEqual({ A: '1' });
  });

  it.each<[string, object, string]>([
    ['no code', {}, 'code must be given, but is undefined'],
    ['code of a wrong kind', { code: 7 }, 'code must be a path, a URL, a Uint8Array'],
    ['an empty path', { code: '' }, 'but is ""'],
    [
      'an unknown option',
      { code, configration: {} },
      'configration is not an option; did you mean configuration?',
    ],
    ['an unknown option of another spelling', { code, root_id: '' }, 'did you mean rootId?'],
    ['an unknown option far from all', { code, zzzzzz: 1 }, 'the options are code, sha256'],
    ['an unknown limit', { code, limits: { memory: 1 } }, 'limits.memory is not an option'],
    [
      'a wrong limit',
      { code, limits: { memoryBytes: '256MB' } },
      'limits.memoryBytes must be a whole number of bytes above 0, but is "256MB"',
    ],
    ['a limit of nothing', { code, limits: { pausedTimeMs: 0 } }, 'limits.pausedTimeMs'],
    [
      'a time that is true',
      { code, limits: { callbackTimeMs: true } },
      'milliseconds above 0, or false, but is true',
    ],
    ['a short digest', { code, sha256: 'abc' }, 'sha256 must be a sha256 digest (64 hex digits)'],
    [
      'an unknown policy',
      { code, failurePolicy: 'open' },
      '"fail-closed" or "fail-open" or "fail-reload", but is "open"',
    ],
    [
      'an environment that is a list',
      { code, vm: { environment: [] } },
      'vm.environment must be an object, but is an array',
    ],
    [
      'a variable that is no text',
      { code, vm: { environment: { A: 1 } } },
      'vm.environment.A must be a string, but is 1',
    ],
    ['a variable with =', { code, vm: { environment: { 'A=B': '' } } }, 'vm.environment.A=B'],
    ['a variable with NUL', { code, vm: { environment: { A: 'x\0y' } } }, 'vm.environment.A'],
    [
      'capabilities that are no list',
      { code, capabilities: 'proxy_log' },
      'capabilities must be an array',
    ],
    [
      'a capability that is no text',
      { code, capabilities: ['a', 1] },
      'capabilities[1] must be a string',
    ],
    ['a logger without methods', { code, logger: {} }, "logger must be a logger of pino's shape"],
    [
      'an upstream without scheme',
      { code, upstreams: { a: 'host:80' } },
      'upstreams.a must be an http: or https:',
    ],
    [
      'an upstream without origin',
      { code, upstreams: { a: {} } },
      'upstreams.a.url must be given, once',
    ],
    [
      'a configuration with a bigint',
      { code, configuration: { a: 1n } },
      'configuration can not be written as JSON',
    ],
    [
      'a configuration that is a function',
      { code, configuration: () => 1 },
      'configuration must be text, bytes or a JSON value',
    ],
    [
      'a flag that is no flag',
      { code, allowOnHeadersStopIteration: 1 },
      'must be true or false, but is 1',
    ],
    [
      'properties of a wrong kind',
      { code, properties: 'a' },
      'properties must be an object or a function',
    ],
  ])('are refused: %s', (_what, options, message) => {
    expect(refusal(() => resolve(options))).toContain(message);
  });

  it('are refused when they are no object', () => {
    expect(refusal(() => resolve('./filter.wasm' as never))).toContain(
      'plugin options must be an object',
    );
  });

  it('that are undefined count as absent', () => {
    expect(resolve({ code, name: undefined, vm: undefined }).name).toBe('plugin');
  });

  it('never show a long text, which may be a secret', () => {
    const message = refusal(() => resolve({ code, vm: 'a-long-secret-that-nobody-should-see' }));
    expect(message).toBe('vm must be an object, but is a string');
  });

  it('take a WebAssembly.Module only without what needs its bytes', async () => {
    const module = await WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
    const limits = { callbackTimeMs: false };
    expect(resolve({ code: module, limits }).limits.callbackTimeMs).toBe(false);
    expect(refusal(() => resolve({ code: module }))).toContain('set it to false');
    const sha256 = 'a'.repeat(64);
    expect(refusal(() => resolve({ code: module, limits, sha256 }))).toContain('sha256');
    expect(
      refusal(() => resolve({ code: module, limits: { ...limits, memoryBytes: 1 } })),
    ).toContain('limits.memoryBytes');
  });
});

describe('options of remote code', () => {
  const sha256 = 'a'.repeat(64);
  const image = 'oci://ghcr.io/team/filter';

  it.each<[string, object]>([
    ['a URL with its digest', { code: 'https://host/a.wasm', sha256 }],
    ['a URL object, unpinned', { code: new URL('http://host/a.wasm'), allowUnpinned: true }],
    ['an image by the digest of its module', { code: `${image}:v1`, sha256 }],
    ['an image by the digest of its manifest', { code: `${image}@sha256:${sha256}` }],
    ['an image by both tag and digest', { code: `${image}:v1@sha256:${sha256}` }],
    ['an image, unpinned', { code: new URL(image), allowUnpinned: true }],
    [
      'all of codeSource',
      {
        code: `${image}:v1`,
        sha256,
        codeSource: {
          cacheDir: false,
          cacheTtlMs: 1,
          maxBytes: 1,
          timeoutMs: 1,
          retries: 0,
          retryBackoff: { baseIntervalMs: 1, maxIntervalMs: 1 },
          negativeCacheMs: false,
          headers: { 'x-token': 'secret' },
          credentials: { username: 'u', password: 'p' },
          dockerConfig: { auths: {}, credsStore: 'x' },
          plainHttp: true,
          tls: { ca: 'pem' },
          origin: 'http://127.0.0.1:1',
        },
      },
    ],
  ])('are taken: %s', (_what, options) => {
    expect(() => resolve(options)).not.toThrow();
  });

  it.each<[string, object, string]>([
    ['a URL without a digest', { code: 'https://host/a.wasm' }, 'sha256 must be given, since code'],
    ['a tag without a digest', { code: `${image}:v1` }, 'or @sha256:… in the place of the tag'],
    ['a URL that is none', { code: 'https://' }, 'code is a URL that can not be read'],
    ['an image without a registry', { code: 'oci:filter:v1' }, 'has no registry'],
    ['an image without a repository', { code: 'oci://ghcr.io/' }, 'has no repository'],
    ['a repository in capitals', { code: 'oci://ghcr.io/Team/filter' }, 'in small letters'],
    ['a tag that none can be', { code: `${image}:-v1` }, 'has a tag that none can be'],
    ['a digest of another kind', { code: `${image}@sha512:00` }, 'not sha256: and 64 small hex'],
    ['a digest that is cut off', { code: `${image}@sha256:00` }, 'not sha256: and 64 small hex'],
    [
      'watching',
      { code: 'https://host/a.wasm', allowUnpinned: true, watch: true },
      'watch is for files, but code is https://host/a.wasm; call reload()',
    ],
    ['a name of a header', { code, codeSource: { headers: { 'a b': '' } } }, 'codeSource.headers'],
    ['no password', { code, codeSource: { credentials: { username: 'u' } } }, 'password must be'],
    ['two kinds', { code, codeSource: { credentials: { token: 't', username: 'u' } } }, 'username'],
    ['no list of auths', { code, codeSource: { dockerConfig: { auths: 1 } } }, 'dockerConfig must'],
    ['an origin with a path', { code, codeSource: { origin: 'http://a/b' } }, 'codeSource.origin'],
    ['retries without end', { code, codeSource: { retries: Infinity } }, 'from 0 to 100'],
    [
      'a backoff that shrinks',
      { code, codeSource: { retryBackoff: { maxIntervalMs: 10 } } },
      'codeSource.retryBackoff.maxIntervalMs must be at least baseIntervalMs, but is 10',
    ],
    ['an unknown one', { code, codeSource: { cachedir: '/tmp' } }, 'did you mean cacheDir?'],
  ])('are refused: %s', (_what, options, message) => {
    expect(refusal(() => resolve(options))).toContain(message);
  });

  it.each<[string, object]>([
    ['user and query of a URL', { code: 'https://u:SECRET@host/a?sig=SECRET#SECRET' }],
    ['the user of an image', { code: 'oci://u:SECRET@ghcr.io/team/filter:v1' }],
    ['a URL that can not be read', { code: 'https://u:SECRET@' }],
    ['a header', { code, codeSource: { headers: { a: 'SECRET\n' } } }],
    ['credentials', { code, codeSource: { credentials: { token: ['SECRET'] } } }],
  ])('never show a secret: %s', (_what, options) => {
    const message = refusal(() => resolve(options));
    expect(message).not.toBe('');
    expect(message).not.toContain('SECRET');
  });

  it('give the plugin a name without tag, digest or user', () => {
    const name = (url: string): string => resolve({ code: url, allowUnpinned: true }).name;
    expect(name('https://u:p@host/a/my%20filter.wasm?sig=1')).toBe('my filter');
    expect(name('https://u:p@host')).toBe('plugin');
    expect(name(`${image}:v1@sha256:${sha256}`)).toBe('filter');
    expect(name('oci://u:p@localhost:5000/a/b')).toBe('b');
  });
});

describe('host options', () => {
  const check = (options: object) => () => {
    checkHostOptions(options);
  };

  it('are all optional', () => {
    expect(check({})).not.toThrow();
    expect(
      check({
        upstreams: { a: 'http://a:80', b: () => new Response(), c: { origin: 'https://c' } },
        resolveUpstream: () => undefined,
        logger: console,
        sharedState: createSharedState(),
        foreignFunctions: { f: () => undefined },
        hostFunctions: { f: () => 0 },
        clock: { nowNs: () => 0n },
      }),
    ).not.toThrow();
  });

  it.each<[string, object, string]>([
    ['unknown', { upstream: {} }, 'upstream is not an option; did you mean upstreams?'],
    ['a clock without nowNs', { clock: {} }, 'clock must be an object with a method nowNs'],
    [
      'a host function that is none',
      { hostFunctions: { f: 1 } },
      'hostFunctions.f must be a function',
    ],
  ])('are refused: %s', (_what, options, message) => {
    expect(refusal(check(options))).toContain(message);
  });
});

describe('nearestOf', () => {
  it('finds slips, and nothing where all is far', () => {
    expect(nearestOf('failure_policy', ['name', 'failurePolicy'])).toBe('failurePolicy');
    expect(nearestOf('cod', ['code', 'name'])).toBe('code');
    expect(nearestOf('somethingElse', ['code', 'name'])).toBeUndefined();
  });
});
