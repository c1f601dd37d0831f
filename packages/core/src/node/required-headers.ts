import type { LocalResponse } from '../vm/context.js';

/**
 * Answers a request from which a filter took a header that every request has; as Envoy does where
 * it would have to send it on.
 */
export function withoutRequired(name: string): LocalResponse {
  return {
    statusCode: 503,
    details: `filter_removed_required_request_headers{missing_required_header:_${name}}`,
    body: Buffer.from(`missing required header: ${name}`, 'latin1'),
    headers: [],
    grpcStatus: -1,
  };
}
