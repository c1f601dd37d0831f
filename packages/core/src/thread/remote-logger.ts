import { LogLevel } from '../abi/types.js';
import type { Logger, LogMethod } from '../logger.js';
import type { AppCalls } from './app-calls.js';
import { toErrorData } from './error-data.js';
import type { SyncCaller } from './sync-calls.js';

/** How long the app's level is taken for what it was. */
const LEVEL_TTL_MS = 1000;

/** By {@link LogLevel}. */
const LEVEL_NAMES = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/**
 * The app's logger, as a service's thread has it. Each line waits for the main thread, however long,
 * so that none is lost and a service which logs without end can't fill the memory there.
 */
export function createRemoteLogger(main: SyncCaller<AppCalls>): Logger {
  let level = 'info';
  let readAt = -Infinity;
  const method =
    (of: LogLevel): LogMethod =>
    (object, message) => {
      const { err, ...fields } = object as Record<string, unknown>;
      const error = err === undefined ? undefined : toErrorData(err);
      main.insist('log', { level: of, fields, error, message });
    };
  return {
    get level() {
      if (performance.now() - readAt > LEVEL_TTL_MS) {
        readAt = performance.now();
        level = LEVEL_NAMES[main.insist('logLevel')] ?? level;
      }
      return level;
    },
    trace: method(LogLevel.TRACE),
    debug: method(LogLevel.DEBUG),
    info: method(LogLevel.INFO),
    warn: method(LogLevel.WARN),
    error: method(LogLevel.ERROR),
    fatal: method(LogLevel.CRITICAL),
  };
}
