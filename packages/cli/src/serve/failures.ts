/** What a client is told where an upstream fails: status, text and details as in Envoy. */
import { getSystemErrorMap } from 'node:util';

/** Envoy's response flags, as bits of the attribute `response.flags`. */
const ResponseFlag = {
  NO_HEALTHY_UPSTREAM: 0x2,
  UPSTREAM_REQUEST_TIMEOUT: 0x4,
  UPSTREAM_CONNECTION_FAILURE: 0x20,
  UPSTREAM_CONNECTION_TERMINATION: 0x40,
  NO_ROUTE_FOUND: 0x100,
  STREAM_IDLE_TIMEOUT: 0x10000,
  UPSTREAM_PROTOCOL_ERROR: 0x800000,
} as const;

/** An answer of the proxy's own. */
export interface Failure {
  readonly status: number;
  readonly body: string;
  readonly details: string;
  readonly flag: number;
}

export const NO_ROUTE: Failure = {
  status: 404,
  body: '',
  details: 'route_not_found',
  flag: ResponseFlag.NO_ROUTE_FOUND,
};

export const NO_HEALTHY_UPSTREAM: Failure = {
  status: 503,
  body: 'no healthy upstream',
  details: 'no_healthy_upstream',
  flag: ResponseFlag.NO_HEALTHY_UPSTREAM,
};

export const REQUEST_TIMEOUT: Failure = {
  status: 504,
  body: 'upstream request timeout',
  details: 'response_timeout',
  flag: ResponseFlag.UPSTREAM_REQUEST_TIMEOUT,
};

/** @param isComplete whether the whole request has come: else it is the client who is late */
export function idleTimeout(isComplete: boolean): Failure {
  return {
    status: isComplete ? 504 : 408,
    body: 'stream timeout',
    details: 'stream_idle_timeout',
    flag: ResponseFlag.STREAM_IDLE_TIMEOUT,
  };
}

const CONNECT_CODES = new Set([
  ...['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'EACCES', 'EPERM'],
  ...['ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT'],
]);

/** Why there is no answer of an upstream's, from what undici says. */
export function failureOf(error: Error & { code?: string; syscall?: string }): Failure {
  const { code = '', syscall } = error;
  if (code === 'UND_ERR_CONNECT_TIMEOUT') {
    return reset(503, 'connection timeout', ResponseFlag.UPSTREAM_CONNECTION_FAILURE);
  }
  if (error.name === 'HTTPParserError') {
    return reset(502, 'protocol error', ResponseFlag.UPSTREAM_PROTOCOL_ERROR);
  }
  const isTls = code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS') || isCertificate(code);
  if (isTls || syscall === 'connect' || syscall === 'getaddrinfo' || CONNECT_CODES.has(code)) {
    const why = isTls ? `TLS_error: ${error.message}` : `delayed connect error: ${textOf(code)}`;
    const reason = `remote connection failure, transport failure reason: ${why}`;
    return reset(503, reason, ResponseFlag.UPSTREAM_CONNECTION_FAILURE);
  }
  return reset(503, 'connection termination', ResponseFlag.UPSTREAM_CONNECTION_TERMINATION);
}

function reset(status: number, reason: string, flag: number): Failure {
  const [word = reason] = reason.split(',');
  return {
    status,
    body: `upstream connect error or disconnect/reset before headers. reset reason: ${reason}`,
    details: `upstream_reset_before_response_started{${word.replaceAll(' ', '_')}}`,
    flag,
  };
}

function isCertificate(code: string): boolean {
  return /CERT|UNABLE_TO_VERIFY|DEPTH_ZERO/.test(code);
}

/** The system's words for a code: "Connection refused". */
function textOf(code: string): string {
  for (const [name, text] of getSystemErrorMap().values()) {
    if (name === code) return text.charAt(0).toUpperCase() + text.slice(1);
  }
  return code;
}
