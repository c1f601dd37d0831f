import { resolve } from 'node:path';

import { configurationOf } from './messages/bootstrap.js';
import type { EnvoyConfiguration } from './model.js';
import { checkOptions } from './options.js';
import { ReadContext } from './schema/read-context.js';
import { parseConfig } from './text/document.js';

/** How {@link readEnvoyConfig} reads. */
export interface EnvoyConfigOptions {
  /** What the text is called in messages, like `envoy.yaml`: they begin with `file:line:column`. */
  file?: string;
  /** Where relative file names start; default: the working directory, as in Envoy. */
  baseDirectory?: string;
  /** For `host_env_keys` and `environment_variable`; default: the process's. */
  environment?: Readonly<Record<string, string | undefined>>;
}

/**
 * Reads a whole configuration of Envoy's (a `Bootstrap`), YAML or JSON. Nothing in it is skipped
 * silently: what does nothing here is a note, what is not supported an error. Files that it names
 * are read, but for the code of plugins, which must be there.
 *
 * @throws ProxyWasmError PW_ERR_ENVOY_SYNTAX, PW_ERR_ENVOY_INVALID, PW_ERR_ENVOY_UNSUPPORTED,
 *   PW_ERR_CODE_NOT_FOUND, with line, column and path; PW_ERR_OPTIONS_INVALID
 */
export function readEnvoyConfig(
  text: string,
  options: EnvoyConfigOptions = {},
): EnvoyConfiguration {
  checkOptions(text, options, []);
  const root = parseConfig(text, options.file);
  return configurationOf(root, contextOf(options));
}

export function contextOf({ baseDirectory = '.', environment }: EnvoyConfigOptions): ReadContext {
  return new ReadContext(resolve(baseDirectory), environment ?? process.env);
}
