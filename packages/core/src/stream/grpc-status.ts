/** gRPC status codes, where HTTP answers a gRPC call. */

/** The highest that gRPC defines. */
const LAST_STATUS = 16;
const UNKNOWN = 2;

/** gRPC's own mapping. */
const STATUS_OF_HTTP = new Map([
  [400, 13],
  [401, 16],
  [403, 7],
  [404, 12],
  [429, 14],
  [502, 14],
  [503, 14],
  [504, 14],
]);

export function isGrpcStatus(status: number): boolean {
  return status >= 0 && status <= LAST_STATUS;
}

/** What an HTTP status means to a gRPC client that gets no other; Unknown where gRPC names none. */
export function grpcStatusOfHttp(statusCode: number): number {
  return STATUS_OF_HTTP.get(statusCode) ?? UNKNOWN;
}
