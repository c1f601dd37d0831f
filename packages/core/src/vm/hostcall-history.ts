/**
 * The last hostcalls of a VM, for what a trap tells. To record one takes about as long as a short
 * hostcall itself, so it is done for VMs of plugins that have failed before, or that ask for it.
 */
import { Status, WasiErrno } from '../abi/types.js';
import type { RecentHostcall } from '../errors.js';

type Import = (...values: never[]) => unknown;

/** How many are kept. */
const SIZE = 16;
/** No status: the function answers none, or it has not returned. */
const NONE = -1;

const STATUS_NAMES = namesOf(Status);
const ERRNO_NAMES = namesOf(WasiErrno);

export class HostcallHistory {
  /** Name, and names of what it answers, of each function that is recorded. */
  readonly #functions: { name: string; statuses: ReadonlyMap<number, string> }[] = [];
  readonly #ids = new Int32Array(SIZE);
  readonly #results = new Int32Array(SIZE);
  #count = 0;

  /** The same functions, recorded. Those that are no hostcalls of the ABI have no status. */
  recordHostcalls(functions: Record<string, Import>): Record<string, Import> {
    return this.#record(functions, (name) => (name.startsWith('proxy_') ? STATUS_NAMES : NO_NAMES));
  }

  recordWasi(functions: Record<string, Import>): Record<string, Import> {
    return this.#record(functions, () => ERRNO_NAMES);
  }

  /** Oldest first. */
  last(): RecentHostcall[] {
    const calls: RecentHostcall[] = [];
    for (let call = Math.max(this.#count - SIZE, 0); call < this.#count; call += 1) {
      const { name, statuses } = this.#functions[this.#ids[call % SIZE] as number] as {
        name: string;
        statuses: ReadonlyMap<number, string>;
      };
      calls.push({ name, status: statuses.get(this.#results[call % SIZE] as number) });
    }
    return calls;
  }

  #record(
    functions: Record<string, Import>,
    statusesOf: (name: string) => ReadonlyMap<number, string>,
  ): Record<string, Import> {
    const recorded: Record<string, Import> = {};
    for (const [name, call] of Object.entries(functions)) {
      const id = this.#functions.push({ name, statuses: statusesOf(name) }) - 1;
      recorded[name] = (...values: never[]): unknown => {
        // Its allocator may call others meanwhile.
        const row = this.#begin(id);
        const result = call(...values);
        if (typeof result === 'number') this.#results[row] = result;
        return result;
      };
    }
    return recorded;
  }

  #begin(id: number): number {
    const row = this.#count % SIZE;
    this.#count += 1;
    this.#ids[row] = id;
    this.#results[row] = NONE;
    return row;
  }
}

const NO_NAMES: ReadonlyMap<number, string> = new Map();

function namesOf(values: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(values).map(([name, value]) => [value, name]));
}
