/** A line that grows beyond this is given out in pieces: no newline may ever come. */
const MAX_LINE_BYTES = 64 * 1024;

const NEWLINE = 0x0a;

/** Turns what a guest writes to a stream, in pieces of any size, into lines. */
export class LineWriter {
  readonly #emit: (line: string) => void;
  /** The beginning of a line whose end has not come yet. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;

  /** @param emit gets each line, as UTF-8, without its newline */
  constructor(emit: (line: string) => void) {
    this.#emit = emit;
  }

  /** Takes bytes, which need not stay as they are after the call. */
  write(bytes: Uint8Array): void {
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      this.#append(bytes.subarray(start, end));
      this.#give();
      start = end + 1;
    }
    if (start < bytes.length) this.#append(bytes.subarray(start));
    if (this.#pendingBytes >= MAX_LINE_BYTES) this.#give();
  }

  /** Gives out a line that has begun and will not end. */
  flush(): void {
    if (this.#pendingBytes > 0) this.#give();
  }

  /** Forgets a line that has begun. */
  discard(): void {
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  #append(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pending.push(Buffer.from(bytes));
    this.#pendingBytes += bytes.length;
  }

  #give(): void {
    const line = Buffer.concat(this.#pending).toString('utf8');
    this.discard();
    this.#emit(line);
  }
}
