/** The words that both threads of a service see: a shared array of 32-bit integers. */
export const Control = {
  /** The call that the service's thread waits for: its number, and its {@link Phase}. */
  CALL: 0,
  /** How many queue events the thread has passed on, ever; wraps. */
  EVENTS_TOLD: 1,
  /** Of the guest's memory, in pages of 64 KiB. */
  MEMORY_PAGES: 2,
} as const;

/** What has become of a call. */
export const Phase = {
  /** Nobody has begun with it; the caller may still give it up. */
  PENDING: 0,
  /** It is being answered. */
  TAKEN: 1,
  /** The answer is there. */
  ANSWERED: 2,
  /** The caller has given it up: it must not be begun any more. */
  GIVEN_UP: 3,
} as const;

type PhaseValue = (typeof Phase)[keyof typeof Phase];

export function createControl(): Int32Array<SharedArrayBuffer> {
  const words = Object.keys(Control).length;
  return new Int32Array(new SharedArrayBuffer(words * Int32Array.BYTES_PER_ELEMENT));
}

/** The word of a call: its number in the upper bits, so that one that was given up is not another. */
export function callWord(number: number, phase: PhaseValue): number {
  return (number << 2) | phase | 0;
}
