import type { GuestBuffer } from '../vm/context.js';
import { keepShape } from '../vm/kept-shape.js';
import { BodyBuffer, NO_BODY } from './body-buffer.js';
import type { BodyChunk } from './body-text.js';

const NO_BYTES = new Uint8Array(0);

/** What the body of one stage asks of the stream. */
export interface BodyStream {
  /** Held bytes reached the limit (true), or were let go after that (false). */
  setBackpressure(isRequest: boolean, on: boolean): void;
  /** More was to be held than may be. */
  overflow(isRequest: boolean): void;
}

/** The body of one direction at one filter: what its callback sees, and what is held behind it. */
export class StageBody {
  readonly #stream: BodyStream;
  readonly #isRequest: boolean;
  readonly #limitBytes: number;
  /** The last callback returned StopIterationAndBuffer: the next one sees everything held. */
  #whole = false;
  #held: BodyBuffer | undefined;
  #visible: BodyBuffer | undefined;
  #backpressure = false;

  /** @param limitBytes most that may be held here */
  constructor(stream: BodyStream, isRequest: boolean, limitBytes: number) {
    this.#stream = stream;
    this.#isRequest = isRequest;
    this.#limitBytes = limitBytes;
  }

  /** What the guest can see and change now. */
  get view(): GuestBuffer {
    return this.#visible ?? (this.#whole ? (this.#held ?? NO_BODY) : NO_BODY);
  }

  /** Opens the view for a callback: this chunk, or after a buffering pause everything held. */
  show(chunk: BodyChunk): BodyBuffer {
    const visible = this.#whole && this.#held !== undefined ? this.#held : new BodyBuffer();
    visible.append(chunk);
    this.#visible = visible;
    return visible;
  }

  /** Closes the view; what it showed, edits included, is the caller's to pass on. */
  takeVisible(): BodyChunk {
    const shown = this.#visible?.take() ?? NO_BYTES;
    this.#visible = undefined;
    this.#whole = false;
    return shown;
  }

  /** Closes the view; what it showed goes behind what is held. */
  keepVisible(whole: boolean): void {
    const visible = this.#visible;
    this.#visible = undefined;
    this.#whole = whole;
    if (visible === undefined || visible === this.#held) return;
    if (this.#held === undefined) this.#held = visible;
    else this.#held.append(visible.take());
  }

  /** Closes the view; what it showed is the guest's and goes nowhere. */
  dropVisible(): void {
    this.#visible = undefined;
    this.#whole = false;
  }

  hold(chunk: BodyChunk): void {
    this.#held ??= new BodyBuffer();
    this.#held.append(chunk);
  }

  /** The caller may change a chunk that was held: keeps a copy of its bytes instead. */
  own(chunk: Uint8Array): void {
    this.#held?.own(chunk);
  }

  /** Everything held, which is held no more. */
  takeHeld(): BodyChunk {
    const held = this.#held;
    this.#whole = false;
    if (held === undefined) return NO_BYTES;
    this.#held = undefined;
    if (this.#backpressure) {
      this.#backpressure = false;
      this.#stream.setBackpressure(this.#isRequest, false);
    }
    return held.take();
  }

  /** Above the limit the stream fails, or at it the sender is told to wait. @see abi.md 6.4 */
  checkLimit(fails: boolean): void {
    const length = this.#held?.length ?? 0;
    const limit = this.#limitBytes;
    if (fails) {
      if (length > limit) this.#stream.overflow(this.#isRequest);
    } else if (length >= limit && !this.#backpressure) {
      this.#backpressure = true;
      this.#stream.setBackpressure(this.#isRequest, true);
    }
  }
}

keepShape(new StageBody(undefined as never, true, 0));
