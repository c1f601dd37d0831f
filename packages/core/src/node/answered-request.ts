/**
 * A request without a body that nobody has read, once it is answered. Node has such a one flow to its
 * end, three rounds of its tick queue and a destroy that are dearer than most filters, for the sake of
 * events that hardly anybody listens to. One that nobody listens to by the end of the turn is given
 * the state that it would have come to. Node 24 and later do the same before the app has the request,
 * where a server asks for it (`optimizeEmptyRequests`); here it is too late for anybody to miss it.
 */
import { IncomingMessage } from 'node:http';
import { setImmediate as nodeSetImmediate } from 'node:timers';

import type { NodeRequest } from './messages.js';

/** Fields of Node's `Readable` state: those that its end sets. */
interface ReadableState {
  readonly ended: boolean;
  readonly length: number;
  readonly flowing: boolean | null;
  endEmitted: boolean;
  destroyed: boolean;
  closed: boolean;
  closeEmitted: boolean;
}

type Answered = NodeRequest & {
  readonly _readableState: ReadableState;
  /** Of Node's EventEmitter: the listeners, and how many events have some. */
  readonly _events: { readonly end?: unknown };
  readonly _eventsCount: number;
  _dump(): void;
};

// Always called with the request as `this`.
// eslint-disable-next-line @typescript-eslint/unbound-method
const nativeDump = (IncomingMessage.prototype as Answered)._dump;
/** Node's own, whatever a test puts into its place later. */
const atEndOfTurn = nodeSetImmediate;

let answered: Answered[] = [];
let nodesListener: unknown;

/** Has a request that can't have a body end so. @param req of node:http */
export function endCheaply(req: NodeRequest): void {
  if ((req as Answered)._dump === nativeDump) (req as Answered)._dump = dumpAtEndOfTurn;
}

/** Node calls it when the response is out and nobody has read the request. */
function dumpAtEndOfTurn(this: Answered): void {
  if (this._eventsCount > 0 || this._readableState.flowing !== null) {
    nativeDump.call(this);
    return;
  }
  this._dumped = true;
  if (answered.length === 0) atEndOfTurn(endTurn);
  answered.push(this);
}

function endTurn(): void {
  const requests = answered;
  answered = [];
  for (const req of requests) {
    if (isUnobserved(req)) settle(req);
    else req.resume();
  }
}

/** Nobody has come who listens to it or reads, and there is nothing to be read. */
function isUnobserved(req: Answered): boolean {
  const { _readableState: state, _eventsCount: events } = req;
  if (events > 1 || (events === 1 && !isNodes(req._events.end))) return false;
  const isEmpty = req.complete && state.ended && state.length === 0;
  return isEmpty && state.flowing === null && !state.destroyed;
}

/** Node's own listener, which lets go of the request. */
function isNodes(listener: unknown): boolean {
  if (listener === nodesListener) return listener !== undefined;
  if (typeof listener !== 'function' || listener.name !== 'clearIncoming') return false;
  nodesListener = listener;
  return true;
}

/** What Node's way would lead to by and by. It is not made to flow: nor does Node 26. */
function settle(req: Answered): void {
  const { _readableState: state } = req;
  state.endEmitted = true;
  state.destroyed = true;
  state.closed = true;
  state.closeEmitted = true;
  if (req._eventsCount > 0) req.emit('end');
}
