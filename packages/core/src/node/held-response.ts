/**
 * What the app sees of a response that it has sent and that is still held here: the same as if it
 * were out. On HTTP/1 three fields of Node's own say so, which costs nothing; HTTP/2's are private,
 * so there the properties are overridden.
 */
import { EXCHANGE, isHttp2, type NodeResponse } from './messages.js';
import { NEED_DRAIN } from './node-symbols.js';
import { withCode } from './response-head.js';

/** In the place of the head's bytes: `headersSent` is true, `setHeader` throws. */
const HELD_HEAD = ' ';

/** HTTP/2 responses that look sent now. */
const held = new WeakSet<NodeResponse>();

/** Makes `res` look as if its head were out, and its end too where `ended`. */
export function showSent(res: NodeResponse, ended: boolean, heldBytes: number): void {
  if (isHttp2(res)) {
    if (held.has(res) || res.headersSent) return;
    held.add(res);
    Object.defineProperties(res, HTTP2_VIEW);
    return;
  }
  if (res._header === null) res._header = HELD_HEAD;
  if (res._header !== HELD_HEAD) return;
  res.outputSize = heldBytes;
  if (ended) (res as { finished: boolean }).finished = true;
}

/** Undoes {@link showSent}, before the real head is made. */
export function showUnsent(res: NodeResponse): void {
  if (isHttp2(res)) {
    openHead(res);
  } else if (res._header === HELD_HEAD) {
    res._header = null;
    res.outputSize = 0;
    (res as { finished: boolean }).finished = false;
  }
}

/** Lets a filter write headers while the head is held; {@link closeHead} undoes it. */
export function openHead(res: NodeResponse): boolean {
  if (isHttp2(res)) {
    if (!held.delete(res)) return false;
    for (const name of HTTP2_NAMES) Reflect.deleteProperty(res, name);
    return true;
  }
  if (res._header !== HELD_HEAD) return false;
  res._header = null;
  return true;
}

export function closeHead(res: NodeResponse, wasHeld: boolean): void {
  if (!wasHeld) return;
  if (isHttp2(res)) showSent(res, false, 0);
  else res._header = HELD_HEAD;
}

/** A filter has the app wait, or no longer: so says `writableNeedDrain`. */
export function showNeedDrain(res: NodeResponse, needsDrain: boolean): void {
  if (isHttp2(res)) {
    if (needsDrain && 'writableNeedDrain' in res) {
      Object.defineProperty(res, 'writableNeedDrain', { configurable: true, value: true });
    } else {
      Reflect.deleteProperty(res, 'writableNeedDrain');
    }
  } else if (NEED_DRAIN !== undefined) {
    (res as unknown as Record<symbol, boolean>)[NEED_DRAIN] = needsDrain;
  }
}

/** What the class itself says. */
function native(res: NodeResponse, name: string): boolean {
  return Reflect.get(Object.getPrototypeOf(res) as object, name, res) as boolean;
}

const ended = {
  configurable: true,
  get(this: NodeResponse): boolean {
    return this[EXCHANGE]?.responseTap?.appEnded === true || native(this, 'writableEnded');
  },
};

const refuses = {
  configurable: true,
  writable: true,
  value(): never {
    throw withCode(new Error('Response has already been initiated'), 'ERR_HTTP2_HEADERS_SENT');
  },
};

const HTTP2_VIEW: PropertyDescriptorMap & ThisType<NodeResponse> = {
  setHeader: refuses,
  appendHeader: refuses,
  removeHeader: refuses,
  headersSent: {
    configurable: true,
    get(this: NodeResponse): boolean {
      return this[EXCHANGE]?.responseTap?.appHead === true || native(this, 'headersSent');
    },
  },
  writableEnded: ended,
  finished: ended,
};

const HTTP2_NAMES = Object.keys(HTTP2_VIEW);

const HEADERS_SENT: PropertyDescriptor = {
  configurable: true,
  get(this: NodeResponse): boolean {
    return this[EXCHANGE]?.responseTap?.appHead === true;
  },
};

const returnsThis = {
  configurable: true,
  writable: true,
  value(this: NodeResponse): NodeResponse {
    return this;
  },
};

/**
 * A filter has answered for the app. What the app still does to the response changes nothing and
 * throws nothing: it can't know.
 */
export function silence(res: NodeResponse): void {
  Object.defineProperties(res, {
    headersSent: HEADERS_SENT,
    setHeader: returnsThis,
    setHeaders: returnsThis,
    appendHeader: returnsThis,
    removeHeader: returnsThis,
    addTrailers: returnsThis,
    writeContinue: returnsThis,
    writeProcessing: returnsThis,
    writeEarlyHints: returnsThis,
    writeInformation: returnsThis,
  });
}
