/** The attributes `upstream.*`: those of a proxy's own connection to the server. @see abi.md 7.3 */
import type { Socket } from 'node:net';

import { connectionAttribute } from '../node/attributes.js';
import type { PropertyValue } from '../vm/context.js';

/** Seen from the proxy, the server is the far end. */
const ENDS: Readonly<Record<string, readonly string[]>> = {
  address: ['source', 'address'],
  port: ['source', 'port'],
  local_address: ['destination', 'address'],
};

/** What `connection.*` has too, and only TLS knows. */
const TLS =
  /^(?:tls_version|(?:subject|dns_san|uri_san)_(?:local|peer)_certificate|sha256_peer_certificate_digest|peer_certificate)$/;

/** undefined: not one, not known, or there is no upstream (yet). */
export function upstreamAttribute(
  socket: Socket | undefined,
  [, name = '', ...rest]: readonly string[],
): PropertyValue | undefined {
  if (socket === undefined || rest.length > 0) return undefined;
  const end = Object.hasOwn(ENDS, name) ? ENDS[name] : undefined;
  if (end !== undefined) return connectionAttribute(socket, end);
  return TLS.test(name) ? connectionAttribute(socket, ['connection', name]) : undefined;
}
