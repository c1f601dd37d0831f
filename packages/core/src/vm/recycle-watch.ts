/** When a VM has served its time; what is absent does not count. */
export interface RecycleLimits {
  /** The guest's memory has grown to so many bytes. */
  readonly memoryBytes?: number | undefined;
  /** So many requests have ended on it. */
  readonly requests?: number | undefined;
}

/** After a new VM could not be started: requests that the old one serves before the next attempt. */
const RETRY_REQUESTS = 1000;

/** Watches one VM, request by request, and says once when another should take its place. */
export class RecycleWatch {
  readonly #limits: RecycleLimits;
  readonly #memory: { readonly sizeBytes: number };
  readonly #due: () => void;
  #requests = 0;
  /** Not before so many requests. */
  #notBefore = 0;
  #isDue = false;
  #memoryBytes: number;

  /** @param due called once, when no guest is to be disturbed: it must wait for a turn of its own */
  constructor(limits: RecycleLimits, memory: { readonly sizeBytes: number }, due: () => void) {
    this.#limits = limits;
    this.#memory = memory;
    this.#due = due;
    this.#memoryBytes = limits.memoryBytes ?? Infinity;
  }

  /**
   * The guest has been configured. A memory that is as large from the start would be as large in
   * the next VM too, so it is no reason then.
   *
   * @returns whether that is so
   */
  started(): boolean {
    if (this.#memory.sizeBytes < this.#memoryBytes) return false;
    this.#memoryBytes = Infinity;
    return true;
  }

  requestEnded(): void {
    this.#requests += 1;
    if (this.#isDue || this.#requests < this.#notBefore) return;
    const { requests = Infinity } = this.#limits;
    if (this.#requests < requests && this.#memory.sizeBytes < this.#memoryBytes) return;
    this.#isDue = true;
    this.#due();
  }

  /** No other VM could be started. */
  again(): void {
    this.#isDue = false;
    this.#notBefore = this.#requests + RETRY_REQUESTS;
  }
}
