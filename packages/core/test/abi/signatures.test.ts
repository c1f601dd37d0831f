import { describe, expect, it } from 'vitest';

import { CALLBACK_SIGNATURES, exportSignatures } from '../../src/abi/callback-signatures.js';
import { HOSTCALL_SIGNATURES } from '../../src/abi/hostcall-signatures.js';
import { resultsOf, shorthand, signatureOf } from '../../src/abi/signature.js';
import { WASI_SIGNATURES } from '../../src/abi/wasi-signatures.js';
import { findCallbacks } from '../../src/vm/callbacks.js';

describe('signatures', () => {
  it('are written as text', () => {
    expect(signatureOf(['i32', 'i64'], ['i32'])).toBe('(i32, i64) -> (i32)');
    expect(shorthand('', '')).toBe('() -> ()');
    expect(shorthand('iI', 'i')).toBe('(i32, i64) -> (i32)');
  });

  it('tell their results', () => {
    expect(resultsOf('(i32) -> (i64)')).toEqual(['i64']);
    expect(resultsOf('(i32) -> ()')).toEqual([]);
    expect(resultsOf('() -> (i32, i64)')).toEqual(['i32', 'i64']);
  });
});

describe('hostcall signatures', () => {
  it('are the 43 of the spec and three beyond it', () => {
    const names = Object.keys(HOSTCALL_SIGNATURES);
    expect(names.filter((name) => name.startsWith('proxy_'))).toHaveLength(43);
    expect(names.filter((name) => !name.startsWith('proxy_'))).toEqual([
      'pthread_equal',
      'emscripten_notify_memory_growth',
      'envoy_resolve_dns',
    ]);
  });

  it('count as many functions per version as the spec lists', () => {
    const count = (version: string): number =>
      Object.values(HOSTCALL_SIGNATURES).filter(({ abiVersions }) =>
        (abiVersions as readonly string[]).includes(version),
      ).length - 3;
    expect([count('0.1.0'), count('0.2.0'), count('0.2.1')]).toEqual([40, 38, 39]);
  });

  it('have i64 in the two metric functions only', () => {
    const wide = Object.entries(HOSTCALL_SIGNATURES).filter(([, { signature }]) =>
      signature.includes('i64'),
    );
    expect(wide.map(([name]) => name)).toEqual(['proxy_increment_metric', 'proxy_record_metric']);
  });

  it('answer a status, but for the notification of memory growth', () => {
    for (const [name, { signature }] of Object.entries(HOSTCALL_SIGNATURES)) {
      const expected = name === 'emscripten_notify_memory_growth' ? '-> ()' : '-> (i32)';
      expect(signature.endsWith(expected), name).toBe(true);
    }
  });
});

describe('WASI signatures', () => {
  it('are the 45 functions of preview 1 that have an errno, and proc_exit', () => {
    expect(Object.keys(WASI_SIGNATURES)).toHaveLength(45);
    expect(WASI_SIGNATURES['proc_exit']).toEqual(['(i32) -> ()']);
  });

  it('take both forms of path_link and path_symlink', () => {
    expect(WASI_SIGNATURES['path_link']?.map((text) => text.split(',').length)).toEqual([7, 6]);
    expect(WASI_SIGNATURES['path_symlink']?.map((text) => text.split(',').length)).toEqual([5, 4]);
  });
});

describe('callback signatures', () => {
  it('cover every callback that the host looks up', () => {
    const asked: string[] = [];
    const exports = new Proxy({}, { get: (_target, name) => void asked.push(String(name)) });
    findCallbacks(exports);
    expect(asked.filter((name) => !(name in CALLBACK_SIGNATURES))).toEqual([]);
  });

  it('take two or three parameters for header callbacks of 0.1.0, and three later', () => {
    const two = '(i32, i32) -> (i32)';
    expect(exportSignatures('proxy_on_request_headers', '0.1.0', true)).toContain(two);
    expect(exportSignatures('proxy_on_request_headers', '0.2.0', true)).not.toContain(two);
  });

  it('do not care about a main that is not called', () => {
    expect(exportSignatures('main', '0.2.1', false)).toBeUndefined();
    expect(exportSignatures('main', '0.2.1', true)).toEqual(['(i32, i32) -> (i32)']);
  });
});
