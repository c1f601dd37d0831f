/**
 * The client has gone, or has its answer from a filter and nothing more is asked of the connection: the
 * app, which still reads the request, is then told that it is over.
 *
 * @param {import('node:http').IncomingMessage} request whose handler has failed
 */
export function isConnectionOver({ complete, socket }) {
  return !complete || socket.destroyed || socket.readableEnded || socket.writableEnded;
}
