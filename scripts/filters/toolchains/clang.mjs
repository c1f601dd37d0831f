import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { run } from '../run.mjs';

/**
 * Debian's clang with its libraries for wasm, at the versions of debian-packages.txt.
 *
 * @type {import('./toolchain.mjs').Toolchain}
 */
export const clang = {
  isFor: (files) => files.includes('debian-packages.txt'),

  missing(folder) {
    const lines = readFileSync(join(folder, 'debian-packages.txt'), 'utf8').trim().split('\n');
    return lines
      .map((line) => missingPackage(line, folder))
      .find((problem) => problem !== undefined);
  },

  env: () => ({ CPATH: undefined, CPLUS_INCLUDE_PATH: undefined, SOURCE_DATE_EPOCH: undefined }),
};

/**
 * @param {string} line name=version
 * @param {string} folder
 */
function missingPackage(line, folder) {
  const [name = '', version] = line.split('=');
  const found = run(['dpkg-query', '--show', '--showformat=${Version}', name], folder);
  if (!found.ok || found.stdout === '') return `Debian's package ${name} is not installed`;
  return found.stdout === version ? undefined : `${name} is ${found.stdout}, not ${version}`;
}
