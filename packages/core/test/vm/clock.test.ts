import { afterEach, expect, it, vi } from 'vitest';

import { wallClockNs } from '../../src/vm/clock.js';

afterEach(() => vi.restoreAllMocks());

it('tells the system’s time, to within its tolerance', () => {
  for (let round = 0; round < 100; round += 1) {
    const offMs = Number(wallClockNs() / 1_000_000n) - Date.now();
    expect(Math.abs(offMs)).toBeLessThanOrEqual(4);
  }
});

it('moves between milliseconds', () => {
  const start = wallClockNs();
  let later = wallClockNs();
  while (later === start) later = wallClockNs();
  expect(later - start).toBeLessThan(1_000_000n);
});

it('follows a system clock that was set', () => {
  const hourMs = 3_600_000;
  const setMs = Date.now() + hourMs;
  vi.spyOn(Date, 'now').mockReturnValue(setMs);
  expect(wallClockNs()).toBe(BigInt(setMs) * 1_000_000n);
});
