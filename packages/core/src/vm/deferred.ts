/**
 * Work that must wait until no guest code is on the stack. A guest that is running is never
 * entered again: what a hostcall sets off (resume, local response, close, a finished call) is put
 * here and runs, in order, once the outermost guest call has returned and its result is applied.
 *
 * One queue per JavaScript thread: effects cross plugins, so it can't belong to one VM.
 */
let depth = 0;
let calls = 0;
const queue: (() => void)[] = [];
let onReturn: (() => void) | null = null;

export function guestEntered(): void {
  if (depth === 0) calls = (calls + 1) | 0;
  depth += 1;
}

/** Tells one outermost call of a guest from the next. */
export function guestCallNumber(): number {
  return calls;
}

export function guestReturned(): void {
  depth -= 1;
  if (onReturn !== null) tellReturn(onReturn);
}

/** Calls `listener` once, when the guest that is entered next has returned, however it did. */
export function onceGuestReturned(listener: () => void): void {
  const earlier = onReturn;
  onReturn =
    earlier === null
      ? listener
      : () => {
          earlier();
          listener();
        };
}

function tellReturn(listener: () => void): void {
  onReturn = null;
  listener();
}

/** Whether guest code (of any VM) is on this thread's stack. */
export function guestIsRunning(): boolean {
  return depth !== 0;
}

/** Runs `action` as soon as no guest is on the stack: at the next {@link runDeferred}. */
export function defer(action: () => void): void {
  queue.push(action);
}

/** Runs `action` now if no guest is on the stack, else when the outermost one has returned. */
export function whenGuestReturns(action: () => void): void {
  if (depth === 0) action();
  else queue.push(action);
}

/**
 * For what comes from outside (a timer, a message, a finished call) and leads into a guest: runs
 * `action`, and what it set off, once no guest is on the stack.
 */
export function runEvent(action: () => void): void {
  whenGuestReturns(action);
  runDeferred();
}

/**
 * Runs what waits, unless a guest is still on the stack. Safe inside an action: an effect must take
 * place before the callback's result is acted on, however the callback came to run.
 */
export function runDeferred(): void {
  while (queue.length > 0 && depth === 0) run(queue.shift() as () => void);
}

/** An error here is the app's (its `next`, its listeners): it surfaces as an uncaught one would. */
function run(action: () => void): void {
  try {
    action();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}
