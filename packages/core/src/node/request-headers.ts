/**
 * A request's head as filters see it, and what their edits come to on Node's object. The list works
 * in Node's own `rawHeaders`, so a filter that changes nothing costs nothing; after an edit
 * `headers`, `headersDistinct` and `rawHeaders` say the same.
 */
import { isPseudoHeader } from '../abi/header-syntax.js';
import { findHeader, HeaderList } from '../stream/header-list.js';
import { adoptHeaders } from './app-headers.js';
import { addHeaderLine, isHttp2, isInjected, type NodeRequest } from './messages.js';
import { HEADERS, HEADERS_COUNT, HEADERS_DISTINCT, KNOWS_HEADERS } from './node-symbols.js';
import { fullPath, route } from './request-path.js';

type Headers = Record<string, string | string[] | undefined>;
const REQUIRED = [':path', ':method'] as const;

/** Node's request, by the symbols under which it keeps its headers. */
type Internals = Record<symbol, unknown>;

export class RequestHeaders {
  readonly list: HeaderList;
  readonly #req: NodeRequest;
  /** name, value, …; on HTTP/1 Node's own array, until {@link hideLength}. */
  readonly #flat: string[];
  #lengthHidden = false;
  /** The list was made of the request as it is: nobody has had it since. */
  #isFresh = true;

