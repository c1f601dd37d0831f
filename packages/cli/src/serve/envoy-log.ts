import type { Logger, LogMethod } from '@proxy-wasm-node/core';

/** Envoy's names of levels, the most first. */
const LOG_LEVELS = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'] as const;
export type LogLevelName = (typeof LOG_LEVELS)[number];

export interface EnvoyLogOptions {
  readonly level: LogLevelName;
  /** One JSON object a line. */
  readonly json: boolean;
}

/** Core's names, which are pino's, of Envoy's levels. */
const CORE_NAMES = {
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  warning: 'warn',
  error: 'error',
  critical: 'fatal',
  off: 'silent',
} as const satisfies Record<LogLevelName, string>;

export interface EnvoyLog {
  readonly logger: Logger;
  /** Writes what has yet to be written, before something else is. */
  readonly flush: () => void;
}

/** A log with lines as Envoy's: `[2026-11-21 10:00:00.123][info][wasm] wasm log: …`. */
export function createEnvoyLog(
  output: NodeJS.WritableStream,
  { level, json }: EnvoyLogOptions,
): EnvoyLog {
  const lines = new Lines(output);
  const lowest = LOG_LEVELS.indexOf(level);
  const methodFor = (name: LogLevelName): LogMethod => {
    if (LOG_LEVELS.indexOf(name) < lowest) return () => undefined;
    return (fields, message) => {
      lines.add(json ? jsonLine(name, fields, message) : textLine(name, message));
    };
  };
  const logger = {
    level: CORE_NAMES[level],
    trace: methodFor('trace'),
    debug: methodFor('debug'),
    info: methodFor('info'),
    warn: methodFor('warning'),
    error: methodFor('error'),
    fatal: methodFor('critical'),
  };
  return { logger, flush: lines.flush };
}

/**
 * Lines of one turn of the event loop go out together: a write to a pipe or a file costs as much as
 * a filter does, and filters may log many lines a request.
 */
class Lines {
  readonly #output: NodeJS.WritableStream;
  #text = '';

  constructor(output: NodeJS.WritableStream) {
    this.#output = output;
  }

  add(line: string): void {
    if (this.#text === '') setImmediate(this.flush);
    this.#text += line;
  }

  readonly flush = (): void => {
    const text = this.#text;
    if (text === '') return;
    this.#text = '';
    this.#output.write(text);
  };
}

function textLine(level: LogLevelName, message: string): string {
  const time = new Date().toISOString().replace('T', ' ').replace('Z', '');
  return `[${time}][${level}][wasm] ${message}\n`;
}

function jsonLine(level: LogLevelName, fields: object, message: string): string {
  const time = new Date().toISOString();
  const { err, ...rest } = fields as { err?: unknown };
  const error = err instanceof Error ? { error: err.message } : {};
  return `${JSON.stringify({ time, level, ...rest, ...error, message })}\n`;
}
