/**
 * The end of a request without a body. Node tells of it when the request has come ('readable'), and
 * has one that nobody has read flow to it once it is answered ('end', 'close'): four rounds of its
 * tick queue and a destroy, dearer than many a filter, for events that hardly anybody listens to. A
 * request that nobody listens to by the end of the turn is given the state that it would have come to.
 * Node 24 and later do so before the app has the request, where a server asks for it
 * (`optimizeEmptyRequests`); here it is too late for anybody to miss it.
 */
import { IncomingMessage } from 'node:http';
import { setImmediate as nodeSetImmediate } from 'node:timers';

import type { NodeRequest } from './messages.js';

/** Fields of Node's `Readable` state: those that its end sets. */
interface ReadableState {
  readonly ended: boolean;
  readonly length: number;
  readonly flowing: boolean | null;
  emittedReadable: boolean;
  endEmitted: boolean;
  destroyed: boolean;
  closed: boolean;
  closeEmitted: boolean;
}

/** A request, with what of Node's own it takes to put it away. */
interface Answered {
  readonly _readableState: ReadableState;
  /** Of Node's EventEmitter: how many events have listeners. */
  readonly _eventsCount: number;
  readonly complete: boolean;
  readonly socket: { readonly parser?: { incoming: unknown } | null };
  _dumped: boolean;
  _dump: (this: Answered) => void;
  resume: () => unknown;
}

const { _dump: nativeDump } = IncomingMessage.prototype as unknown as Answered;
/** Node's own, whatever a test puts into its place later. */
const atEndOfTurn = nodeSetImmediate;

let answered: Answered[] = [];

/** Has a request that can't have a body end so. @param req of node:http */
export function endCheaply(req: NodeRequest): void {
  const message = req as unknown as Answered;
  if (message._dump !== nativeDump) return;
  message._dump = dumpAtEndOfTurn;
  // Whoever listens for it from now on sets that back, and is told when the end has come.
  if (message._eventsCount === 0) message._readableState.emittedReadable = true;
}

/** Node calls it when the response is out and nobody has read the request. */
function dumpAtEndOfTurn(this: Answered): void {
  if (this._eventsCount > 0 || this._readableState.flowing !== null) {
    nativeDump.call(this);
    return;
  }
  this._dumped = true;
  letGo(this);
  if (answered.length === 0) atEndOfTurn(endTurn);
  answered.push(this);
}

/** Else Node would listen for the end of the request, to do this then. */
function letGo(req: Answered): void {
  const { parser } = req.socket;
  if (req.complete && parser?.incoming === req) parser.incoming = null;
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
  const { _readableState: state } = req;
  const isEmpty = req.complete && state.ended && state.length === 0;
  return isEmpty && req._eventsCount === 0 && state.flowing === null && !state.destroyed;
}

/** What Node's way would lead to by and by. It is not made to flow: nor does Node 26. */
function settle(req: Answered): void {
  const { _readableState: state } = req;
  state.endEmitted = true;
  state.destroyed = true;
  state.closed = true;
  state.closeEmitted = true;
}
