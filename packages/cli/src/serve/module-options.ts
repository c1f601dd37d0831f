/** What the options of `proxy-wasm run main.wasm` come to. */
import type { PluginOptions } from '@proxy-wasm-node/core';
import type { EnvoyConfiguration } from '@proxy-wasm-node/envoy';

import { CommandError } from '../errors.js';
import { contentOf } from './file-or-text.js';
import { adminPortOf, portOf } from './ports.js';
import type { RunOptions } from './run.js';
import { configurationFor } from './single-filter.js';

const DEFAULT_PORT = 18_000;
const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_ANSWER = 'hello world\n';

/** @throws CommandError PW_ERR_USAGE */
export async function configurationForModule(
  file: string,
  options: RunOptions,
): Promise<EnvoyConfiguration> {
  const {
    upstream,
    respond = DEFAULT_ANSWER,
    config,
    vmConfig,
    rootId,
    sha256,
    allowUnpinned,
  } = options;
  const plugin: PluginOptions = {
    code: file,
    ...(rootId !== undefined && { rootId }),
    ...(sha256 !== undefined && { sha256 }),
    ...(allowUnpinned !== undefined && { allowUnpinned }),
    ...(config !== undefined && { configuration: await contentOf('--config', config) }),
    ...(vmConfig !== undefined && {
      vm: { configuration: await contentOf('--vm-config', vmConfig) },
    }),
  };
  return configurationFor({
    address: options.host ?? DEFAULT_HOST,
    port: options.port === undefined ? DEFAULT_PORT : portOf('--port', options.port),
    plugins: [plugin],
    target: upstream === undefined ? respond : upstreamOf(upstream),
    adminPort: adminPortOf(options),
  });
}

function upstreamOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) {
    if (url.pathname === '/' && url.search === '' && url.username === '') return url;
    throw usage(`--upstream takes scheme, host and port only, not '${text}'; try ${url.origin}`);
  }
  throw usage(`--upstream takes a URL such as http://127.0.0.1:3000, not '${text}'`);
}

function usage(message: string): CommandError {
  return new CommandError('PW_ERR_USAGE', `${message}; see proxy-wasm run --help`);
}
