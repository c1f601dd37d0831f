/**
 * Responses that end in the same turn of the event loop leave together. The first of a turn is
 * written at once; those that end after it wait, as bytes in their sockets, for the end of the turn.
 * Each write wakes whoever reads at the other end, which under load costs more than all that filters
 * do; together they wake it once. Whoever destroys a socket sends first what waits in it, as without
 * this. @see docs/decisions.md
 */
import { Duplex } from 'node:stream';
import { setImmediate as nodeSetImmediate } from 'node:timers';

import { writeLonePieces } from './lone-piece.js';
import type { NodeResponse } from './messages.js';

/** Nothing waits longer, but for the one handler that is running then. */
const WAIT_MS = 1;

const COALESCES = Symbol('proxy-wasm coalesces');

type Socket = Duplex & {
  [COALESCES]?: boolean;
  uncork: () => void;
  destroy: (error?: Error) => Duplex;
};

// Always called with the socket as `this`.
// eslint-disable-next-line @typescript-eslint/unbound-method
const nativeUncork = Duplex.prototype.uncork;
/** Node's own, whatever a test puts into its place later. */
const atEndOfTurn = nodeSetImmediate;

let waiting: Socket[] = [];
/** On performance's clock: not before the oldest of `waiting`. */
let sinceMs = 0;
/** When a request last came. */
let lastMs = 0;
/** A response has left in this turn, whose end sends what waits. */
let inTurn = false;
/** Node is ending a response. */
let isEnding = false;
let sendsAtExit = false;

/** Has what Node writes next, up to {@link endCoalesced}, leave with others' responses. */
export function beginCoalesced({ socket }: NodeResponse): void {
  if (socket === null) return;
  isEnding = (socket as Socket)[COALESCES] ?? adopt(socket);
}

export function endCoalesced(): void {
  isEnding = false;
}

/** A request has come: what has waited long enough does not wait for its handler too. */
export function noteRequest(nowMs: number): void {
  lastMs = nowMs;
  if (waiting.length > 0 && nowMs - sinceMs > WAIT_MS) send();
}

/** Once for each connection. Answers false where somebody else has changed how it writes or ends. */
function adopt(socket: Socket): boolean {
  const isNative = socket.uncork === nativeUncork && !Object.hasOwn(socket, 'destroy');
  socket[COALESCES] = isNative;
  if (!isNative) return false;
  socket.uncork = uncork;
  socket.destroy = destroy;
  writeLonePieces(socket);
  return true;
}

/** Node corks a socket for the length of `res.end`, and uncorks it last; newer versions twice. */
function uncork(this: Socket): void {
  if (!isEnding || this.writableCorked === 0) {
    nativeUncork.call(this);
  } else if (inTurn) {
    wait(this);
  } else {
    inTurn = true;
    atEndOfTurn(endTurn);
    nativeUncork.call(this);
  }
}

function wait(socket: Socket): void {
  if (waiting.length === 0) sinceMs = lastMs;
  else if (waiting.at(-1) === socket) return;
  waiting.push(socket);
  if (sendsAtExit) return;
  sendsAtExit = true;
  process.once('exit', send);
}

function endTurn(): void {
  inTurn = false;
  if (waiting.length > 0) send();
}

function send(): void {
  const sockets = waiting;
  waiting = [];
  for (const socket of sockets) release(socket);
}

/** Whoever has corked it since then wants to hold what comes after. */
function release(socket: Socket): void {
  const { writableCorked: corks } = socket;
  for (let left = corks; left > 0; left--) nativeUncork.call(socket);
  for (let again = 1; again < corks; again++) socket.cork();
}

function destroy(this: Socket, error?: Error): Duplex {
  if (waiting.includes(this)) release(this);
  return (Object.getPrototypeOf(this) as Duplex).destroy.call(this, error);
}
