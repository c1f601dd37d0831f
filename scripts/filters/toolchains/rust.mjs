import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { run } from '../run.mjs';

const TARGET = 'wasm32-wasip1';

/** @type {NodeJS.ProcessEnv} */
const env = {
  CARGO_BUILD_RUSTFLAGS: undefined,
  CARGO_BUILD_TARGET_DIR: undefined,
  CARGO_ENCODED_RUSTFLAGS: undefined,
  CARGO_TARGET_DIR: undefined,
  RUSTUP_TOOLCHAIN: undefined,
};

/**
 * The compiler and the target's standard library as rustup ships them, at the version of
 * rust-toolchain.toml. A distribution's own build says so after the date and does not count: its bytes
 * differ.
 *
 * @type {import('./toolchain.mjs').Toolchain}
 */
export const rust = {
  isFor: (files) => files.includes('Cargo.toml'),

  missing(folder) {
    return missingCompiler(folder) ?? missingTarget(folder) ?? missingCrates(folder);
  },

  env: () => env,
};

/** @param {string} folder */
function missingCompiler(folder) {
  const toml = readFileSync(join(folder, 'rust-toolchain.toml'), 'utf8');
  const pinned = /^channel = "(.*)"$/m.exec(toml)?.[1];
  if (pinned === undefined) return 'rust-toolchain.toml pins no version';
  const version = run(['rustc', '--version'], folder, env);
  if (!version.ok) return version.problem;
  const [, found] = /^rustc (\S+) \(\w+ [\d-]+\)$/.exec(version.stdout) ?? [];
  return found === pinned ? undefined : `this is ${version.stdout}, not rustup's ${pinned}`;
}

/** @param {string} folder */
function missingTarget(folder) {
  const library = run(['rustc', '--print', 'target-libdir', '--target', TARGET], folder, env);
  if (!library.ok) return library.problem;
  return existsSync(library.stdout) ? undefined : `the target ${TARGET} is not installed`;
}

/** @param {string} folder */
function missingCrates(folder) {
  const crates = run(['cargo', 'fetch', '--locked', '--target', TARGET], folder, env);
  return crates.ok ? undefined : crates.problem;
}
