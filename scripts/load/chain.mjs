/** The example apps' five filters in one chain, and behind them one that counts. */
import { readFile } from 'node:fs/promises';

import wabt from 'wabt';

/** @typedef {import('@proxy-wasm-node/core').Host} Host */
/** @typedef {import('@proxy-wasm-node/core').Plugin} Plugin */

const FILTERS = new URL('../../examples/filters/', import.meta.url);

/** As in `examples/express-app`. @type {import('@proxy-wasm-node/core').PluginOptions[]} */
const EXAMPLES = [
  { name: 'hello', code: moduleOf('hello') },
  {
    name: 'basic-auth',
    code: moduleOf('basic-auth'),
    configuration: { prefix: '/admin', realm: 'example', users: { alice: 'wonderland' } },
  },
  {
    name: 'json-validation',
    code: moduleOf('json-validation'),
    configuration: { pathPrefix: '/orders', requiredKeys: ['id', 'item', 'quantity'] },
  },
  { name: 'headers', code: moduleOf('headers') },
  { name: 'redact', code: moduleOf('redact') },
];

/** @param {string} name @returns {URL} */
function moduleOf(name) {
  return new URL(`${name}/${name}.wasm`, FILTERS);
}

/**
 * @param {Host} host
 * @returns {Promise<Plugin[]>} closed by the host
 */
export async function openChain(host) {
  const counting = { name: 'counting', code: await assembleCounting() };
  return Promise.all([...EXAMPLES, counting].map((options) => host.createPlugin(options)));
}

/** @returns {Promise<Uint8Array<ArrayBuffer>>} */
async function assembleCounting() {
  const text = await readFile(new URL('counting.wat', import.meta.url), 'utf8');
  const module = (await wabt()).parseWat('counting.wat', text, { bulk_memory: true });
  try {
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}
