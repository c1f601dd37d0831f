/**
 * The time that guest code of one VM may take at a stretch. The module's own code, as it was woven,
 * counts down and now and then asks here whether to go on; what it is told to end, traps.
 */
import { waitedTimeMs } from '../waiting-time.js';
import { guestCallNumber } from './deferred.js';
import type { TimeExports } from './weave/weave-module.js';

/** The engine's own, whatever a test makes of the global one: deadlines are real time. */
const realMs = performance.now.bind(performance);

/** Real time, less what guests of this thread have waited: that is not theirs. */
function nowMs(): number {
  return realMs() - waitedTimeMs();
}

/**
 * `(module (import "host" "look" (func (result i32))) (export "look" (func 0)))`: a table takes
 * functions of modules only.
 */
const LOOK_MODULE = new Uint8Array([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 5, 1, 0x60, 0, 1, 0x7f],
  ...[2, 13, 1, 4, 0x68, 0x6f, 0x73, 0x74, 4, 0x6c, 0x6f, 0x6f, 0x6b, 0, 0],
  ...[7, 8, 1, 4, 0x6c, 0x6f, 0x6f, 0x6b, 0, 0],
]);
let lookModule: WebAssembly.Module | undefined;

export class TimeLimit {
  readonly limitMs: number;
  #deadlineMs = 0;
  /** Which guest call the deadline is of. */
  #call = -1;
  #isSpent = false;
  #units: WebAssembly.Global | undefined;

  constructor(limitMs: number) {
    this.limitMs = limitMs;
  }

  /** Whether the guest was told to end: nothing of its VM runs again. */
  get isSpent(): boolean {
    return this.#isSpent;
  }

  /** What to say of a call that was ended. */
  describe(callback: string): string {
    return `${callback} ran for more than ${String(this.limitMs)} ms (limits.callbackTimeMs) and was ended`;
  }

  /** Gives a new instance its clock, and starts it if its start section has waited for that. */
  attach(exports: WebAssembly.Exports, { units, clock, start }: TimeExports): void {
    this.#units = exports[units] as WebAssembly.Global;
    lookModule ??= new WebAssembly.Module(LOOK_MODULE);
    const imports = { host: { look: this.#look } };
    const { look } = new WebAssembly.Instance(lookModule, imports).exports;
    (exports[clock] as WebAssembly.Table).set(0, look);
    if (start !== undefined) (exports[start] as () => void)();
  }

  /** Before something that may take its time on the guest's behalf: the time counts from here. */
  begin(): void {
    const call = guestCallNumber();
    if (call === this.#call) return;
    this.#call = call;
    this.#deadlineMs = nowMs() + this.limitMs;
  }

  /** After it: has the guest ask as soon as it can. */
  hurry(): void {
    if (this.#units !== undefined) this.#units.value = 0;
  }

  /** The guest may not go on, whatever its clock says. */
  end(): void {
    this.#isSpent = true;
    this.hurry();
  }

  /**
   * Called by woven code; 0 has it trap. The time of a call into the guest begins when it first asks,
   * about a millisecond after it has begun: so calls that do not take that long cost no look at the
   * clock.
   */
  readonly #look = (): 0 | 1 => {
    if (this.#isSpent) return 0;
    if (guestCallNumber() !== this.#call) {
      this.begin();
      return 1;
    }
    if (nowMs() < this.#deadlineMs) return 1;
    this.#isSpent = true;
    return 0;
  };
}
