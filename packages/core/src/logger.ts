import { LogLevel } from './abi/types.js';

/** Logs a message, with fields in front of it, as pino does. */
export type LogMethod = (object: object, message: string) => void;

/**
 * pino's shape. A console works too: what a logger lacks falls back to its nearest method.
 * `level` (pino's names, or `silent`) decides what `proxy_get_log_level` answers and which
 * messages are dropped before they are decoded.
 */
export interface Logger {
  level?: string;
  trace?: LogMethod;
  debug?: LogMethod;
  info?: LogMethod;
  warn?: LogMethod;
  error?: LogMethod;
  fatal?: LogMethod;
}

const METHODS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
type MethodName = (typeof METHODS)[number];

/** Where to look, in order, when a logger lacks a method. */
const NEAREST: Record<MethodName, readonly (MethodName | 'log')[]> = {
  trace: ['trace', 'debug', 'info', 'log'],
  debug: ['debug', 'trace', 'info', 'log'],
  info: ['info', 'log', 'debug', 'warn'],
  warn: ['warn', 'error', 'info', 'log'],
  error: ['error', 'fatal', 'warn', 'log'],
  fatal: ['fatal', 'error', 'warn', 'log'],
};

const LEVEL_NAMES: Record<string, LogLevel> = {
  trace: LogLevel.TRACE,
  debug: LogLevel.DEBUG,
  info: LogLevel.INFO,
  warn: LogLevel.WARN,
  error: LogLevel.ERROR,
  fatal: LogLevel.CRITICAL,
  critical: LogLevel.CRITICAL,
  silent: LogLevel.OFF,
  off: LogLevel.OFF,
};

/** A logger of any shape, as the host writes to it. */
export interface LogSink {
  /** Lowest level taken now; read each time, since pino's can be changed while running. */
  readonly level: LogLevel;
  write(level: LogLevel, fields: object, message: string): void;
}

/**
 * Wraps a logger. What it throws is the logger's own failure and never reaches the guest or the
 * request: the line is lost, as with any logger that fails.
 *
 * @param onLost called for each such line
 */
export function toLogSink(logger: Logger, onLost: () => void = () => undefined): LogSink {
  const methods = METHODS.map((name) => findMethod(logger, name));
  const messageOnly = isConsole(logger);
  // Read with every message of a guest's, and nearly always what it was.
  let levelName: string | undefined;
  let level: LogLevel = LogLevel.INFO;
  return {
    get level() {
      const { level: name } = logger;
      if (name !== levelName) {
        levelName = name;
        level = name === undefined ? LogLevel.INFO : levelOf(name);
      }
      return level;
    },
    write(level, fields, message) {
      const method = methods[level];
      if (method === undefined) return;
      try {
        if (messageOnly) (method as unknown as (text: string) => void).call(logger, message);
        else method.call(logger, fields, message);
      } catch {
        onLost();
      }
    },
  };
}

function levelOf(name: string): LogLevel {
  return LEVEL_NAMES[name.toLowerCase()] ?? LogLevel.INFO;
}

function findMethod(logger: Logger, name: MethodName): LogMethod | undefined {
  const methods = logger as Record<string, unknown>;
  for (const candidate of NEAREST[name]) {
    const method = methods[candidate];
    if (typeof method === 'function') return method as LogMethod;
  }
  return undefined;
}

/** A console prints an object before the text; its reader wants the line as Envoy writes it. */
function isConsole(logger: Logger): boolean {
  return typeof (logger as { timeEnd?: unknown }).timeEnd === 'function';
}
