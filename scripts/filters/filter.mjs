import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The examples, and what only tests use. */
const FOLDERS = ['examples/filters', 'packages/conformance/filters'].map((folder) =>
  fileURLToPath(new URL(`../../${folder}`, import.meta.url)),
);
const NOT_SOURCE = /^(?:node_modules|target|build)$|\.wasm(?:\.map)?$/;
const BUILD_COMMAND = /^## Build$.*?^```sh$\n(.*?)^```$/ms;
const DIGEST = /(?<=sha256\s+`)[0-9a-f]{64}(?=`)/;

/** A filter's folder: its sources, its README, and the module built from them. */
export class Filter {
  /** @param {string} parent @param {string} name the folder's name and the module's */
  constructor(parent, name) {
    this.name = name;
    this.folder = join(parent, name);
    this.module = join(this.folder, `${name}.wasm`);
    this.readme = join(this.folder, 'README.md');
  }

  /** All filters, by name. */
  static all() {
    return FOLDERS.flatMap((parent) =>
      readdirSync(parent, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => new Filter(parent, entry.name)),
    );
  }

  /** @param {string} target a folder that gets the sources and nothing that was built */
  copySources(target) {
    cpSync(this.folder, target, {
      recursive: true,
      // Some share a file, which is a link in all folders but one.
      dereference: true,
      filter: (source) => source === this.folder || !NOT_SOURCE.test(basename(source)),
    });
  }

  /** What the README tells people to run; the rebuild runs the same, so it stays true. */
  buildCommand() {
    const command = BUILD_COMMAND.exec(readFileSync(this.readme, 'utf8'))?.[1];
    if (command === undefined) throw new Error(`${this.readme} has no sh block under "## Build"`);
    return command;
  }

  /** @param {string} folder where it was built @returns {boolean} whether the same files lie here */
  isBuiltIn(folder) {
    return this.#products(folder).every(
      (name) =>
        existsSync(join(this.folder, name)) &&
        readFileSync(join(folder, name)).equals(readFileSync(join(this.folder, name))),
    );
  }

  /** Whether the README tells the digest of the module that lies beside it. */
  readmeIsTrue() {
    const digest = DIGEST.exec(readFileSync(this.readme, 'utf8'))?.[0];
    return existsSync(this.module) && digest === sha256(readFileSync(this.module));
  }

  /** @param {string} folder what was built there comes here, and the README tells its digest */
  take(folder) {
    for (const name of this.#products(folder))
      copyFileSync(join(folder, name), join(this.folder, name));
    const bytes = readFileSync(this.module);
    const text = readFileSync(this.readme, 'utf8');
    writeFileSync(this.readme, text.replace(DIGEST, sha256(bytes)));
  }

  /** @param {string} folder @returns {string[]} the module, and its source map if it has one */
  #products(folder) {
    const map = `${this.name}.wasm.map`;
    return [`${this.name}.wasm`, ...(existsSync(join(folder, map)) ? [map] : [])];
  }
}

/** @param {Buffer} bytes */
function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}
