import type { ExchangeFacts } from '../stream/attributes.js';
import type { HeaderMap } from '../vm/context.js';
import type { Exchange } from './exchange.js';
import { ResponseHeaders } from './response-headers.js';

const NS_PER_MS = 1e6;

/** What an exchange knows about itself, made when a guest asks. */
export class NodeExchangeFacts implements ExchangeFacts {
  readonly #exchange: Exchange;
  readonly backendLatencyNs = undefined;
  readonly responseTrailers = undefined;
  readonly responseFlags = undefined;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get requestHeaders(): HeaderMap {
    return this.#exchange.request.headers.list;
  }

  /** The app's once it has answered, a filter's where that has. */
  get responseHeaders(): HeaderMap | undefined {
    const { responseTap, res } = this.#exchange;
    if (responseTap !== undefined && (responseTap.appHead || responseTap.isLocal)) {
      return responseTap.headers;
    }
    return res.headersSent ? new ResponseHeaders(res) : undefined;
  }

  get protocol(): string {
    const { httpVersionMajor, httpVersion } = this.#exchange.req;
    return httpVersionMajor === 2 ? 'HTTP/2' : `HTTP/${httpVersion}`;
  }

  get startTimeNs(): bigint {
    return toNs(performance.timeOrigin + this.#exchange.startMs);
  }

  get durationNs(): bigint | undefined {
    const { startMs, endMs } = this.#exchange;
    return endMs === undefined ? undefined : toNs(endMs - startMs);
  }

  get requestBodyBytes(): number {
    return this.#exchange.requestTap?.receivedBytes ?? 0;
  }

  get responseBodyBytes(): number {
    const { responseTap, res } = this.#exchange;
    return responseTap?.writer.sentBytes ?? res._contentLength ?? 0;
  }

  get responseCodeDetails(): string | undefined {
    const { responseDetails } = this.#exchange.stream;
    return responseDetails === '' ? undefined : responseDetails;
  }
}

function toNs(ms: number): bigint {
  return BigInt(Math.round(ms * NS_PER_MS));
}
