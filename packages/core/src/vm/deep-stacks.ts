/**
 * Deep stacks, where a trap is likely. V8 keeps ten frames of a stack, and a Rust panic alone takes
 * more than that until it traps; to have it keep more costs a little for every call into a guest. But a
 * runtime that gives up says so on its error output first: from then on, until the guest has
 * returned, stacks are deep.
 */
import { guestIsRunning, onceGuestReturned } from './deferred.js';

const DEEP_FRAMES = 64;
const LIMIT = 'stackTraceLimit';

/** The guest that runs has said something that may be its last words. */
export function expectTrap(): void {
  if (!guestIsRunning()) return;
  const restore = deepen();
  if (restore !== undefined) onceGuestReturned(restore);
}

/** Runs something that is not called often, and may trap. */
export function withDeepStacks<T>(run: () => T): T {
  const restore = deepen();
  try {
    return run();
  } finally {
    restore?.();
  }
}

/** undefined: they are deep already, or the app wants none, or has frozen its globals. */
function deepen(): (() => void) | undefined {
  const before = Error.stackTraceLimit as unknown;
  if (typeof before !== 'number' || before === 0 || before >= DEEP_FRAMES) return undefined;
  if (!Reflect.set(Error, LIMIT, DEEP_FRAMES)) return undefined;
  return () => {
    Reflect.set(Error, LIMIT, before);
  };
}
