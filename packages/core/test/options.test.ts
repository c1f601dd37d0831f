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
    ['code of a wrong kind', { code: 7 }, 'code must be a path, a file: URL'],
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
