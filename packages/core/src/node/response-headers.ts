/**
 * A response's head as filters see it: a view over what Node holds, with no copy. Names keep the
 * case in which the app wrote them until a filter writes them.
 */
import type { HeaderMap } from '../vm/context.js';
import { removeLength } from './body-length.js';
import { countHeaders, headerOf, removeHeader } from './header-table.js';
import { closeHead, openHead } from './held-response.js';
import { isHttp2, type NodeResponse } from './messages.js';

export class ResponseHeaders implements HeaderMap {
  readonly #res: NodeResponse;
  /** Of the head that has been sent, as far as the app knows; 0: none has. */
  #sentStatus = 0;
  #sentReason: string | undefined;
  /** Undefined where {@link statusEdited}: a filter took it away. */
  #status: string | undefined;
  /** A filter wrote `:status`: the app's reason phrase does not belong to it. */
  statusEdited = false;
  /** A filter wrote content-length; {@link appLength} is what the app had said. */
  lengthEdited = false;
  appLength: string | undefined;

  constructor(res: NodeResponse) {
    this.#res = res;
  }

  /** As the client will get it, whatever the app has set since it sent its head. */
  get statusCode(): number {
    return this.#sentStatus === 0 ? this.#res.statusCode : this.#sentStatus;
  }

  /** The status is the head's now: what the app sets from here on changes nothing. */
  settleStatus(): void {
    const res = this.#res;
    this.#sentStatus = res.statusCode;
    if (!isHttp2(res)) this.#sentReason = res.statusMessage;
  }

  /** Before Node makes the head, which it makes of what stands on the response then. */
  restoreStatus(): void {
    const res = this.#res;
    if (this.#sentStatus === 0) return;
    if (res.statusCode !== this.#sentStatus) res.statusCode = this.#sentStatus;
    if (!isHttp2(res) && res.statusMessage !== this.#sentReason) {
      res.statusMessage = this.#sentReason as string;
    }
  }

  count(): number {
    return countHeaders(this.#res) + (this.#statusText() === undefined ? 0 : 1);
  }

  get(name: string): string | undefined {
    if (name === ':status') return this.#statusText();
    const value = headerOf(this.#res, name);
    if (value === undefined) return undefined;
    return Array.isArray(value) ? (value as string[])[0] : String(value);
  }

  values(name: string): string[] {
    if (name === ':status') return [this.#statusText() ?? []].flat();
    const value = headerOf(this.#res, name);
    if (value === undefined) return [];
    return Array.isArray(value) ? value.map(String) : [String(value)];
  }

  add(name: string, value: string): void {
    if (name === ':status') this.#setStatus(value);
    else if (headerOf(this.#res, name) === undefined) this.#write(name, value);
    else this.#write(name, [...this.values(name), value]);
  }

  replace(name: string, value: string): void {
    if (name === ':status') this.#setStatus(value);
    else this.#write(name, this.#withFirst(name, value));
  }

  /** The values of a name, with another first one. */
  #withFirst(name: string, value: string): string | string[] {
    const values = headerOf(this.#res, name);
    return Array.isArray(values) && values.length > 1
      ? [value, ...values.slice(1).map(String)]
      : value;
  }

  remove(name: string): void {
    if (name === ':status') {
      this.#setStatus(undefined);
      return;
    }
    const res = this.#res;
    this.#noteLength(name);
    const held = openHead(res);
    if (name === 'content-length') removeLength(res);
    else removeHeader(res, name);
    // Node would take it as a wish for a connection that ends with the body.
    if (name === 'transfer-encoding' && res._removedTE === true) res._removedTE = false;
    closeHead(res, held);
  }

  entries(): readonly string[] {
    const status = this.#statusText();
    const entries = status === undefined ? [] : [':status', status];
    for (const name of this.#res.getHeaderNames()) {
      const value = this.#res.getHeader(name);
      if (Array.isArray(value)) for (const one of value) entries.push(name, String(one));
      else entries.push(name, String(value));
    }
    return entries;
  }

  assign(entries: readonly string[]): void {
    for (const name of this.#res.getHeaderNames()) {
      if (!entries.includes(name)) this.remove(name);
    }
    const values = new Map<string, string[]>();
    for (let index = 0; index < entries.length; index += 2) {
      const name = entries[index] as string;
      const value = entries[index + 1] as string;
      const before = values.get(name);
      if (before === undefined) values.set(name, [value]);
      else before.push(value);
    }
    this.#setStatus(values.get(':status')?.[0]);
    values.delete(':status');
    for (const [name, list] of values) {
      this.#write(name, list.length === 1 ? (list[0] as string) : list);
    }
  }

  #statusText(): string | undefined {
    return this.statusEdited ? this.#status : String(this.statusCode);
  }

  #setStatus(value: string | undefined): void {
    this.statusEdited = true;
    this.#status = value;
  }

  #write(name: string, value: string | readonly string[]): void {
    const res = this.#res;
    this.#noteLength(name);
    const held = openHead(res);
    try {
      res.setHeader(name, value);
    } finally {
      closeHead(res, held);
    }
  }

  #noteLength(name: string): void {
    if (name !== 'content-length' || this.lengthEdited) return;
    this.appLength = this.get(name);
    this.lengthEdited = true;
  }
}
