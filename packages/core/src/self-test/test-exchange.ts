import { exchangeAttribute, type ExchangeFacts } from '../stream/attributes.js';
import { HeaderList } from '../stream/header-list.js';
import { HttpStream } from '../stream/http-stream.js';
import type { StreamEnds, StreamPlugin } from '../stream/ports.js';
import type { HeaderMap, PropertyValue } from '../vm/context.js';
import type { TestMessage, TestRequest, TestResult } from './self-test.js';

const DEFAULT_BUFFERED_BYTES = 1024 * 1024;

/** One exchange between a client and an app that are not there, with one filter between them. */
export class TestExchange implements StreamEnds {
  readonly result: Promise<TestResult>;
  readonly #request: TestRequest;
  readonly #stream: HttpStream;
  readonly #requestHeaders: HeaderList;
  readonly #requestBody: Uint8Array[] = [];
  readonly #responseBody: Uint8Array[] = [];
  #responseHeaders = new HeaderList();
  #requestPassed = false;
  #settle: (result: TestResult) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  responseStarted = false;

  constructor(request: TestRequest) {
    this.#request = request;
    this.#requestHeaders = requestHeaders(request);
    this.#stream = new HttpStream(this, this.#requestHeaders, {
      bufferedBodyBytes: DEFAULT_BUFFERED_BYTES,
    });
    this.result = new Promise((resolve, reject) => {
      this.#settle = resolve;
      this.#reject = reject;
    });
  }

  start(plugin: StreamPlugin): void {
    const body = toBytes(this.#request.body);
    this.#stream.join([plugin], body.length === 0);
    if (body.length > 0) this.#stream.requestData(body, true);
  }

  /** Ends it, whatever it still waits for. */
  end(reason: string): void {
    this.#reject(new Error(reason));
    this.#stream.complete();
  }

  // --- the app ----------------------------------------------------------------------------------

  requestHeaders(endOfStream: boolean): void {
    this.#requestPassed = true;
    if (endOfStream) this.#answer();
  }

  requestData(chunk: Uint8Array, endOfStream: boolean): void {
    this.#requestBody.push(chunk);
    if (endOfStream) this.#answer();
  }

  requestTrailers(): void {
    this.#answer();
  }

  /** In a turn of its own, as an app would. */
  #answer(): void {
    queueMicrotask(() => {
      const { status = 200, headers = {}, body } = this.#request.response ?? {};
      const bytes = toBytes(body);
      this.#responseHeaders = new HeaderList([':status', String(status), ...flat(headers)]);
      this.#stream.responseHeaders(this.#responseHeaders, bytes.length === 0);
      if (bytes.length > 0) this.#stream.responseData(bytes, true);
    });
  }

  // --- the client -------------------------------------------------------------------------------

  responseHeaders(endOfStream: boolean): void {
    this.responseStarted = true;
    if (endOfStream) this.#finish();
  }

  responseData(chunk: Uint8Array, endOfStream: boolean): void {
    this.#responseBody.push(chunk);
    if (endOfStream) this.#finish();
  }

  responseTrailers(): void {
    this.#finish();
  }

  beginLocalResponse(keepHeaders: boolean): HeaderMap {
    this.#responseHeaders = new HeaderList(keepHeaders ? [...this.#responseHeaders.entries()] : []);
    this.#responseBody.length = 0;
    return this.#responseHeaders;
  }

  reset(): void {
    this.#reject(new Error('the filter has reset the stream'));
    this.#stream.complete();
  }

  pauseRequest(): void {
    // There is no more than what has been given.
  }

  resumeRequest(): void {
    // As above.
  }

  pauseResponse(): void {
    // As above.
  }

  resumeResponse(): void {
    // As above.
  }

  #finish(): void {
    const response = message(this.#responseHeaders, this.#responseBody);
    this.#settle({
      status: Number(this.#responseHeaders.get(':status')),
      ...response,
      request: this.#requestPassed ? message(this.#requestHeaders, this.#requestBody) : undefined,
    });
    // After the callbacks that are on the stack.
    queueMicrotask(() => {
      this.#stream.complete();
    });
  }

  attribute(path: readonly string[]): PropertyValue | undefined {
    const facts: ExchangeFacts = {
      requestHeaders: this.#requestHeaders,
      responseHeaders: this.responseStarted ? this.#responseHeaders : undefined,
      responseTrailers: undefined,
      protocol: 'HTTP/1.1',
      startTimeNs: undefined,
      durationNs: undefined,
      backendLatencyNs: undefined,
      requestBodyBytes: sizeOf(this.#requestBody),
      responseBodyBytes: sizeOf(this.#responseBody),
      responseCodeDetails: this.#stream.responseDetails,
      responseFlags: undefined,
    };
    return exchangeAttribute(facts, path);
  }
}

function requestHeaders({
  method = 'GET',
  path = '/',
  headers = {},
  body,
}: TestRequest): HeaderList {
  const bytes = toBytes(body);
  const length = bytes.length > 0 ? ['content-length', String(bytes.length)] : [];
  const host = Object.keys(headers).some((name) => name.toLowerCase() === 'host');
  return new HeaderList(
    [...(host ? [] : ['host', 'self-test']), ...flat(headers), ...length],
    [':path', path, ':method', method, ':scheme', 'http'],
  );
}

function flat(headers: Readonly<Record<string, string>>): string[] {
  return Object.entries(headers).flatMap(([name, value]) => [name.toLowerCase(), value]);
}

/** Repeated headers are joined by ", ". */
function message(headers: HeaderMap, chunks: readonly Uint8Array[]): TestMessage {
  const entries = headers.entries();
  const byName: Record<string, string> = Object.create(null) as Record<string, string>;
  for (let index = 0; index < entries.length; index += 2) {
    const [name, value] = [entries[index] as string, entries[index + 1] as string];
    const before = byName[name];
    byName[name] = before === undefined ? value : `${before}, ${value}`;
  }
  return { headers: byName, body: Buffer.concat(chunks) };
}

function toBytes(body: string | Uint8Array | undefined): Uint8Array {
  return typeof body === 'string' ? Buffer.from(body, 'utf8') : (body ?? new Uint8Array(0));
}

function sizeOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}
