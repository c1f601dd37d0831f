/**
 * Checks what a user would get: packs each public package, runs publint and are-the-types-wrong on the
 * tarball, installs all tarballs with plain npm in an empty folder, loads every entry by import and by
 * require, asks every command for its version, and starts a service. Needs built packages. Prints one line per check and exits 1 if any failed.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {{ name: string, private?: boolean, exports: Record<string, unknown>, bin?: Record<string, string>,
 *   peerDependencies?: Record<string, string>, devDependencies?: Record<string, string> }} Manifest
 * @typedef {{ manifest: Manifest, tarball: string }} Packed
 */

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (/** @type {string} */ name) => join(root, 'node_modules/.bin', name);
const work = mkdtempSync(join(tmpdir(), 'proxy-wasm-node-packages-'));
let failed = 0;

try {
  const packed = publicPackages().map(pack);
  for (const each of packed) checkTarball(each);
  checkInstalled(packed);
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exit(failed === 0 ? 0 : 1);

/** @returns {{ folder: string, manifest: Manifest }[]} */
function publicPackages() {
  return readdirSync(join(root, 'packages'))
    .map((name) => join(root, 'packages', name))
    .map((folder) => ({ folder, manifest: readJson(join(folder, 'package.json')) }))
    .filter(({ manifest }) => !manifest.private);
}

/**
 * @param {{ folder: string, manifest: Manifest }} source
 * @returns {Packed}
 */
function pack({ folder, manifest }) {
  const { packageManager } = readJson(join(root, 'package.json'));
  const tarball = join(work, `${manifest.name.replace(/\W+/g, '-').slice(1)}.tgz`);
  const argv = ['--yes', packageManager, 'pack', '--out', tarball];
  check(`${manifest.name}: pack`, 'npx', argv, { cwd: folder });
  return { manifest, tarball };
}

/** @param {Packed} packed */
function checkTarball({ manifest: { name }, tarball }) {
  check(`${name}: publint`, bin('publint'), ['run', tarball, '--strict']);
  // ESM only by choice: require() loads it too from Node 20.19 on, which checkInstalled proves.
  const attw = [tarball, '--profile', 'node16', '--ignore-rules', 'cjs-resolves-to-esm', '--quiet'];
  check(`${name}: types`, bin('attw'), attw);
}

/** @param {Packed[]} packed */
function checkInstalled(packed) {
  writeFileSync(join(work, 'package.json'), JSON.stringify({ private: true }));
  const peers = packed.flatMap(({ manifest }) =>
    Object.keys(manifest.peerDependencies ?? {}).map(
      (name) => `${name}@${manifest.devDependencies?.[name] ?? 'latest'}`,
    ),
  );
  const tarballs = packed.map(({ tarball }) => tarball);
  const install = [
    'install',
    '--no-audit',
    '--no-fund',
    '--no-package-lock',
    ...tarballs,
    ...peers,
  ];
  if (!check('npm install of the tarballs', 'npm', install, { cwd: work })) return;
  for (const { manifest } of packed) {
    for (const path of Object.keys(manifest.exports)) {
      if (!path.endsWith('.json')) checkEntry(`${manifest.name}${path.slice(1)}`);
    }
  }
  for (const command of packed.flatMap(({ manifest: { bin: commands = {} } }) =>
    Object.keys(commands),
  )) {
    const file = join(work, 'node_modules/.bin', command);
    check(`${command} --version`, file, ['--version'], { cwd: work, silent: true });
  }
  for (const load of [
    "require('@proxy-wasm-node/core')",
    "await import('@proxy-wasm-node/core')",
  ]) {
    checkService(load);
  }
}

/**
 * A service's thread begins in a file of its own, which must be in the package.
 *
 * @param {string} load
 */
function checkService(load) {
  const code = join(root, 'examples/filters/queue-consumer/queue-consumer.wasm');
  const script = `
    void (async () => {
      const { createService } = ${load};
      const configuration = { queue: 'requests' };
      const service = await createService({ code: ${JSON.stringify(code)}, configuration });
      if (service.state !== 'running') throw new Error('the service is ' + service.state);
      await service.close();
    })();`;
  const argv = ['--throw-deprecation', '-e', script];
  check(`a service, by ${load}`, process.execPath, argv, { cwd: work, silent: true });
}

/** @param {string} entry */
function checkEntry(entry) {
  const script = `
    const required = Object.keys(require('${entry}')).sort().join();
    import('${entry}').then((imported) => {
      const names = Object.keys(imported).filter((name) => name !== 'module.exports').sort().join();
      if (names !== required) throw new Error('import has ' + names + '; require has ' + required);
    });`;
  // --throw-deprecation and an empty stderr: a library must not make its user's program warn.
  const argv = ['--throw-deprecation', '-e', script];
  check(`${entry}: require and import`, process.execPath, argv, { cwd: work, silent: true });
}

/**
 * @param {string} name
 * @param {string} file
 * @param {string[]} argv
 * @param {{ cwd?: string, silent?: boolean }} [options] silent: anything on stderr is a failure
 */
function check(name, file, argv, { cwd = root, silent = false } = {}) {
  const { status, stdout, stderr, error } = spawnSync(file, argv, { cwd, encoding: 'utf8' });
  const ok = status === 0 && !(silent && stderr !== '');
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name}`);
  if (!ok) {
    failed += 1;
    console.log([error?.message, stdout, stderr].filter(Boolean).join('\n'));
  }
  return ok;
}

/** @param {string} path */
function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}
