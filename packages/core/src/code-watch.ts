import { unwatchFile, watchFile, type Stats } from 'node:fs';

/** How often the file is looked at. */
const INTERVAL_MS = 200;
/** A file that has changed is taken once it has stayed the same for so long: it may be half written. */
const SETTLE_MS = 500;

/**
 * Says when a file has changed and is whole. Asks for the file's status again and again rather than
 * being told by the system: so it works on every file system, through symbolic links that are
 * swapped, and for editors that write a new file in the place of the old one.
 */
export class CodeWatch {
  readonly #path: string;
  readonly #onChange: () => void;
  #settling: NodeJS.Timeout | undefined;

  /** Neither the watch nor its timer keeps the process running. */
  constructor(path: string, onChange: () => void) {
    this.#path = path;
    this.#onChange = onChange;
    watchFile(path, { persistent: false, interval: INTERVAL_MS }, this.#changed);
  }

  close(): void {
    clearTimeout(this.#settling);
    unwatchFile(this.#path, this.#changed);
  }

  readonly #changed = (now: Stats): void => {
    clearTimeout(this.#settling);
    // It is not there: between an editor's two steps, or for good.
    if (now.mtimeMs === 0) return;
    this.#settling = setTimeout(this.#onChange, SETTLE_MS).unref();
  };
}
