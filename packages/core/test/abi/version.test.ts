import { describe, expect, it } from 'vitest';

import { findAbiVersion, findMarkers } from '../../src/abi/version.js';

describe('findAbiVersion', () => {
  it('takes the first marker in the order of the exports', () => {
    expect(findAbiVersion(['a', 'proxy_abi_version_0_2_0', 'proxy_abi_version_0_2_1'])).toBe(
      '0.2.0',
    );
    expect(findAbiVersion(['proxy_abi_version_0_1_0', 'proxy_abi_version_0_2_0'])).toBe('0.1.0');
  });

  it('passes over markers of versions that it does not know', () => {
    expect(findAbiVersion(['proxy_abi_version_9_9_9', 'proxy_abi_version_0_2_1'])).toBe('0.2.1');
    expect(findAbiVersion(['proxy_abi_version_9_9_9', 'toString'])).toBeUndefined();
  });

  it('lists everything that looks like a marker', () => {
    expect(findMarkers(['malloc', 'proxy_abi_version_9_9_9'])).toEqual(['proxy_abi_version_9_9_9']);
  });
});
