import { LogLevel } from './abi/types.js';
import type { LogSink } from './logger.js';
import { describeEvidence } from './plugin-errors.js';

/** What a plugin's lines carry. */
export interface PluginNames {
  readonly name: string;
  readonly rootId: string;
  readonly vmId: string;
}

/** What the host writes about one plugin, to the plugin's logger. */
export class PluginLog {
  readonly #names: PluginNames;
  readonly #sink: LogSink;

  constructor(names: PluginNames, sink: LogSink) {
    this.#names = names;
    this.#sink = sink;
  }

  readonly info = (message: string): void => {
    this.#write(LogLevel.INFO, message);
  };

  /** @param error adds the guest's stack and last hostcalls, if it has them */
  readonly warn = (message: string, error?: unknown): void => {
    this.#write(LogLevel.WARN, message, error);
  };

  readonly error = (message: string, error: unknown): void => {
    this.#write(LogLevel.ERROR, message, error);
  };

  #write(level: LogLevel, message: string, error?: unknown): void {
    const { name: plugin, rootId, vmId } = this.#names;
    if (error === undefined) {
      this.#sink.write(level, { plugin, rootId, vmId }, message);
      return;
    }
    this.#sink.write(
      level,
      { plugin, rootId, vmId, err: error },
      message + describeEvidence(error),
    );
  }
}
