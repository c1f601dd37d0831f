import type { Logger } from '@proxy-wasm-node/core';

export interface LogLine {
  /** trace debug info warn error fatal */
  readonly level: string;
  readonly message: string;
}

/** A logger that keeps its lines. */
export class LogRecorder implements Logger {
  readonly level: string;
  readonly #lines: LogLine[] = [];
  readonly trace = this.#method('trace');
  readonly debug = this.#method('debug');
  readonly info = this.#method('info');
  readonly warn = this.#method('warn');
  readonly error = this.#method('error');
  readonly fatal = this.#method('fatal');

  constructor(level: string) {
    this.level = level;
  }

  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  #method(level: string): (fields: object, message: string) => void {
    return (_fields, message) => {
      if (LEVELS.indexOf(level) >= LEVELS.indexOf(this.level)) this.#lines.push({ level, message });
    };
  }
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
