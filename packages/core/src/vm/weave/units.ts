/**
 * What code costs, in units of about one byte of code (a nanosecond, or less). A function or loop
 * pays for itself before it runs; what is cheap is paid for by those who call it.
 */

/** Units between two looks at the clock: a millisecond or a few. */
export const UNITS_PER_LOOK = 4_000_000;

/** Units that its loops take when the first ones are used up. */
export const MORE_LOOP_UNITS = 65_536;

/** Bytes that `memory.fill` and `memory.copy` move per unit, once they are many: 8. */
const BULK_SHIFT = 3;

/** As the WebAssembly part of the weaver has them: `wat/host.wat`. */
export const UNITS = {
  unitsPerLook: UNITS_PER_LOOK,
  /** Units that a function's loops may use when it is entered, beside a round of each. */
  firstLoopUnits: 512,
  /** What a call costs beside what is called. */
  callUnits: 16,
  /** A hostcall: so that the clock is read after a hundred or so. */
  hostcallUnits: 32_768,
  /**
   * What a function may cost that does not pay for itself, with all that it calls of this kind. Its
   * callers pay for it whether they come to the call or not, so more would have the clock read too often.
   */
  cheapUnits: 2048,
  bulkManyBytes: 4096,
  bulkShift: BULK_SHIFT,
  /** What one region can cost at most; more would not fit the counter. */
  mostUnits: 1 << 29,
} as const;
