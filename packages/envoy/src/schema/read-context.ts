import type { PropertyValue } from '@proxy-wasm-node/core';

import type { Cluster } from '../model.js';
import type { ConfigNote, ConfigPosition } from '../position.js';
import { refuseInvalid } from '../refusals.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What readers share while a configuration is read. */
export class ReadContext {
  readonly notes: ConfigNote[] = [];
  /** What plugins have as properties beside what Node knows: of the node, of the listener. */
  properties: Readonly<Record<string, PropertyValue>> = {};
  /** undefined: only a part is read, in which names of clusters lead nowhere. */
  clusters: Map<string, Cluster> | undefined;

  readonly baseDirectory: string;
  readonly environment: Environment;

  constructor(baseDirectory: string, environment: Environment) {
    this.baseDirectory = baseDirectory;
    this.environment = environment;
  }

  note(at: ConfigPosition, message: string): void {
    this.notes.push({ at, message });
  }

  /**
   * A cluster by its name.
   *
   * @throws ProxyWasmError PW_ERR_ENVOY_INVALID where there is none
   */
  findCluster(name: string, at: ConfigPosition): Cluster {
    if (this.clusters === undefined) return standInFor(name, at);
    const cluster = this.clusters.get(name);
    if (cluster !== undefined) return cluster;
    const names = [...this.clusters.keys()];
    const there = names.length === 0 ? 'there are none' : `there are ${names.join(', ')}`;
    refuseInvalid(
      at,
      `there is no cluster ${JSON.stringify(name)} in static_resources.clusters; ${there}`,
    );
  }
}

/** Where clusters are not part of what is read, nothing is done with them either. */
function standInFor(name: string, at: ConfigPosition): Cluster {
  return {
    ...{ at, name, type: 'STATIC', endpoints: [], connectTimeoutMs: 0, http2: false },
    ...{ tls: undefined, dnsFamily: 0, metadata: undefined },
  };
}
