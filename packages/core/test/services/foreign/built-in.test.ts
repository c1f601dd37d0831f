import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { deflateSync, inflateSync } from 'node:zlib';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { encodePropertyValue, type PropertyValue } from '../../../src/abi/property-value.js';
import { Status } from '../../../src/abi/types.js';
import { BUILT_IN } from '../../../src/services/foreign/built-in.js';
import { ForeignFailure, type ForeignCaller } from '../../../src/services/foreign/caller.js';

const bytes = (text: string): Uint8Array => Buffer.from(text);

/** A protobuf message, written apart from the library that reads it. */
function message(...fields: [number, string | Uint8Array | number][]): Buffer {
  const varint = (value: number): number[] =>
    value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
  return Buffer.concat(
    fields.map(([field, value]) => {
      if (typeof value === 'number') return Buffer.from([field << 3, ...varint(value)]);
      const content = Buffer.from(value as string);
      return Buffer.concat([Buffer.from([(field << 3) | 2, ...varint(content.length)]), content]);
    }),
  );
}

class Caller implements ForeignCaller {
  vm = {};
  result: 'ok' | 'no-stream' | 'read-only' = 'ok';
  properties: Record<string, PropertyValue> = {};
  stored: [string, string][] = [];
  declared: [string, boolean][] = [];
  property(path: readonly string[]): PropertyValue | undefined {
    return this.properties[path.join('|')];
  }
  setProperty(path: string, value: Uint8Array) {
    if (this.result === 'ok') this.stored.push([path, Buffer.from(value).toString()]);
    return this.result;
  }
  declareProperty(name: string, readOnly: boolean): boolean {
    this.declared.push([name, readOnly]);
    return this.declared.filter(([other]) => other === name).length === 1;
  }
}

const run = (name: string, argument: Uint8Array, caller = new Caller()): Buffer =>
  Buffer.from(BUILT_IN.get(name)!(argument, caller) ?? []);

function statusOf(action: () => unknown): Status {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(ForeignFailure);
    return (error as ForeignFailure).status;
  }
  return Status.OK;
}

describe('compress and uncompress', () => {
  it('are zlib’s, each the other’s opposite', () => {
    const text = bytes('text '.repeat(100));
    expect(inflateSync(run('compress', text))).toEqual(text);
    expect(run('uncompress', deflateSync(text))).toEqual(text);
    fc.assert(
      fc.property(fc.uint8Array(), (data) => {
        expect(run('uncompress', run('compress', data))).toEqual(Buffer.from(data));
      }),
    );
  });

  it.each([
    ['no zlib data', bytes('text')],
    ['what is cut off', deflateSync(bytes('text')).subarray(0, 6)],
    ['what unpacks to more than 16 MiB', deflateSync(Buffer.alloc(16 * 1024 * 1024 + 1))],
  ])('refuse %s', (_what, argument) => {
    expect(statusOf(() => run('uncompress', argument))).toBe(Status.SERIALIZATION_FAILURE);
  });

  it('refuse to compress more than 16 MiB', () => {
    const argument = Buffer.alloc(16 * 1024 * 1024 + 1);
    expect(statusOf(() => run('compress', argument))).toBe(Status.SERIALIZATION_FAILURE);
  });
});

it('clear_route_cache takes anything and answers nothing', () => {
  expect(run('clear_route_cache', bytes('x'))).toHaveLength(0);
});

describe('set_envoy_filter_state', () => {
  it('keeps a value under its path', () => {
    const caller = new Caller();
    run('set_envoy_filter_state', message([1, 'envoy.string'], [2, 'value'], [3, 1]), caller);
    expect(caller.stored).toEqual([['filter_state\0envoy.string', 'value']]);
  });

  it.each<[string, Uint8Array, Caller['result'], Status]>([
    ['without a path', message([2, 'value']), 'ok', Status.BAD_ARGUMENT],
    ['that is no message', Buffer.from([0xff]), 'ok', Status.BAD_ARGUMENT],
    ['that is cut off', message([1, 'path']).subarray(0, 4), 'ok', Status.BAD_ARGUMENT],
    ['outside a stream', message([1, 'path']), 'no-stream', Status.NOT_FOUND],
    ['on what is read-only', message([1, 'path']), 'read-only', Status.BAD_ARGUMENT],
  ])('an argument %s', (_what, argument, result, status) => {
    const caller = new Caller();
    caller.result = result;
    expect(statusOf(() => run('set_envoy_filter_state', argument, caller))).toBe(status);
  });
});

