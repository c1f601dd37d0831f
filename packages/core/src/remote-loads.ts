import { LogLevel } from './abi/types.js';
import type { CodeSourceOptions } from './code/code-source-options.js';
import type { RemoteLoading } from './code/remote-loading.js';
import type { LogSink } from './logger.js';
import type { ResolvedPluginOptions } from './options.js';
import type { HostFigures } from './services/host-figures.js';

/** How the code of one plugin is got, where it is remote: as it says, else as its host says. */
export function remoteLoading(
  { name, codeSource }: Pick<ResolvedPluginOptions, 'name' | 'codeSource'>,
  hostSource: CodeSourceOptions | undefined,
  log: LogSink,
  { remoteLoads }: HostFigures,
): RemoteLoading {
  return {
    source: { ...hostSource, ...codeSource },
    warn: (message) => {
      log.write(LogLevel.WARN, { plugin: name }, `plugin "${name}": ${message}`);
    },
    count: (what) => (remoteLoads[what] += 1),
  };
}
