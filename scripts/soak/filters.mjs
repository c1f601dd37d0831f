/** What the soak runs: the example filters in one chain, and two that fail, each on its own. */
import { readFile } from 'node:fs/promises';

import wabt from 'wabt';

/** @typedef {import('@proxy-wasm-node/core').PluginOptions} PluginOptions */

const FILTERS = new URL('../../examples/filters/', import.meta.url);

export const CALLBACK_TIME_MS = 100;
export const TRAPS_EVERY = 1000;
export const LOOPS_EVERY = 10_000;

/** @param {string} name @param {Partial<PluginOptions>} [options] @returns {PluginOptions} */
function example(name, options = {}) {
  return { name, code: new URL(`${name}/${name}.wasm`, FILTERS), ...options };
}

/**
 * Those that need a gRPC server or a TCP connection are left out.
 *
 * @type {PluginOptions[]}
 */
export const EXAMPLES = [
  example('hello'),
  example('headers'),
  example('add-headers'),
  example('request-counter', { configuration: { header: 'x-tenant', values: ['a', 'b'] } }),
  example('latency-histogram'),
  example('status-counter'),
  example('response-size'),
  example('rate-limit', {
    configuration: { limit: 1_000_000_000, windowSeconds: 3600, header: 'x-tenant' },
  }),
  example('queue-producer', { configuration: { queue: 'requests', vmId: 'totals' } }),
  example('config-refresher', {
    configuration: { upstream: 'rules', path: '/rules.json', intervalMs: 1000, timeoutMs: 1000 },
  }),
  example('ext-authz', { configuration: { upstream: 'authz', timeoutMs: 5000 } }),
  example('ext-authz-go', { configuration: { upstream: 'authz', timeoutMs: 5000 } }),
  example('basic-auth', {
    configuration: { prefix: '/admin', realm: 'soak', users: { alice: 'wonderland' } },
  }),
  example('json-validation', { configuration: { pathPrefix: '/orders', requiredKeys: ['id'] } }),
  example('redact'),
];

/** No filter: it takes what the producer has put into the queue. */
export const CONSUMER = example('queue-consumer', {
  vm: { id: 'totals' },
  configuration: { queue: 'requests' },
});

/** Upstreams of the examples, in JavaScript. */
export const UPSTREAMS = {
  authz: () => new Response(null, { status: 200 }),
  rules: () => Response.json({ requestHeaders: { 'x-release': 'blue' } }),
};

/** @param {'traps' | 'loops'} how @returns {Promise<PluginOptions>} */
export async function failing(how) {
  const every = how === 'traps' ? TRAPS_EVERY : LOOPS_EVERY;
  const fail = how === 'traps' ? '(unreachable)' : '(loop $forever (br $forever))';
  const template = await readFile(new URL('failing.wat', import.meta.url), 'utf8');
  const text = template
    .replace(/^;;.*\n/gm, '')
    .replaceAll('%EVERY%', String(every))
    .replaceAll('%FAIL%', fail);
  const module = (await wabt()).parseWat('failing.wat', text);
  try {
    const code = new Uint8Array(module.toBinary({}).buffer);
    return {
      name: how,
      code,
      reloadBackoff: { baseIntervalMs: 5, maxIntervalMs: 5 },
      limits: { callbackTimeMs: CALLBACK_TIME_MS },
    };
  } finally {
    module.destroy();
  }
}
