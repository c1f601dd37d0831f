/** The command `proxy-wasm` as it was built, and the parts of it that are measured on their own. */
const manifest = import.meta.resolve('@proxy-wasm-node/cli/package.json');

/** What `proxy-wasm` runs. */
export const BIN = new URL('dist/bin.js', manifest);

/** @param {string} path @returns {Promise<any>} */
const load = (path) => import(new URL(`dist/serve/${path}`, manifest).href);

/**
 * A proxy as `proxy-wasm run main.wasm --upstream URL` starts it; without a filter if there is none.
 *
 * @param {{ upstreamPort: number, filter?: string }} job
 * @returns {Promise<number>} its port
 */
export async function startProxy({ upstreamPort, filter }) {
  /** @type {typeof import('../../packages/cli/src/serve/single-filter.js')} */
  const { configurationFor } = await load('single-filter.js');
  /** @type {typeof import('../../packages/cli/src/serve/start-proxy.js')} */
  const { startProxy: start } = await load('start-proxy.js');
  const configuration = configurationFor({
    address: '127.0.0.1',
    port: 0,
    plugins: filter === undefined ? [] : [{ code: filter }],
    target: new URL(`http://127.0.0.1:${upstreamPort}`),
  });
  const logger = { level: 'warn', info: ignore, warn: console.warn, error: console.error };
  const { servers } = await start(configuration, { logger });
  return servers[0]?.port ?? 0;
}

function ignore() {}
