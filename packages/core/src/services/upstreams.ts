import type { GrpcTarget } from '../abi/grpc-call.js';
import type { HttpTarget } from '../abi/http-call.js';
import type { Upstream } from '../options.js';
import { FunctionUpstream } from './function-upstream.js';
import { RotatingUpstream } from './rotating-upstream.js';
import { ServerUpstream } from './server-upstream.js';
import { loadUndici } from './undici-transport.js';
import { resolveUpstreamOptions, UPSTREAM_DEFAULTS } from './upstream-options.js';

/** What a name leads to. */
export interface UpstreamTarget extends HttpTarget {
  /** undefined: it is no server. Throws where gRPC's package is not installed. */
  readonly grpc?: GrpcTarget;
  close?(): void;
}

export interface UpstreamDefinition {
  readonly upstream: Upstream;
  readonly isGiven: boolean;
}

/** Upstreams by name, where those of a plugin are looked for that it was not given itself. */
export type NamedUpstreams = Pick<Upstreams, 'has' | 'find'>;

/** How many upstreams beside those given are kept, with their connections. */
const MAX_RESOLVED = 1024;

/**
 * Upstreams by name. A name that is not given, and that `resolve` does not know, leads nowhere:
 * nothing else is ever reached.
 */
export class Upstreams {
  readonly #given: ReadonlyMap<string, Upstream>;
  readonly #resolve: (name: string) => Upstream | undefined;
  readonly #others: NamedUpstreams | undefined;
  /** By definition, so that names for the same server share its connections. */
  readonly #targets = new Map<unknown, UpstreamTarget>();

  /**
   * @param given exact names
   * @param resolve asked for names that are in no list; checks what it answers
   * @param others where names are looked for that are not given here
   */
  constructor(
    given: Readonly<Record<string, Upstream>> = {},
    resolve: (name: string) => Upstream | undefined = () => undefined,
    others?: NamedUpstreams,
  ) {
    this.#given = new Map(Object.entries(given));
    this.#resolve = resolve;
    this.#others = others;
    const takesUndici = [...this.#given.values()].some((each) => typeof each !== 'function');
    // Now, since it takes long: the first call should not wait for it. A failure shows then.
    if (takesUndici) loadUndici().catch(() => undefined);
  }

  /** Whether a name is among those that were given. */
  has(name: string): boolean {
    return this.#given.has(name) || this.#others?.has(name) === true;
  }

  /**
   * What a name leads to; undefined: nothing.
   *
   * @throws what `resolve` throws
   */
  find(name: string): UpstreamTarget | undefined {
    const given = this.#given.get(name);
    if (given !== undefined) return this.targetOf(given);
    if (this.#others !== undefined) return this.#others.find(name);
    const resolved = this.#resolve(name);
    return resolved === undefined ? undefined : this.targetOf(resolved);
  }

  /**
   * What a name stands for here, and whether it was given, and so always does; undefined: nothing,
   * unless it is one of the others'.
   *
   * @throws what `resolve` throws
   */
  definition(name: string): UpstreamDefinition | undefined {
    const given = this.#given.get(name);
    if (given !== undefined) return { upstream: given, isGiven: true };
    const upstream = this.#resolve(name);
    return upstream === undefined ? undefined : { upstream, isGiven: false };
  }

  /** Ends what is still on its way, and closes the connections. */
  close(): void {
    for (const target of this.#targets.values()) target.close?.();
    this.#targets.clear();
  }

  /** Where an upstream is reached, whatever its name; what was made for it before, if it still is. */
  targetOf(upstream: Upstream): UpstreamTarget {
    const key = keyOf(upstream);
    const known = this.#targets.get(key);
    if (known !== undefined && this.#given.size >= this.#targets.size) return known;
    const target = known ?? createTarget(upstream);
    // The last used is the last in order.
    this.#targets.delete(key);
    this.#targets.set(key, target);
    if (this.#targets.size > MAX_RESOLVED + this.#given.size) this.#evict();
    return target;
  }

  /** So that an app whose names never end does not keep connections to all of them. */
  #evict(): void {
    for (const [key, target] of this.#targets) {
      this.#targets.delete(key);
      target.close?.();
      return;
    }
  }
}

function createTarget(upstream: Upstream): UpstreamTarget {
  if (typeof upstream === 'function') {
    return new FunctionUpstream(upstream, UPSTREAM_DEFAULTS.maxResponseBytes);
  }
  if (typeof upstream === 'string' || upstream.origins === undefined) {
    return new ServerUpstream(resolveUpstreamOptions(upstream));
  }
  const { origins, ...others } = upstream;
  return new RotatingUpstream(origins.map((url) => resolveUpstreamOptions({ ...others, url })));
}

const keys = new WeakMap<object, unknown>();

/** The same for options of the same content: `resolveUpstream` may make them anew each time. */
function keyOf(upstream: Upstream): unknown {
  if (typeof upstream !== 'object') return upstream;
  let key = keys.get(upstream);
  if (key === undefined) {
    key = JSON.stringify(upstream);
    keys.set(upstream, key);
  }
  return key;
}
