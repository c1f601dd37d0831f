import { LogLevel } from '../../abi/types.js';
import { expectTrap } from '../deep-stacks.js';
import type { Vm } from '../vm.js';
import { LineWriter } from './line-writer.js';

/** Thrown through the guest by a `proc_exit` that is a normal return. */
const NORMAL_EXIT: unique symbol = Symbol('proc_exit(0)');

/** What is the guest's "process": its output streams, and how it exits. */
export class WasiProcess {
  readonly vm: Vm;
  readonly #stdout: LineWriter;
  readonly #stderr: LineWriter;
  /** Whether `_start` runs, which a program leaves by `proc_exit(0)`. */
  #inStart = false;

  constructor(vm: Vm) {
    this.vm = vm;
    // The last line of a guest that has died is often the one that says why.
    const log = (level: LogLevel, line: string): void => {
      (vm.failure === undefined ? vm.active : vm.current).log(level, line);
    };
    this.#stdout = new LineWriter((line) => {
      log(LogLevel.INFO, line);
    });
    this.#stderr = new LineWriter((line) => {
      log(LogLevel.ERROR, line);
    });
  }

  /** Takes output for a file descriptor that {@link isOutput}: each line becomes a log line. */
  write(fd: number, bytes: Uint8Array): void {
    if (fd === STDERR) expectTrap();
    const stream = fd === STDOUT ? this.#stdout : this.#stderr;
    const level = fd === STDOUT ? LogLevel.INFO : LogLevel.ERROR;
    if (level < this.vm.active.logLevel()) stream.discard();
    else stream.write(bytes);
  }

  /** Logs lines that have begun and will not end: the VM closes, or has failed. */
  flush(): void {
    this.#stdout.flush();
    this.#stderr.flush();
  }

  /** Runs `_start`, which may end by `proc_exit(0)`. Throws what else it throws. */
  runStart(start: () => unknown): void {
    this.#inStart = true;
    try {
      start();
    } catch (error) {
      if (error !== NORMAL_EXIT) throw error;
    } finally {
      this.#inStart = false;
    }
  }

  /**
   * `proc_exit`. The VM is dead before anything is thrown: a guest that catches the exception gains
   * nothing by it.
   */
  exit(code: number): never {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- no error: it unwinds the guest
    if (this.#inStart && code === 0) throw NORMAL_EXIT;
    throw this.vm.failHere(
      'PW_ERR_GUEST_EXITED',
      `the guest called proc_exit(${String(code)}), which ends its VM; ` +
        'what it wrote to stderr is in the log, at level error',
    );
  }
}

const STDOUT = 1;
const STDERR = 2;

/** Whether a guest may write to that file descriptor. It has no other ones. */
export function isOutput(fd: number): boolean {
  return fd === STDOUT || fd === STDERR;
}
