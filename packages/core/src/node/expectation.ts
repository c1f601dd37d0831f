import { isHttp2, type NodeResponse } from './messages.js';

/**
 * A client's `Expect: 100-continue`: it sends no body before it is told to, or answered. Told it is
 * when the attached filters have let the head pass, or when one of them waits for the body.
 */
export class Expectation {
  /** The client has been told to go on. */
  isMet = false;
  /** The filters that decide have begun with the last of them. */
  isLast = false;
  readonly #res: NodeResponse;
  readonly #isApps: boolean;

  /** @param isApps the app has a listener of its own for it, and tells the client itself */
  constructor(res: NodeResponse, isApps: boolean) {
    this.#res = res;
    this.#isApps = isApps;
  }

  /** Filters have let the head pass. */
  headPassed(): void {
    if (this.isLast && !this.#isApps) this.bodyWanted();
  }

  /** Tells the client to send its body. */
  bodyWanted(): void {
    if (this.isMet) return;
    this.isMet = true;
    this.#res.writeContinue();
  }

  /**
   * A filter answers, so the body may come or not: on HTTP/1 what follows on the connection could
   * be taken for either.
   */
  answered(): void {
    if (!this.isMet && !isHttp2(this.#res)) this.#res.shouldKeepAlive = false;
  }
}
