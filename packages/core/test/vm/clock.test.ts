import { afterEach, expect, it, vi } from 'vitest';

import { wallClockNs } from '../../src/vm/clock.js';

afterEach(() => vi.restoreAllMocks());

it('tells the system’s time, to within its tolerance', () => {
  for (let round = 0; round < 100; round += 1) {
    const beforeMs = Date.now();
    const nowMs = Number(wallClockNs() / 1_000_000n);
    expect(nowMs).toBeGreaterThanOrEqual(beforeMs - 4);
    expect(nowMs).toBeLessThanOrEqual(Date.now() + 4);
  }
});

it('moves between milliseconds', () => {
  const stepsNs = Array.from({ length: 20 }, () => {
    const start = wallClockNs();
    let later = wallClockNs();
    while (later === start) later = wallClockNs();
    return Number(later - start);
  });
  // Others may have had the processor during one of them.
  expect(Math.min(...stepsNs)).toBeLessThan(1_000_000);
});

it('follows a system clock that was set', () => {
  const hourMs = 3_600_000;
  const setMs = Date.now() + hourMs;
  vi.spyOn(Date, 'now').mockReturnValue(setMs);
  expect(wallClockNs()).toBe(BigInt(setMs) * 1_000_000n);
});
