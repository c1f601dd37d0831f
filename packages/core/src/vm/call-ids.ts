/** What an id is of: its lowest two bits. @see abi.md 1.4 */
export const CallClass = { HTTP_CALL: 0, GRPC_CALL: 1, GRPC_STREAM: 2 } as const;
export type CallClass = (typeof CallClass)[keyof typeof CallClass];

export function callClassOf(id: number): number {
  return id & 3;
}

/** Ids of a VM's calls to upstreams: 4, 8, 12, … / 5, 9, 13, … / 6, 10, 14, …. */
export class CallIds {
  readonly #last: [number, number, number] = [0, 1, 2];
  readonly #live = new Set<number>();

  /** An id that no live call has. It is live until {@link release}. */
  take(callClass: CallClass): number {
    let id = this.#last[callClass];
    do {
      id = (id + 4) >>> 0;
      // After 2^30 calls: ids begin anew, and 0 to 3 are none.
      if (id < 4) id += 4;
    } while (this.#live.has(id));
    this.#last[callClass] = id;
    this.#live.add(id);
    return id;
  }

  release(id: number): void {
    this.#live.delete(id);
  }
}
