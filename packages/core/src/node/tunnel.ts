/**
 * Upgrade and CONNECT on HTTP/1: Node gives a request and a bare socket. Filters see the request's
 * head; one that answers gets its response written and the connection closed.
 */
import { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import { EXCHANGE, type NodeRequest, type NodeResponse } from './messages.js';

/** A socket as node:http has it while it writes a response on it. */
type HttpSocket = Socket & { _httpMessage?: ServerResponse | null };

/** Runs the request through filters; `next` once it has passed. */
export type RunFilters = (req: NodeRequest, res: NodeResponse, next: () => void) => void;

/** Lets filters see the head; `proceed` gives the socket to the app, after which it is the app's. */
export function filterTunnel(
  run: RunFilters,
  [req, socket]: readonly [req: NodeRequest, socket: Socket],
  proceed: () => void,
): void {
  // Node has taken its own listener away, and the app's is not there yet.
  socket.on('error', destroy);
  socket.once('close', () => req[EXCHANGE]?.closed());
  whenFree(socket, () => {
    const res = responseOn(req, socket);
    run(req, res, () => {
      res.detachSocket(socket);
      socket.removeListener('error', destroy);
      req[EXCHANGE]?.becomeTunnel();
      proceed();
    });
  });
}

const NO_CONNECT = 'CONNECT is not supported by this server.\n';

/** HTTP/1's CONNECT where nobody takes it: Node would close the connection without a word. */
export function refuseConnect(req: NodeRequest, socket: Socket): void {
  socket.on('error', destroy);
  whenFree(socket, () => {
    answerNoConnect(responseOn(req, socket));
  });
}

/** The same words on HTTP/2, which has a response for it. */
export function answerNoConnect(res: NodeResponse): void {
  res.statusCode = 501;
  res.setHeader('content-type', 'text/plain');
  res.setHeader('content-length', NO_CONNECT.length);
  res.end(NO_CONNECT);
}

/** A response after which the connection closes. */
function responseOn(req: NodeRequest, socket: Socket): ServerResponse {
  const res = new ServerResponse(req);
  res.shouldKeepAlive = false;
  res.assignSocket(socket);
  res.once('finish', () => {
    res.detachSocket(socket);
    socket.destroySoon();
  });
  return res;
}

/** The answer to a request before it on the same connection may still be on its way. */
function whenFree(socket: HttpSocket, go: () => void): void {
  const before = socket._httpMessage;
  if (before == null) {
    if (!socket.destroyed) go();
    return;
  }
  before.once('close', () => {
    whenFree(socket, go);
  });
}

function destroy(this: Socket): void {
  this.destroy();
}
