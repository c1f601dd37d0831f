import { run } from '../run.mjs';

/** @type {NodeJS.ProcessEnv} */
const env = { NODE_ENV: undefined, NODE_OPTIONS: undefined };

/**
 * The compiler and the SDK from npm, at the versions of package-lock.json.
 *
 * @type {import('./toolchain.mjs').Toolchain}
 */
export const assemblyScript = {
  isFor: (files) => files.includes('asconfig.json'),

  missing(folder) {
    // The build command does the same again, then out of npm's cache.
    const packages = run(['npm', 'ci', '--ignore-scripts'], folder, env);
    return packages.ok ? undefined : packages.problem;
  },

  env: () => env,
};
