import type { Upstream } from '@proxy-wasm-node/core';
import type { Cluster } from '@proxy-wasm-node/envoy';

import { RunningCluster, type Report } from './running-cluster.js';

/** The clusters of a configuration, by name. */
export class Clusters {
  readonly #clusters = new Map<string, RunningCluster>();

  constructor(configs: readonly Cluster[], report: Report) {
    for (const config of configs) {
      this.#clusters.set(config.name, new RunningCluster(config, report));
    }
  }

  /** Resolves names for the first time. */
  async open(): Promise<void> {
    await Promise.all([...this.#clusters.values()].map((cluster) => cluster.open()));
  }

  of({ name }: Cluster): RunningCluster {
    const cluster = this.#clusters.get(name);
    if (cluster === undefined) throw new Error(`cluster ${name} is not in the configuration`);
    return cluster;
  }

  /** What a filter's call by that name reaches. */
  upstream(name: string): Upstream | undefined {
    return this.#clusters.get(name)?.upstream();
  }

  close(): void {
    for (const cluster of this.#clusters.values()) cluster.close();
  }
}