describe('declare_property', () => {
  it('declares a name once', () => {
    const caller = new Caller();
    const declare = (argument: Uint8Array) => run('declare_property', argument, caller);
    declare(message([1, 'a'], [2, 1], [3, 1], [4, 'schema'], [5, 2]));
    declare(message([1, 'b'], [3, 3]));
    expect(caller.declared).toEqual([
      ['a', true],
      ['b', false],
    ]);
    expect(statusOf(() => declare(message([1, 'a'])))).toBe(Status.BAD_ARGUMENT);
    expect(statusOf(() => declare(bytes('x')))).toBe(Status.BAD_ARGUMENT);
  });
});

describe('sign and verify_signature', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const der = (key: (typeof rsa)['publicKey']) => key.export({ format: 'der', type: 'spki' });
  const pem = (key: (typeof rsa)['publicKey']) => key.export({ format: 'pem', type: 'spki' });

  it.each([
    ['RSA', rsa],
    ['ECDSA', ec],
  ])('%s: what one signs the other takes, DER and PEM', (_what, { privateKey, publicKey }) => {
    const keys = [
      [2, privateKey.export({ format: 'der', type: 'pkcs8' })],
      [4, privateKey.export({ format: 'pem', type: 'pkcs8' })],
    ] as [number, string | Uint8Array][];
    for (const key of keys) {
      const signed = run('sign', message([1, 'SHA256'], [3, 'text'], key));
      expect([...signed.subarray(0, 3)]).toEqual([8, 1, 0x12]);
      const size = signed.length - (signed[3]! >= 0x80 ? 5 : 4);
      const signature = signed.subarray(-size);
      expect(verify('sha256', bytes('text'), publicKey, signature)).toBe(true);
      for (const field of [
        [2, der(publicKey)],
        [5, pem(publicKey)],
      ] as [number, string | Uint8Array][]) {
        const argument = message([1, 'sha256'], [3, signature], [4, 'text'], field);
        expect([...run('verify_signature', argument)]).toEqual([8, 1]);
      }
    }
  });

  it('a signature of another text is not valid', () => {
    const signature = sign('sha256', bytes('text'), rsa.privateKey);
    const key: [number, Uint8Array] = [2, der(rsa.publicKey)];
    const argument = message([1, 'sha256'], key, [3, signature], [4, 'other']);
    const answer = run('verify_signature', argument).toString();
    expect(answer).toBe('\x12\x1athe signature is not valid');
  });

  it.each([
    ['a hash function', message([1, 'md5'], [2, der(rsa.publicKey)]), 'md5 is not supported.'],
    ['a key', message([1, 'sha256'], [2, 'no key']), ''],
  ])('%s that is not known is part of the answer', (_what, argument, text) => {
    const answer = run('verify_signature', argument);
    expect(answer[0]).toBe(0x12);
    expect(answer.subarray(2).toString()).toContain(text);
    expect(run('sign', argument)[0]).toBe(0x1a);
  });

  it('need exactly one key', () => {
    for (const name of ['sign', 'verify_signature']) {
      expect(statusOf(() => run(name, message([1, 'sha256'])))).toBe(Status.BAD_ARGUMENT);
      const both = message([1, 'sha256'], [2, 'a'], [name === 'sign' ? 4 : 5, 'b']);
      expect(statusOf(() => run(name, both))).toBe(Status.BAD_ARGUMENT);
    }
  });
});

