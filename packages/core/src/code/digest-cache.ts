import { createHash, randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { mkdir, open, readdir, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { messageOf } from '../errors.js';

/** What this class has written, whole or not: nothing else in the folder is touched. */
const OWN = /^sha256-[0-9a-f]{64}(?:\.[0-9a-f]+\.tmp)?$/;

/** Neither a link to elsewhere nor a pipe that never ends. The flags are missing on Windows. */
const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants as Partial<typeof constants>;
const READING = (O_RDONLY ?? 0) | O_NOFOLLOW | O_NONBLOCK;

/** A folder of files by the digest of what is in them. A folder that fails is told of, and no more. */
export interface DigestCache {
  /** @returns bytes that have this digest; undefined: there are none */
  read(sha256: string): Promise<Buffer | undefined>;
  write(sha256: string, bytes: Uint8Array): Promise<void>;
}

/** Keeps nothing. */
export const noCache: DigestCache = {
  read: async () => undefined,
  write: async () => undefined,
};

export interface DigestFolderOptions {
  readonly folder: string;
  /** How long a file that is not read stays, milliseconds. */
  readonly ttlMs: number;
  /** Bigger files are none of its own. */
  readonly maxBytes: number;
  readonly warn: (message: string) => void;
}

/**
 * The folder may be shared with other processes, and nobody has to trust it: what is read has the
 * digest that was asked for, or it is removed. A file that is there is whole, since it is written
 * under another name first.
 */
export class DigestFolder implements DigestCache {
  readonly #options: DigestFolderOptions;
  /** So that one bad folder is one line. */
  #isBad = false;

  constructor(options: DigestFolderOptions) {
    this.#options = options;
  }

  async read(sha256: string): Promise<Buffer | undefined> {
    try {
      return await this.#readFile(sha256);
    } catch (error) {
      if (isMissing(error)) return undefined;
      this.#hasFailed('read', error);
      return undefined;
    }
  }

  async write(sha256: string, bytes: Uint8Array): Promise<void> {
    const path = this.#pathOf(sha256);
    const temporary = `${path}.${randomBytes(8).toString('hex')}.tmp`;
    try {
      await mkdir(this.#options.folder, { recursive: true, mode: 0o700 });
      await writeFile(temporary, bytes, { flag: 'wx', mode: 0o600 });
      await rename(temporary, path);
      await this.#evict();
    } catch (error) {
      await removeFile(temporary).catch(() => undefined); // The first failure is the one to tell.
      this.#hasFailed('write', error);
    }
  }

  #pathOf(sha256: string): string {
    return join(this.#options.folder, `sha256-${sha256}`);
  }

  async #readFile(sha256: string): Promise<Buffer | undefined> {
    const path = this.#pathOf(sha256);
    const file = await open(path, READING);
    try {
      const status = await file.stat();
      if (this.#isStale(status)) {
        await removeFile(path);
        return undefined;
      }
      const bytes = this.#isOwn(status) ? await file.readFile() : undefined;
      if (bytes === undefined || digestOf(bytes) !== sha256) {
        this.#options.warn(
          `${path}, a kept module, is not what was written there: it is removed, and fetched again`,
        );
        await removeFile(path);
        return undefined;
      }
      const now = new Date();
      // It has been used now. In a folder that can only be read, its time goes on.
      await file.utimes(now, now).catch(() => undefined);
      return bytes;
    } finally {
      await file.close();
    }
  }

  #isOwn(status: Stats): boolean {
    return status.isFile() && status.size <= this.#options.maxBytes;
  }

  #isStale(status: Stats): boolean {
    return Date.now() - status.mtimeMs > this.#options.ttlMs;
  }

  /** Removes what has not been used for so long, as Envoy does when it looks into its cache. */
  async #evict(): Promise<void> {
    for (const name of await readdir(this.#options.folder)) {
      if (!OWN.test(name)) continue;
      const path = join(this.#options.folder, name);
      const status = await stat(path).catch(() => undefined); // Another process was first.
      if (status !== undefined && this.#isStale(status)) await removeFile(path);
    }
  }

  #hasFailed(doing: string, error: unknown): void {
    if (this.#isBad) return;
    this.#isBad = true;
    this.#options.warn(
      `fetched modules are not kept: could not ${doing} in ${this.#options.folder}: ` +
        `${messageOf(error)}; set codeSource.cacheDir to a folder that can be written, or to false`,
    );
  }
}

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
