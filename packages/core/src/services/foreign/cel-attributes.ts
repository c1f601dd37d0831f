/** The attributes that properties show, as variables of a CEL expression. */
import type { PropertyValue } from '../../abi/property-value.js';
import type { ForeignCaller } from './caller.js';

/**
 * What is looked into further, by path; joined by zero bytes, since a segment may have dots. Anything
 * else is a property as a whole, or is not there.
 */
const CONTAINERS = [
  /^(?:request|response|connection|source|destination|upstream|xds)$/,
  /^(?:filter_state|upstream_filter_state)$/,
  /^(?:xds\0)?node(?:\0(?:metadata|locality))?$/,
  /^(?:metadata|(?:xds\0)?\w+_metadata)(?:\0filter_metadata(?:\0[^\0]+)?)?$/,
];

const TIMESTAMPS: ReadonlySet<string> = new Set(['request.time']);
const DURATIONS: ReadonlySet<string> = new Set(['request.duration', 'response.backend_latency']);

const NS_PER_S = 1_000_000_000n;

/** Attributes are asked for when the expression comes to them, and never all of them. */
export function attributeBindings(caller: ForeignCaller): Record<string, unknown> {
  return new Proxy<Record<string, unknown>>(
    {},
    {
      get: (_target, name) => (typeof name === 'string' ? attributeAt(caller, [name]) : undefined),
    },
  );
}

function attributeAt(caller: ForeignCaller, path: readonly string[]): unknown {
  const value = caller.property(path);
  if (value !== undefined) return toCel(value, path);
  const name = path.join('\0');
  const isContainer = CONTAINERS.some((pattern) => pattern.test(name));
  return isContainer ? new AttributeMap(caller, path) : undefined;
}

/** A map whose entries are attributes. Which ones there are nobody can tell. */
class AttributeMap extends Map<string, unknown> {
  readonly #caller: ForeignCaller;
  readonly #path: readonly string[];

  constructor(caller: ForeignCaller, path: readonly string[]) {
    super();
    this.#caller = caller;
    this.#path = path;
  }

  override get(key: unknown): unknown {
    return typeof key === 'string' ? attributeAt(this.#caller, [...this.#path, key]) : undefined;
  }
}

/** Property values as CEL has them: whole numbers are ints, bytes of headers are text. */
function toCel(value: PropertyValue, path: readonly string[]): unknown {
  const name = path.join('.');
  if (typeof value === 'bigint' && TIMESTAMPS.has(name)) return timestamp(value);
  if (typeof value === 'bigint' && DURATIONS.has(name)) return duration(value);
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (typeof value !== 'object') return value;
  if (value instanceof Uint8Array) {
    const isText = path[0] === 'request' || path[0] === 'response';
    return isText ? Buffer.from(value).toString('utf8') : value;
  }
  if (value instanceof Date) return timestamp(BigInt(value.getTime()) * 1_000_000n);
  if (Array.isArray(value)) return value.map((each: PropertyValue) => toCel(each, path));
  return new Map(Object.entries(value).map(([key, each]) => [key, toCel(each, path)]));
}

function timestamp(ns: bigint): unknown {
  const nanos = ((ns % NS_PER_S) + NS_PER_S) % NS_PER_S;
  const seconds = (ns - nanos) / NS_PER_S;
  return { $typeName: 'google.protobuf.Timestamp', seconds, nanos: Number(nanos) };
}

function duration(ns: bigint): unknown {
  const nanos = Number(ns % NS_PER_S);
  return { $typeName: 'google.protobuf.Duration', seconds: ns / NS_PER_S, nanos };
}
