/**
 * The attributes of a connection: who is at its two ends, and what TLS says of them. What Node does
 * not know is absent.
 * @see abi.md 7.3
 */
import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

import type { PropertyValue } from '../vm/context.js';

/** A connection's id: small numbers in order, given when first asked for. */
const CONNECTION_ID = Symbol('proxy-wasm connection id');
let lastConnectionId = 0;

type Connection = (Socket | TLSSocket) & { [CONNECTION_ID]?: number };
type Attribute = (socket: Connection) => PropertyValue | undefined;
type CertificateAttribute = (certificate: X509Certificate) => string | undefined;

const CERTIFICATE_ATTRIBUTES: readonly [string, 'local' | 'peer', CertificateAttribute][] = [
  ['subject_local_certificate', 'local', (certificate) => distinguishedName(certificate.subject)],
  ['subject_peer_certificate', 'peer', (certificate) => distinguishedName(certificate.subject)],
  ['dns_san_local_certificate', 'local', (certificate) => firstAlternative(certificate, 'DNS:')],
  ['dns_san_peer_certificate', 'peer', (certificate) => firstAlternative(certificate, 'DNS:')],
  ['uri_san_local_certificate', 'local', (certificate) => firstAlternative(certificate, 'URI:')],
  ['uri_san_peer_certificate', 'peer', (certificate) => firstAlternative(certificate, 'URI:')],
  [
    'sha256_peer_certificate_digest',
    'peer',
    ({ fingerprint256 }) => fingerprint256.replaceAll(':', '').toLowerCase(),
  ],
  ['peer_certificate', 'peer', (certificate) => encodeURIComponent(certificate.toString())],
];

const ATTRIBUTES = new Map<string, Attribute>([
  ['source.address', (socket) => address(socket.remoteAddress, socket.remotePort)],
  ['source.port', ({ remotePort }) => remotePort],
  ['destination.address', (socket) => address(socket.localAddress, socket.localPort)],
  ['destination.port', ({ localPort }) => localPort],
  ['connection.id', connectionId],
  ['connection_id', connectionId],
  ['connection.mtls', (socket) => certificateOf(socket, 'peer') !== undefined],
  ['connection.requested_server_name', requestedServerName],
  [
    'connection.tls_version',
    (socket) => (isTls(socket) ? (socket.getProtocol() ?? undefined) : undefined),
  ],
  ...CERTIFICATE_ATTRIBUTES.map(([name, side, read]): [string, Attribute] => [
    `connection.${name}`,
    (socket) => {
      const certificate = certificateOf(socket, side);
      return certificate === undefined ? undefined : read(certificate);
    },
  ]),
]);

/** An attribute of the connection that a request came on; undefined: not one, or not known. */
export function connectionAttribute(
  socket: Socket,
  path: readonly string[],
): PropertyValue | undefined {
  return ATTRIBUTES.get(path.join('.'))?.(socket);
}

/** As Envoy writes it: "127.0.0.1:80", "[::1]:80". IPv4 on a socket for both is shown as IPv4. */
function address(host: string | undefined, port: number | undefined): string | undefined {
  if (host === undefined || port === undefined) return undefined;
  const ip = host.startsWith('::ffff:') && host.includes('.') ? host.slice('::ffff:'.length) : host;
  return ip.includes(':') ? `[${ip}]:${String(port)}` : `${ip}:${String(port)}`;
}

function connectionId(socket: Connection): number {
  const known = socket[CONNECTION_ID];
  if (known !== undefined) return known;
  lastConnectionId += 1;
  socket[CONNECTION_ID] = lastConnectionId;
  return lastConnectionId;
}

function isTls(socket: Connection): socket is TLSSocket {
  return 'encrypted' in socket && socket.encrypted;
}

function requestedServerName(socket: Connection): string | undefined {
  const name: unknown = isTls(socket) ? Reflect.get(socket, 'servername') : undefined;
  return typeof name === 'string' && name !== '' ? name : undefined;
}

function certificateOf(socket: Connection, side: 'local' | 'peer'): X509Certificate | undefined {
  if (!isTls(socket)) return undefined;
  return side === 'local' ? socket.getX509Certificate() : socket.getPeerX509Certificate();
}

/** RFC 2253: the most specific part first. Node has one part a line, the least specific first. */
function distinguishedName(subject: string): string {
  return subject.split('\n').reverse().join(',');
}

function firstAlternative({ subjectAltName }: X509Certificate, kind: string): string | undefined {
  return subjectAltName
    ?.split(', ')
    .find((name) => name.startsWith(kind))
    ?.slice(kind.length);
}
