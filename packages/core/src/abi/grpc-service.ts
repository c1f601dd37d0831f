/**
 * The part of `envoy.config.core.v3.GrpcService` that says whom to call: what SDKs pass to the gRPC
 * hostcalls where no plain name is given.
 *
 *     1 envoy_grpc  { 1 cluster_name, 2 authority }
 *     2 google_grpc { 1 target_uri }
 *     5 initial_metadata, repeated { 1 key, 2 value }
 *
 * Other fields (the timeout, credentials, retries) are the upstream's options here, and are skipped.
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/grpc_service.proto
 */

export interface GrpcService {
  /** Cluster name or target URI: looked up among the upstreams, never dialled as it is. */
  readonly name: string;
  readonly authority: string | undefined;
  /** name, value, …; names lower-case. */
  readonly metadata: readonly string[];
}

/** undefined: not a message of that kind, or one that names nobody. */
export function parseGrpcService(bytes: Uint8Array): GrpcService | undefined {
  let name = '';
  let authority: string | undefined;
  const metadata: string[] = [];
  const valid = readFields(bytes, (field, value) => {
    const parts = new Map<number, string>();
    if (field !== 1 && field !== 2 && field !== 5) return true;
    if (!readFields(value, (part, text) => parts.set(part, toText(text)).size > 0)) return false;
    if (field === 5) metadata.push((parts.get(1) ?? '').toLowerCase(), parts.get(2) ?? '');
    else name = parts.get(1) ?? '';
    if (field === 1) authority = parts.get(2) === '' ? undefined : parts.get(2);
    return true;
  });
  return valid && name !== '' ? { name, authority, metadata } : undefined;
}

function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

/** Calls `use` for each field that has bytes. False: malformed, or `use` said so. */
function readFields(
  bytes: Uint8Array,
  use: (field: number, value: Uint8Array) => boolean,
): boolean {
  const reader = { bytes, at: 0 };
  while (reader.at < bytes.length) {
    const tag = readVarint(reader);
    if (tag < 8) return false;
    const size = sizeOf(tag & 7, reader);
    const end = reader.at + size;
    if (!(end <= bytes.length)) return false;
    if ((tag & 7) === 2 && !use(tag >>> 3, bytes.subarray(reader.at, end))) return false;
    reader.at = end;
  }
  return true;
}

/** How many bytes a field has that begins here; NaN: no field. Groups are older than the message. */
function sizeOf(wireType: number, reader: { bytes: Uint8Array; at: number }): number {
  if (wireType === 1) return 8;
  if (wireType === 5) return 4;
  if (wireType === 2) return readVarint(reader);
  if (wireType !== 0) return Number.NaN;
  return Number.isNaN(readVarint(reader)) ? Number.NaN : 0;
}

/** NaN where it is cut off or longer than ten bytes. Only its low 32 bits are right. */
function readVarint(reader: { bytes: Uint8Array; at: number }): number {
  let value = 0;
  for (let index = 0; index < 10; index += 1) {
    const byte = reader.bytes[reader.at];
    if (byte === undefined) return Number.NaN;
    reader.at += 1;
    if (index < 5) value |= (byte & 0x7f) << (7 * index);
    if (byte < 0x80) return value >>> 0;
  }
  return Number.NaN;
}
