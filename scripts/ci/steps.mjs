/**
 * What CI runs, in this order.
 *
 * @typedef {object} Step
 * @property {string} name
 * @property {string[]} command
 * @property {boolean} [tests] the command is vitest: its cases are counted instead of the step
 * @property {string} [needs] a file without which there is nothing to do
 * @property {string} [node] the Node version to run on; default: the one that runs CI
 */

const VITEST = ['node', 'node_modules/vitest/vitest.mjs', 'run'];

/** @type {Step[]} */
export const steps = [
  // The README's command, so a bare clone is proven to install itself.
  { name: 'npm test', command: ['npm', 'test', '--'], tests: true },
  { name: 'lint', command: ['npm', 'run', '--silent', 'lint'] },
  { name: 'types', command: ['npm', 'run', '--silent', 'typecheck'] },
  { name: 'format', command: ['npm', 'run', '--silent', 'format:check'] },
  {
    name: 'API reference: every public name has a docstring, every link an end',
    command: ['npm', 'run', '--silent', 'docs:api', '--', '--emit', 'none'],
  },
  { name: 'packages', command: ['npm', 'run', '--silent', 'check:packages'] },
  // Both: without root or apt it says so and installs nothing; what needs it then says what it left out.
  {
    name: 'a registry for the tests of images',
    command: ['bash', 'scripts/ci/install-registry.sh'],
  },
  {
    name: 'tests with a registry',
    command: [...VITEST, '--project', 'unit', 'packages/core/test/code/docker-registry.test.ts'],
    tests: true,
  },
  { name: 'toolchains of the filters', command: ['bash', 'scripts/filters/install-toolchains.sh'] },
  {
    name: 'filters are what their sources build',
    command: ['node', 'scripts/filters/rebuild.mjs', '--check'],
    needs: 'scripts/filters/rebuild.mjs',
  },
  {
    name: 'benchmark smoke',
    command: ['npm', 'run', '--silent', 'bench', '--', '--smoke'],
    needs: 'bench/run.mjs',
  },
  {
    name: 'load, a moment of it',
    command: ['npm', 'run', '--silent', 'load', '--', '--seconds', '3', '--aborts', '500'],
    needs: 'scripts/load/run.mjs',
  },
  {
    name: 'soak, a minute of it',
    command: [
      ...['npm', 'run', '--silent', 'soak', '--', '--seconds', '60'],
      ...['--trap-every', '200', '--loop-every', '600'],
    ],
    needs: 'scripts/soak/run.mjs',
  },
  ...['22', '24', '26'].map((node) => ({
    name: `tests on Node ${node}`,
    command: [...VITEST, '--project', 'unit'],
    tests: true,
    node,
  })),
];
