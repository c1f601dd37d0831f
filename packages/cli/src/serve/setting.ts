import type { Host } from '@proxy-wasm-node/core';
import type { Cluster } from '@proxy-wasm-node/envoy';

import type { RunningCluster } from './running-cluster.js';

/** What the listeners of one configuration have in common. */
export interface ServeSetting {
  readonly host: Host;
  readonly clusterOf: (cluster: Cluster) => RunningCluster;
  /** How long open connections are waited for at the end, milliseconds. */
  readonly drainTimeoutMs: number;
}

/** A server that was started for a configuration. */
export interface RunningServer {
  readonly name: string;
  readonly kind: 'http' | 'tcp' | 'admin';
  readonly address: string;
  readonly port: number;
  /** Takes nothing new; resolves when what it works on is done. Never rejects. */
  drain(): Promise<void>;
  /** Cuts off what it works on. */
  destroy(): void;
}
