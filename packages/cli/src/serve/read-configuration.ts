import { readFile } from 'node:fs/promises';

import { readEnvoyConfig, type EnvoyConfiguration } from '@proxy-wasm-node/envoy';

import { CommandError } from '../errors.js';
import { adminPortOf } from './ports.js';
import type { RunOptions } from './run.js';

/** Options that say what a configuration says itself. */
const FOR_MODULES = {
  upstream: '--upstream',
  respond: '--respond',
  config: '--config',
  rootId: '--root-id',
  vmConfig: '--vm-config',
  sha256: '--sha256',
  allowUnpinned: '--allow-unpinned',
  port: '--port',
  host: '--host',
} as const satisfies Partial<Record<keyof RunOptions, string>>;

/**
 * An Envoy configuration. File names in it start where the command was started, as in Envoy.
 *
 * @throws ProxyWasmError PW_ERR_ENVOY_…, with the place in the file
 * @throws CommandError PW_ERR_USAGE, PW_ERR_CONFIG_FILE
 */
export async function readConfiguration(
  file: string,
  options: RunOptions,
): Promise<EnvoyConfiguration> {
  for (const [key, option] of Object.entries(FOR_MODULES)) {
    if (options[key as keyof typeof FOR_MODULES] === undefined) continue;
    const message = `${option} is for a module; ${file} is read as an Envoy configuration, which says it itself`;
    throw new CommandError('PW_ERR_USAGE', message);
  }
  const port = adminPortOf(options);
  const configuration = readEnvoyConfig(await textOf(file), { file });
  if (port === undefined) return configuration;
  return { ...configuration, admin: { at: configuration.at, address: '127.0.0.1', port } };
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such file' : message;
    throw new CommandError(
      'PW_ERR_CONFIG_FILE',
      `${file} can not be read as a configuration: ${reason}`,
      error,
    );
  }
}
