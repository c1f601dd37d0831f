import { MAX_PAIRS, MAX_PAIRS_BYTES } from '../abi/pairs.js';

/** How much a guest may hand over, and how often it may speak. */
export interface HostcallLimits {
  /** Bytes of one list of pairs. More is an empty list, as in cpp-host. */
  readonly pairsBytes: number;
  /** Entries of one list of pairs. More is an empty list, as in cpp-host. */
  readonly pairsEntries: number;
  /** Bytes of header names and values that a context may write; each write counts 32 more. */
  readonly headerBytes: number;
  /** Bytes that a body may grow to by what a guest writes. */
  readonly bodyBytes: number;
  /** Bytes of what the filters of one exchange keep in properties. */
  readonly propertyBytes: number;
  /** Bytes of one key and value of shared data, or of one message in a queue. */
  readonly sharedDataBytes: number;
  /** Bytes of the bodies of calls to upstreams that are in flight. */
  readonly upstreamBytes: number;
  /** Calls that are in flight, to upstreams or to foreign functions that answer later. */
  readonly upstreamCalls: number;
  /** Bytes of one log line; the rest is cut off. */
  readonly logLineBytes: number;
  readonly logLinesPerSecond: number | false;
}

const KIB = 1024;
const MIB = 1024 * KIB;

export const DEFAULT_HOSTCALL_LIMITS: HostcallLimits = {
  pairsBytes: MAX_PAIRS_BYTES,
  pairsEntries: MAX_PAIRS,
  headerBytes: 4 * MIB,
  bodyBytes: 64 * MIB,
  propertyBytes: MIB,
  sharedDataBytes: 16 * MIB,
  upstreamBytes: 64 * MIB,
  upstreamCalls: 1024,
  logLineBytes: 64 * KIB,
  logLinesPerSecond: 10_000,
};

/** What a write of a header counts beside its bytes, so that many small ones come to something. */
export const HEADER_WRITE_BYTES = 32;
