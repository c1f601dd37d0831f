import { afterEach, describe, expect, it, vi } from 'vitest';

import { Timers, type TimerOwner } from '../../src/services/timers.js';
import { TestClock } from '../support/test-clock.js';

class Owner implements TimerOwner {
  ticks: number[] = [];
  cleanups: (() => void)[] = [];
  onTick: () => void = () => undefined;
  atEnd(cleanup: () => void): void {
    this.cleanups.push(cleanup);
  }
  end(): void {
    for (const cleanup of this.cleanups) cleanup();
  }
}

function setUp() {
  const clock = new TestClock();
  const timers = new Timers(clock);
  const owner = new Owner();
  const ticks: number[] = [];
  owner.onTick = () => ticks.push(Number(clock.nowNs() / 1_000_000n));
  return { clock, timers, owner, ticks };
}

describe('a timer', () => {
  it('fires after each period', () => {
    const { clock, timers, owner, ticks } = setUp();
    timers.setPeriod(owner, 100);
    clock.advance(350);
    expect(ticks).toEqual([100, 200, 300]);
  });

  it('starts anew with another period', () => {
    const { clock, timers, owner, ticks } = setUp();
    timers.setPeriod(owner, 100);
    clock.advance(90);
    timers.setPeriod(owner, 30);
    clock.advance(60);
    expect(ticks).toEqual([120, 150]);
    expect(clock.waiting).toBe(1);
  });

  it('stops with a period of 0', () => {
    const { clock, timers, owner, ticks } = setUp();
    timers.setPeriod(owner, 100);
    timers.setPeriod(owner, 0);
    clock.advance(500);
    expect([ticks, clock.waiting]).toEqual([[], 0]);
  });

  it('waits a period after its callback has returned, however long that took', () => {
    const { clock, timers, owner, ticks } = setUp();
    owner.onTick = () => {
      ticks.push(Number(clock.nowNs() / 1_000_000n));
      clock.advance(250);
    };
    timers.setPeriod(owner, 100);
    clock.advance(100);
    expect(ticks).toEqual([100]);
    owner.onTick = () => ticks.push(Number(clock.nowNs() / 1_000_000n));
    clock.advance(350);
    expect(ticks[1]).toBeGreaterThanOrEqual(450);
  });

  it('takes a new period, or none, from within its callback', () => {
    const { clock, timers, owner, ticks } = setUp();
    owner.onTick = () => {
      ticks.push(Number(clock.nowNs() / 1_000_000n));
      timers.setPeriod(owner, ticks.length === 3 ? 0 : 10);
    };
    timers.setPeriod(owner, 100);
    clock.advance(1000);
    expect([ticks, clock.waiting]).toEqual([[100, 110, 120], 0]);
  });

  it('goes on where the callback throws', () => {
    const { clock, timers, owner, ticks } = setUp();
    owner.onTick = () => {
      ticks.push(0);
      throw new Error('of the app');
    };
    timers.setPeriod(owner, 100);
    expect(() => clock.advance(100)).toThrow('of the app');
    expect(() => clock.advance(100)).toThrow('of the app');
    expect(ticks).toHaveLength(2);
  });

  it('ends with its owner, and is forgotten', () => {
    const { clock, timers, owner, ticks } = setUp();
    timers.setPeriod(owner, 100);
    expect(timers.size).toBe(1);
    owner.end();
    expect([timers.size, clock.waiting]).toEqual([0, 0]);
    clock.advance(1000);
    expect(ticks).toEqual([]);
  });

  it('never starts for an owner that has ended', () => {
    const { clock, timers, owner } = setUp();
    owner.atEnd = (cleanup) => cleanup();
    timers.setPeriod(owner, 100);
    expect([timers.size, clock.waiting]).toEqual([0, 0]);
  });

  it('never fires after it was cancelled, even where the clock forgets to', () => {
    const { clock, timers, owner, ticks } = setUp();
    vi.spyOn(clock, 'clearTimer').mockImplementation(() => undefined);
    timers.setPeriod(owner, 100);
    timers.setPeriod(owner, 30);
    clock.advance(100);
    expect(ticks).toEqual([30, 60, 90]);
  });

  it('is its owner’s alone', () => {
    const { clock, timers, owner, ticks } = setUp();
    const other = new Owner();
    other.onTick = () => ticks.push(-1);
    timers.setPeriod(owner, 100);
    timers.setPeriod(other, 70);
    clock.advance(150);
    expect(ticks).toEqual([-1, 100, -1]);
  });
});

describe('without a clock', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([0x8000_0000, 0xffff_ffff])(
    'a period of %d ms, more than Node counts, is 24 days',
    (periodMs) => {
      vi.useFakeTimers();
      const owner = new Owner();
      let ticks = 0;
      owner.onTick = () => (ticks += 1);
      new Timers(undefined).setPeriod(owner, periodMs);
      vi.advanceTimersByTime(0x7fff_fffe);
      expect(ticks).toBe(0);
      vi.advanceTimersByTime(1);
      expect(ticks).toBe(1);
    },
  );

  it('runs on the process’s own timers and does not keep it alive', () => {
    const set = vi.spyOn(globalThis, 'setTimeout');
    const owner = new Owner();
    new Timers(undefined).setPeriod(owner, 10_000);
    const timer = set.mock.results[0]?.value as NodeJS.Timeout;
    expect(timer.hasRef()).toBe(false);
    owner.end();
    set.mockRestore();
  });
});
