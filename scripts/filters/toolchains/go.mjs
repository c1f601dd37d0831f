import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { run } from '../run.mjs';

/**
 * The official compiler, at the version of go.mod's `toolchain` line: the installed one, or one that the
 * Go command fetches as a module.
 *
 * @type {import('./toolchain.mjs').Toolchain}
 */
export const go = {
  isFor: (files) => files.includes('go.mod'),

  missing(folder) {
    const pinned = pinnedVersion(folder);
    if (pinned === undefined) return 'go.mod pins no toolchain';
    const env = go.env(folder);
    const version = run(['go', 'env', 'GOVERSION'], folder, env);
    if (!version.ok) return version.problem;
    if (version.stdout !== pinned) return `this is ${version.stdout}, not ${pinned}`;
    const target = { ...env, GOOS: 'wasip1', GOARCH: 'wasm' };
    const modules = run(['go', 'list', '-deps', '.'], folder, target);
    return modules.ok ? undefined : modules.problem;
  },

  env: (folder) => ({
    CGO_ENABLED: '0',
    GOEXPERIMENT: undefined,
    GOFLAGS: '-mod=readonly',
    GOTOOLCHAIN: pinnedVersion(folder),
    GOWASM: undefined,
    GOWORK: 'off',
  }),
};

/** @param {string} folder */
function pinnedVersion(folder) {
  return /^toolchain (\S+)$/m.exec(readFileSync(join(folder, 'go.mod'), 'utf8'))?.[1];
}