  constructor(req: NodeRequest) {
    this.#req = req;
    this.#flat = isHttp2(req) ? flatOfHttp2(req) : req.rawHeaders;
    const { method = 'GET' } = req;
    const scheme = isEncrypted(req) ? 'https' : 'http';
    const pseudo = [':path', fullPath(req), ':method', method, ':scheme', scheme];
    this.list = new HeaderList(this.#flat, pseudo);
    // Without the symbols an edit could not be told to objects that Node has yet to build.
    if (!KNOWS_HEADERS) void [req.headers, req.headersDistinct];
  }

  /** Before filters join: handlers before them may have changed headers, or path and method. */
  refresh(): void {
    const { list } = this;
    if (this.#isFresh) this.#isFresh = false;
    else this.#adoptRoute();
    adoptHeaders(this.#req, list);
    if (list.edited) this.show();
  }

  #adoptRoute(): void {
    const { list } = this;
    const path = fullPath(this.#req);
    const { method = 'GET' } = this.#req;
    if (list.get(':path') !== path) list.replace(':path', path);
    if (list.get(':method') !== method) list.replace(':method', method);
  }

  /**
   * From now on the app sees a body of unknown length: no content-length, but what tells a body
   * parser that there is one. The guest's own view stays as it is.
   */
  hideLength(): void {
    this.#lengthHidden = true;
  }

  /** The name of what a filter has taken away though no request can be without; else undefined. */
  get missing(): string | undefined {
    const { list } = this;
    return list.lost ? REQUIRED.find((name) => list.get(name) === undefined) : undefined;
  }

  /** Whether {@link show} has anything to do. */
  get needsShow(): boolean {
    return this.#lengthHidden || this.list.edited;
  }

  /** Brings Node's object in step with the list. Answers whether the path or method changed. */
  show(): boolean {
    const { list } = this;
    const names = list.editedNames ?? [];
    list.editedNames = undefined;
    const rerouted = names.some(isPseudoHeader) && this.#showPseudo(names);
    if (this.#lengthHidden) names.push('content-length', 'transfer-encoding');
    if (isHttp2(this.#req)) this.#showHttp2(names);
    else this.#showHttp1(names);
    return rerouted;
  }

  #showPseudo(names: readonly string[]): boolean {
    const req = this.#req;
    let rerouted = false;
    if (names.includes(':method')) {
      const method = this.list.get(':method');
      if (method !== undefined && method !== req.method) {
        req.method = method;
        rerouted = true;
      }
    }
    if (names.includes(':path')) {
      const path = this.list.get(':path');
      if (path !== undefined && path !== fullPath(req)) {
        route(req, path);
        rerouted = true;
      }
    }
    return rerouted;
  }

  // --- HTTP/1 -----------------------------------------------------------------------------------

  #showHttp1(names: readonly string[]): void {
    const req = this.#req;
    if (this.#lengthHidden) req.rawHeaders = withoutLength(this.#flat);
    const internals = req as unknown as Internals;
    let headers: Headers | null | undefined;
    let distinct: Headers | null | undefined;
    if (isInjected(req)) {
      headers = req.headers;
    } else if (KNOWS_HEADERS) {
      internals[HEADERS_COUNT as symbol] = req.rawHeaders.length;
      headers = internals[HEADERS as symbol] as Headers | null | undefined;
      distinct = internals[HEADERS_DISTINCT as symbol] as Headers | null | undefined;
    } else {
      headers = req.headers;
      distinct = req.headersDistinct;
    }
    for (const name of names) {
      if (isPseudoHeader(name)) continue;
      if (headers != null) refresh(req, headers, name, false);
      if (distinct != null) refresh(req, distinct, name, true);
    }
  }

  // --- HTTP/2 -----------------------------------------------------------------------------------

  #showHttp2(names: readonly string[]): void {
    const { headers, rawHeaders } = this.#req;
    const { list } = this;
    const pseudo = [':method', ':path', ':scheme', ':authority'];
    for (const name of [':scheme', ':authority']) setOrDelete(headers, name, list.get(name));
    for (const name of names) {
      if (isPseudoHeader(name) || (name === 'host' && !('host' in headers))) continue;
      const values = list.values(name);
      setOrDelete(headers, name, name === 'set-cookie' ? values : joined(name, values));
    }
    rawHeaders.length = 0;
    for (const name of pseudo) {
      const value = headers[name];
      if (typeof value === 'string') rawHeaders.push(name, value);
    }
    const flat = this.#lengthHidden ? withoutLength(this.#flat) : this.#flat;
    for (let index = 0; index < flat.length; index += 2) {
      const name = flat[index] as string;
      const made = name === 'host' || (this.#lengthHidden && name === MADE[0]);
      if (!made) rawHeaders.push(name, flat[index + 1] as string);
    }
    if (this.#lengthHidden) this.#hideLengthHttp2(headers);
  }

  /**
   * HTTP/2 has no transfer-encoding: a body parser that asks for it finds it, a proxy that copies
   * the headers does not.
   */
  #hideLengthHttp2(headers: Headers): void {
    delete headers['content-length'];
    Object.defineProperty(headers, 'transfer-encoding', {
      value: 'chunked',
      enumerable: false,
      configurable: true,
      writable: true,
    });
  }
}

function isEncrypted(req: NodeRequest): boolean {
  return (req.socket as { readonly encrypted?: boolean }).encrypted === true;
}

const MADE = ['Transfer-Encoding', 'chunked'] as const;

/** A copy for the app, framed as a body of unknown length. */
function withoutLength(flat: readonly string[]): string[] {
  const copy = flat.slice();
  for (let at = findHeader(copy, 'content-length'); at >= 0;) {
    copy.splice(at, 2);
    at = findHeader(copy, 'content-length', at);
  }
  if (findHeader(copy, 'transfer-encoding') < 0) copy.push(...MADE);
  return copy;
}

/** Makes one name anew from `rawHeaders`, as Node would have made it; its place is kept. */
function refresh(req: NodeRequest, target: Headers, name: string, distinct: boolean): void {
  const { rawHeaders } = req;
  let index = findHeader(rawHeaders, name);
  if (index < 0) {
    delete target[name];
    return;
  }
  const next = findHeader(rawHeaders, name, index + 2);
  if (next < 0 && name !== 'set-cookie') {
    // A name that stands once needs none of Node's rules for repeats.
    const value = rawHeaders[index + 1] as string;
    target[name] = distinct ? [value] : value;
    return;
  }
  target[name] = undefined;
  for (; index >= 0; index = findHeader(rawHeaders, name, index + 2)) {
    const value = rawHeaders[index + 1] as string;
    if (distinct) req._addHeaderLineDistinct(name, value, target);
    else addHeaderLine(req, name, value, target);
  }
}

function flatOfHttp2(req: NodeRequest): string[] {
  const { rawHeaders } = req;
  const flat: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (name === ':authority') flat.unshift('host', rawHeaders[index + 1] as string);
    else if (!isPseudoHeader(name)) flat.push(name, rawHeaders[index + 1] as string);
  }
  return flat;
}

/** Several values as HTTP/2's compatibility API shows them. */
function joined(name: string, values: readonly string[]): string | undefined {
  if (values.length === 0) return undefined;
  return values.join(name === 'cookie' ? '; ' : ', ');
}

function setOrDelete(headers: Headers, name: string, value: string | string[] | undefined): void {
  if (value === undefined || value.length === 0) delete headers[name];
  else headers[name] = value;
}
