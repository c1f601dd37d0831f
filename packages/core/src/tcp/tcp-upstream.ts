/** Where a TCP proxy connects to. */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { count, expect, isObject, refuse, shape, text, type Check } from '../option-checks.js';
import type { UpstreamTlsOptions } from '../options.js';
import { upstreamTls } from '../upstream-checks.js';

/** The server behind a TCP proxy. */
export interface TcpUpstreamOptions {
  /** Name or address. */
  host: string;
  port: number;
  /** Speaks TLS with the server; `true`: with what Node trusts. Default: plain TCP. */
  tls?: boolean | UpstreamTlsOptions;
  /** Until a connection (with its TLS handshake) is there, milliseconds; default 10 000. */
  connectTimeoutMs?: number;
}

/** `host:port` (`[::1]:port`), or options. */
export type TcpUpstream = string | TcpUpstreamOptions;

const CONNECT_TIMEOUT_MS = 10_000;
const HIGHEST_PORT = 65_535;
const HOST_AND_PORT = /^(?:\[(?<ip6>[\da-fA-F:.%]+)\]|(?<host>[^\s:/@[\]]+)):(?<port>\d{1,5})$/;

const isPort = (value: unknown): boolean =>
  Number.isInteger(value) && (value as number) > 0 && (value as number) <= HIGHEST_PORT;

const tls: Check = (value, path) => {
  if (typeof value !== 'boolean') upstreamTls(value, path);
};

const options = shape(
  {
    host: text,
    port: expect(`a whole number from 1 to ${String(HIGHEST_PORT)}`, isPort),
    tls,
    connectTimeoutMs: count('milliseconds'),
  },
  'host',
  'port',
);

/** {@link TcpUpstream} */
export const tcpUpstream: Check = (value, path) => {
  if (isObject(value)) options(value, path);
  else if (typeof value !== 'string' || addressOf(value) === undefined) {
    refuse(path, '"host:port" or { host, port, tls, connectTimeoutMs }', value);
  }
};

/** Checked options, completed. */
export interface ResolvedTcpUpstream {
  readonly host: string;
  readonly port: number;
  readonly tls: UpstreamTlsOptions | undefined;
  readonly connectTimeoutMs: number;
}

export function resolveTcpUpstream(upstream: TcpUpstream): ResolvedTcpUpstream {
  const given = typeof upstream === 'string' ? addressOf(upstream) : upstream;
  const { host, port, tls: security, connectTimeoutMs } = given as TcpUpstreamOptions;
  return {
    host,
    port,
    tls: security === true ? {} : security === false ? undefined : security,
    connectTimeoutMs: connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
  };
}

function addressOf(upstream: string): TcpUpstreamOptions | undefined {
  const groups = HOST_AND_PORT.exec(upstream)?.groups;
  const host = groups?.['ip6'] ?? groups?.['host'];
  const port = Number(groups?.['port']);
  return host === undefined || !isPort(port) ? undefined : { host, port };
}

/**
 * Opens a connection whose sides may end on their own. What is written to it waits until it is
 * there; it is destroyed with an error where that takes too long.
 */
export function openUpstream(upstream: ResolvedTcpUpstream): Socket {
  const { host, port, tls: security, connectTimeoutMs } = upstream;
  const target = { host, port, allowHalfOpen: true };
  const socket =
    security === undefined
      ? connectTcp(target)
      : connectTls({ ...tlsOptions(security, host), ...target });
  const timer = setTimeout(() => {
    socket.destroy(new Error(`no connection within ${String(connectTimeoutMs)} ms`));
  }, connectTimeoutMs);
  const settled = (): void => {
    clearTimeout(timer);
  };
  socket.once(security === undefined ? 'connect' : 'secureConnect', settled);
  socket.once('close', settled);
  return socket;
}

/** An address is no server name: SNI takes only names. */
function tlsOptions({ ca, ...rest }: UpstreamTlsOptions, host: string) {
  const list = Array.isArray(ca)
    ? (ca as readonly (string | Uint8Array)[])
    : ca === undefined
      ? []
      : [ca];
  const authorities = list.map((entry) => pem(entry as string | Uint8Array));
  const { cert, key, passphrase, rejectUnauthorized } = rest;
  const servername = rest.servername ?? (/[:]|^[\d.]+$/.test(host) ? undefined : host);
  return {
    ...(authorities.length > 0 && { ca: authorities }),
    ...(cert !== undefined && { cert: pem(cert) }),
    ...(key !== undefined && { key: pem(key) }),
    ...(passphrase !== undefined && { passphrase }),
    ...(servername !== undefined && { servername }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
  };
}

function pem(value: string | Uint8Array): string | Buffer {
  return typeof value === 'string' ? value : Buffer.from(value);
}