describe('expressions', () => {
  const create = (text: string, caller: Caller) => run('expr_create', bytes(text), caller);

  function evaluate(text: string, properties: Caller['properties'] = {}): Buffer {
    const caller = new Caller();
    caller.properties = properties;
    return run('expr_evaluate', create(text, caller), caller);
  }
  const is = (text: string, properties?: Caller['properties']): boolean =>
    evaluate(text, properties)[0] === 1;

  const REQUEST: Caller['properties'] = {
    'request|path': '/api/x',
    'request|headers': { host: 'a', 'x-user': bytes('grüße') },
    'request|headers|host': 'a',
    'request|headers|x-user': bytes('grüße'),
    'request|time': 1_700_000_000_123_000_000n,
    'request|size': 42,
    'connection|mtls': true,
    plugin_name: 'auth',
    'filter_state|a.b': bytes('stored'),
    'metadata|filter_metadata|ns|key': 'v',
    node: { id: 'n', metadata: { k: [1, 2] } },
  };

  it.each([
    'request.path == "/api/x" && request.path.startsWith("/api")',
    'request.headers["host"] == "a" && request.headers.host == "a"',
    'request.headers["x-user"] == "grüße" && "host" in request.headers',
    'has(request.headers.host) && !has(request.headers.other)',
    '!("other" in request.headers) && !has(request.nothing)',
    'request.size == 42 && request.size + 1 == 43 && request.size > 41u',
    'connection.mtls',
    'request.time > timestamp("2023-01-01T00:00:00Z")',
    'request.time.getFullYear() == 2023',
    'plugin_name == "auth"',
    'filter_state["a.b"] == b"stored"',
    'metadata.filter_metadata["ns"]["key"] == "v" && !has(metadata.filter_metadata.ns.other)',
    'node.id == "n" && node.metadata.k[1] == 2',
    'request.path.matches("^/a.i/")',
    'request.nothing == 1 || true',
    '(has(request.headers.other) ? request.headers.other : "none") == "none"',
  ])('%s', (text) => {
    expect(is(text, REQUEST)).toBe(true);
  });

  it.each<[string, PropertyValue]>([
    ['"text"', 'text'],
    ['1 + 1', 2],
    ['5u', 5],
    ['true', true],
    ['b"ab"', bytes('ab')],
    ['[1, 2]', [1, 2]],
    ['{"a": "b"}', { a: 'b' }],
    ['duration("1.5s")', 1_500_000_000n],
    ['timestamp("1970-01-01T00:00:01Z")', 1_000_000_000n],
    ['request.headers', REQUEST['request|headers']!],
    ['request.time', REQUEST['request|time']!],
  ])('%s has a property’s bytes', (text, value) => {
    expect(evaluate(text, REQUEST)).toEqual(Buffer.from(encodePropertyValue(value)!));
  });

  it('a double has eight bytes of a double', () => {
    expect(evaluate('2.0').readDoubleLE()).toBe(2);
  });

  it.each([
    ['null', Status.SERIALIZATION_FAILURE],
    ['[null]', Status.SERIALIZATION_FAILURE],
    ['type(1)', Status.SERIALIZATION_FAILURE],
    ['request.nothing == 1', Status.INTERNAL_FAILURE],
    ['nothing', Status.INTERNAL_FAILURE],
    ['1 / 0', Status.INTERNAL_FAILURE],
    ['"a" + 1', Status.INTERNAL_FAILURE],
  ])('%s has no value: %d', (text, status) => {
    expect(statusOf(() => evaluate(text))).toBe(status);
  });

  it.each([
    ['', 'text that is no CEL'],
    ['1 +', 'text that is no CEL'],
    ['[1, 2].all(x, x > 0)', 'comprehensions, whose work is not bounded'],
    ['1 == 2 || [[1].map(x, x)] == []', 'comprehensions further in'],
    [`"${'x'.repeat(16 * 1024)}"`, 'what is too long'],
    ['('.repeat(8000), 'what is nested too deep'],
  ])('%.30s is refused: %s', (text) => {
    expect(statusOf(() => create(text, new Caller()))).toBe(Status.BAD_ARGUMENT);
  });

  it('are found by their token, in their own VM, until they are deleted', () => {
    const [a, b] = [new Caller(), new Caller()];
    const tokens = ['1', '2'].map((text) => create(text, a));
    expect(tokens.map((token) => token.readUInt32LE())).toEqual([1, 2]);
    expect(run('expr_evaluate', tokens[1]!, a)[0]).toBe(2);
    expect(statusOf(() => run('expr_evaluate', tokens[1]!, b))).toBe(Status.NOT_FOUND);
    run('expr_delete', tokens[1]!, a);
    run('expr_delete', tokens[1]!, a);
    expect(statusOf(() => run('expr_evaluate', tokens[1]!, a))).toBe(Status.NOT_FOUND);
    expect(run('expr_evaluate', tokens[0]!, a)[0]).toBe(1);
    expect(statusOf(() => run('expr_delete', bytes('abc'), a))).toBe(Status.BAD_ARGUMENT);
  });

  it('do not take exponential time in a regular expression', () => {
    const before = performance.now();
    expect(is(`"${'a'.repeat(40)}!".matches("^(a+)+$")`)).toBe(false);
    expect(performance.now() - before).toBeLessThan(10_000);
  });
});

it('no function throws anything but a failure with a status, whatever its argument', () => {
  fc.assert(
    fc.property(fc.constantFrom(...BUILT_IN.keys()), fc.uint8Array(), (name, argument) => {
      statusOf(() => run(name, argument));
    }),
    { numRuns: 500 },
  );
});
