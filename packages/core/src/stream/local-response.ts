import { isPseudoHeader } from '../abi/header-syntax.js';
import type { HeaderMap, LocalResponse } from '../vm/context.js';
import { grpcStatusOfHttp, isGrpcStatus } from './grpc-status.js';

const NO_BYTES = new Uint8Array(0);

/**
 * Writes the head of a local response and answers its body. A gRPC request gets HTTP 200 with
 * `grpc-status` and `grpc-message` and no body, since its client reads nothing else.
 * @see abi.md 6.7
 */
export function writeLocalResponse(
  head: HeaderMap,
  response: LocalResponse,
  requestHeaders: HeaderMap,
): Uint8Array {
  return isGrpc(requestHeaders) ? writeGrpc(head, response) : writePlain(head, response);
}

function isGrpc(requestHeaders: HeaderMap): boolean {
  const contentType = requestHeaders.get('content-type');
  return contentType !== undefined && /^application\/grpc(?:[+;]|$)/i.test(contentType);
}

function writePlain(head: HeaderMap, { statusCode, headers, body }: LocalResponse): Uint8Array {
  head.replace(':status', String(statusCode));
  writeHeaders(head, headers);
  if (body.length === 0) {
    head.remove('content-length');
    head.remove('content-type');
    return NO_BYTES;
  }
  head.replace('content-length', String(body.length));
  if (!headers.includes('content-type')) head.replace('content-type', 'text/plain');
  return body;
}

function writeGrpc(head: HeaderMap, response: LocalResponse): Uint8Array {
  const { statusCode, grpcStatus } = response;
  const status = isGrpcStatus(grpcStatus) ? grpcStatus : grpcStatusOfHttp(statusCode);
  head.replace(':status', '200');
  writeHeaders(head, response.headers);
  head.replace('content-type', 'application/grpc');
  head.remove('content-length');
  head.replace('grpc-status', String(status));
  if (response.body.length > 0) head.replace('grpc-message', percentEncode(response.body));
  return NO_BYTES;
}

/** What the filter set replaces what stood there; its own repeats are kept, in order. */
function writeHeaders(head: HeaderMap, headers: readonly string[]): void {
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string;
    if (isPseudoHeader(name)) continue;
    if (name !== 'set-cookie' && headers.indexOf(name) === index) head.remove(name);
    head.add(name, headers[index + 1] as string);
  }
}

/** gRPC's `grpc-message`: printable ASCII but %, everything else as %XX. */
function percentEncode(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    const printable = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    text += printable
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}
