// A TCP proxy with a Go filter before a server that has no access control of its own.
import { createHost } from '@proxy-wasm-node/core';
import { createTcpProxy } from '@proxy-wasm-node/core/tcp';

const code = new URL('../filters/tcp-command-guard/tcp-command-guard.wasm', import.meta.url);

/**
 * The proxy, not yet listening, and its host, for the metrics.
 *
 * @param {string} upstream `host:port` of the store
 * @param {{ logger?: import('@proxy-wasm-node/core').Logger }} [options]
 */
export function createStoreProxy(upstream, { logger = console } = {}) {
  const host = createHost({ logger });
  const proxy = createTcpProxy({
    plugins: { code, configuration: { deny: ['flush_all'], maxLineBytes: 1024 } },
    upstream,
    host,
  });
  return { proxy, host };
}
