/** What the gRPC hostcalls ask of an upstream, and what they are told. */

export interface GrpcRequest {
  /** `/service/method`. */
  readonly path: string;
  /** name, value, …; names lower-case. Values of `-bin` names are base64, as on the wire. */
  readonly metadata: readonly string[];
  /** undefined: that of the upstream. */
  readonly authority: string | undefined;
}

/** Told what comes of a call, in this order, until `closed`; nothing once it was cancelled. */
export interface GrpcListener {
  initialMetadata(metadata: readonly string[]): void;
  /** A message, without its frame. */
  message(bytes: Uint8Array): void;
  trailingMetadata(metadata: readonly string[]): void;
  /** The last that is said. */
  closed(status: number, message: string): void;
}

export interface GrpcStream {
  /** False: so much waits to be sent that this is not taken. */
  send(message: Uint8Array): boolean;
  /** No more messages follow; those of the other side still arrive. */
  end(): void;
  cancel(): void;
}

/** Where gRPC calls go. */
export interface GrpcTarget {
  /** @param timeoutMs 0: none */
  call(
    request: GrpcRequest,
    message: Uint8Array,
    timeoutMs: number,
    listener: GrpcListener,
  ): Pick<GrpcStream, 'cancel'>;
  stream(request: GrpcRequest, listener: GrpcListener): GrpcStream;
}

const NAME = /^[0-9a-z_.-]+$/;
const VALUE = /^[\x20-\x7e]*$/;

/** Whether gRPC can carry these as metadata; names are lower-case. */
export function isMetadata(entries: readonly string[]): boolean {
  return entries.every((text, index) => (index % 2 === 0 ? NAME : VALUE).test(text));
}

/** gRPC's status codes by number, as figures name them. */
export const GRPC_STATUS_NAMES: readonly string[] = [
  ...['ok', 'cancelled', 'unknown', 'invalid_argument', 'deadline_exceeded', 'not_found'],
  ...['already_exists', 'permission_denied', 'resource_exhausted', 'failed_precondition'],
  ...['aborted', 'out_of_range', 'unimplemented', 'internal', 'unavailable', 'data_loss'],
  'unauthenticated',
];
