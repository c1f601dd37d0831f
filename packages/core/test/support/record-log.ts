import type { Logger } from '../../src/logger.js';

/** One line that a {@link recordLog} logger got. */
interface LogLine {
  level: string;
  message: string;
  fields: Record<string, unknown>;
}

/** A logger of pino's shape that keeps what it gets. */
export function recordLog(level = 'trace') {
  const lines: LogLine[] = [];
  const method = (name: string) => (fields: object, message: string) => {
    lines.push({ level: name, message, fields: fields as Record<string, unknown> });
  };
  const logger: Logger = {
    level,
    trace: method('trace'),
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
    fatal: method('fatal'),
  };
  return {
    logger,
    lines,
    /** The messages, without Envoy's prefix; of one level, if given. */
    texts: (of?: string): string[] =>
      lines
        .filter((line) => of === undefined || line.level === of)
        .map(({ message }) => message.replace(/^wasm log[^:]*: /, '')),
  };
}
