import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import type { QueueListener, SharedState } from '../../src/index.js';

/** Every byte that a key may hold, and what text encodings are prone to change. */
const ODD_KEYS = ['', '\0', 'a\0b', '\xff\xfe', 'gr\xc3\xbc\xc3\x9fe', 'gr\xfc\xdfe', '__proto__'];

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));

function listener(): QueueListener & { calls: number[] } {
  const calls: number[] = [];
  return { calls, queueReady: (id) => calls.push(id) };
}

/** Time for calls of listeners that should not come. */
const quiet = () => new Promise((resolve) => setTimeout(resolve, 20));

/**
 * The contract of {@link SharedState}, as tests of any store.
 *
 * @param create a store that is empty, or whose vm ids beginning with `suite-` are
 */
export function sharedStateSuite(create: () => SharedState | Promise<SharedState>): void {
  let state: SharedState;
  const vmId = 'suite-a';

  beforeEach(async () => {
    state = await create();
    state.acquire(vmId);
  });

  const text = (key: string, of = vmId): string | undefined => {
    const found = state.get(of, key);
    return found === undefined ? undefined : Buffer.from(found.value).toString('latin1');
  };
  const casOf = (key: string): number => state.get(vmId, key)?.cas ?? 0;

  describe('data', () => {
    it('are what was written last, each with a version of its own', () => {
      expect(state.get(vmId, 'k')).toBeUndefined();
      expect(state.set(vmId, 'k', bytes('one'), 0)).toBe('ok');
      const first = casOf('k');
      expect(state.set(vmId, 'k', bytes('two'), 0)).toBe('ok');
      expect(text('k')).toBe('two');
      expect(first).toBeGreaterThan(0);
      expect(casOf('k')).not.toBe(first);
      expect(casOf('k')).toBeLessThanOrEqual(0xffff_ffff);
    });

    it('get a new version even where the bytes are the same', () => {
      state.set(vmId, 'k', bytes('same'), 0);
      const first = casOf('k');
      state.set(vmId, 'k', bytes('same'), 0);
      expect(casOf('k')).not.toBe(first);
    });

    it('are written with the right version only', () => {
      state.set(vmId, 'k', bytes('one'), 0);
      const stale = casOf('k');
      expect(state.set(vmId, 'k', bytes('two'), stale)).toBe('ok');
      expect(state.set(vmId, 'k', bytes('three'), stale)).toBe('cas-mismatch');
      expect(text('k')).toBe('two');
    });

    it('that are not there are written whatever the version', () => {
      expect(state.set(vmId, 'new', bytes('x'), 4711)).toBe('ok');
      expect(text('new')).toBe('x');
    });

    it('that were deleted and written again do not have a version of before', () => {
      state.set(vmId, 'k', bytes('one'), 0);
      const stale = casOf('k');
      expect(state.delete(vmId, 'k')).toBe(true);
      expect([state.delete(vmId, 'k'), text('k')]).toEqual([false, undefined]);
      state.set(vmId, 'k', bytes('one'), 0);
      expect(state.set(vmId, 'k', bytes('two'), stale)).toBe('cas-mismatch');
    });

    it('may be empty, and any bytes', () => {
      const all = Uint8Array.from({ length: 256 }, (_, index) => index);
      state.set(vmId, 'empty', new Uint8Array(0), 0);
      state.set(vmId, 'all', all, 0);
      expect(state.get(vmId, 'empty')?.value.length).toBe(0);
      expect([...(state.get(vmId, 'all')?.value ?? [])]).toEqual([...all]);
    });

    it('have keys of any bytes, none like another', () => {
      for (const key of ODD_KEYS) state.set(vmId, key, bytes(`value of ${key}`), 0);
      for (const key of ODD_KEYS) expect(text(key)).toBe(`value of ${key}`);
      const entries = [...state.entries(vmId)].map(([key]) => key);
      expect(entries.sort()).toEqual([...ODD_KEYS].sort());
    });

    it('are told apart by vm id', () => {
      state.acquire('suite-b');
      state.set(vmId, 'k', bytes('a'), 0);
      state.set('suite-b', 'k', bytes('b'), 0);
      expect([text('k'), text('k', 'suite-b'), text('k', 'suite-c')]).toEqual([
        'a',
        'b',
        undefined,
      ]);
      expect([...state.entries('suite-c')]).toEqual([]);
      expect(state.delete('suite-c', 'k')).toBe(false);
    });

    it('lose no increment, whatever the order in which several read and write', () => {
      const steps = fc.array(fc.tuple(fc.nat(3), fc.boolean()), { maxLength: 60 });
      fc.assert(
        fc.property(steps, (list) => {
          state.set(vmId, 'count', bytes('0'), 0);
          const read = new Map<number, { cas: number; count: number }>();
          let written = 0;
          for (const [who, reads] of list) {
            const before = read.get(who);
            if (reads || before === undefined) {
              read.set(who, { cas: casOf('count'), count: Number(text('count')) });
            } else if (
              state.set(vmId, 'count', bytes(String(before.count + 1)), before.cas) === 'ok'
            ) {
              written += 1;
            }
          }
          expect(Number(text('count'))).toBe(written);
        }),
        { numRuns: 50 },
      );
    });
  });

  describe('queues', () => {
    const register = (name: string, on: QueueListener = listener()): number => {
      const id = state.registerQueue(vmId, name, on);
      if (id === 'full') throw new Error('full');
      return id;
    };
    const take = (id: number): string => {
      const message = state.dequeue(id);
      return typeof message === 'string' ? message : Buffer.from(message).toString('latin1');
    };

    it('have an id from 1 on, the same for the same vm id and name', () => {
      const id = register('q');
      expect(id).toBeGreaterThan(0);
      expect(register('q')).toBe(id);
      expect(register('other')).not.toBe(id);
      expect([state.resolveQueue(vmId, 'q'), state.resolveQueue('suite-b', 'q')]).toEqual([
        id,
        undefined,
      ]);
      state.acquire('suite-b');
      expect(state.registerQueue('suite-b', 'q', listener())).not.toBe(id);
    });

    it('have names of any bytes', () => {
      const ids = ODD_KEYS.map((name) => register(name));
      expect(new Set(ids).size).toBe(ODD_KEYS.length);
      expect(ODD_KEYS.map((name) => state.resolveQueue(vmId, name))).toEqual(ids);
    });

    it('give messages first in, first out, byte by byte', () => {
      const id = register('q');
      expect(take(id)).toBe('empty');
      for (const message of ['one', '', '\0\xff']) {
        expect(state.enqueue(id, bytes(message))).toBe('ok');
      }
      expect([take(id), take(id), take(id), take(id)]).toEqual(['one', '', '\0\xff', 'empty']);
    });

    it('do not exist before they are registered', () => {
      const unknown = register('q') + 1000;
      expect(state.enqueue(unknown, bytes('x'))).toBe('not-found');
      expect(state.dequeue(unknown)).toBe('not-found');
      expect(state.dequeue(0)).toBe('not-found');
    });

    it('behave like lists', () => {
      let run = 0;
      fc.assert(
        fc.property(fc.array(fc.option(fc.string()), { maxLength: 100 }), (steps) => {
          const id = register(`list ${String((run += 1))}`);
          const model: string[] = [];
          for (const step of steps) {
            if (step === null) expect(take(id)).toBe(model.shift() ?? 'empty');
            else {
              const message = Buffer.from(step).toString('latin1');
              model.push(message);
              expect(state.enqueue(id, bytes(message))).toBe('ok');
            }
          }
          while (model.length > 0) expect(take(id)).toBe(model.shift());
          expect(take(id)).toBe('empty');
        }),
        { numRuns: 50 },
      );
    });

    it('call the listener once for each message, after enqueue has returned', async () => {
      const consumer = listener();
      const id = register('q', consumer);
      for (let index = 0; index < 3; index += 1) state.enqueue(id, bytes('x'));
      expect(consumer.calls).toEqual([]);
      await vi.waitFor(() => {
        expect(consumer.calls).toEqual([id, id, id]);
      });
      await quiet();
      expect(consumer.calls).toHaveLength(3);
    });

    it('keep their messages where they are registered again, and call the newest listener', async () => {
      const [first, second] = [listener(), listener()];
      const id = register('q', first);
      state.enqueue(id, bytes('kept'));
      register('q', second);
      state.enqueue(id, bytes('x'));
      await vi.waitFor(() => {
        expect(second.calls.length + first.calls.length).toBe(2);
      });
      state.enqueue(id, bytes('x'));
      await vi.waitFor(() => {
        expect(second.calls.at(-1)).toBe(id);
      });
      expect(take(id)).toBe('kept');
      await quiet();
      expect(second.calls.length + first.calls.length).toBe(3);
      expect(first.calls.length).toBeLessThanOrEqual(1);
    });

    it('call the listener before the one that was removed, and none where none is left', async () => {
      const [first, second] = [listener(), listener()];
      const id = register('q', first);
      register('q', second);
      state.removeListener(second);
      state.enqueue(id, bytes('x'));
      await vi.waitFor(() => {
        expect(first.calls).toEqual([id]);
      });
      state.removeListener(first);
      state.enqueue(id, bytes('y'));
      await quiet();
      expect([first.calls, second.calls]).toEqual([[id], []]);
    });

    it('tell a new listener of messages that nobody was told of', async () => {
      const first = listener();
      const id = register('q', first);
      state.removeListener(first);
      state.enqueue(id, bytes('1'));
      state.enqueue(id, bytes('2'));
      await quiet();
      const second = listener();
      register('q', second);
      expect(second.calls).toEqual([]);
      await vi.waitFor(() => {
        expect(second.calls).toEqual([id, id]);
      });
      await quiet();
      expect([take(id), take(id), second.calls.length]).toEqual(['1', '2', 2]);
    });

    it('tell the next listener what the one that was removed had not passed on', async () => {
      const first = { ...listener(), untold: (of: number) => (of === id ? 2 : 9) };
      const id = register('q', first);
      for (const message of ['1', '2', '3']) state.enqueue(id, bytes(message));
      await vi.waitFor(() => {
        expect(first.calls).toHaveLength(3);
      });
      expect(take(id)).toBe('1');
      state.removeListener(first);
      const second = listener();
      register('q', second);
      await vi.waitFor(() => {
        expect(second.calls).toEqual([id, id]);
      });
      await quiet();
      expect([take(id), take(id), second.calls.length]).toEqual(['2', '3', 2]);
    });

    it('let a listener that feeds its own queue not keep others from their turn', async () => {
      const consumer = listener();
      const id = register('q', {
        queueReady: () => {
          consumer.queueReady(id);
          if (consumer.calls.length < 50) state.enqueue(id, bytes('again'));
        },
      });
      state.enqueue(id, bytes('x'));
      let turns = 0;
      while (consumer.calls.length < 50) {
        await new Promise((resolve) => setImmediate(resolve));
        turns += 1;
      }
      expect(turns).toBeGreaterThan(10);
    });
  });

  it('keeps what belongs to a vm id as long as somebody uses it', () => {
    state.acquire(vmId);
    state.set(vmId, 'k', bytes('x'), 0);
    state.release(vmId);
    expect(text('k')).toBe('x');
  });
}
