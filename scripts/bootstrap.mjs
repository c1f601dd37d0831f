/**
 * What `npm start` and `npm test` run. Needs only Node and npm: fetches the pinned pnpm through npx,
 * installs with the frozen lock file, then does the named job.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const lockFile = new URL('../pnpm-lock.yaml', import.meta.url);
const stampFile = new URL('../node_modules/.lock-sha256', import.meta.url);

// Started as `node <file>`, not through a shell or pnpm: signals and exit codes then pass as they are.
const TSC = 'node_modules/typescript/bin/tsc';
const VITEST = 'node_modules/vitest/vitest.mjs';
/** @type {Record<string, string[][]>} */
const jobs = {
  start: [[TSC, '-b', 'tsconfig.build.json'], ['examples/express-app/server.js']],
  test: [[VITEST, 'run']],
};

const [job = '', ...args] = process.argv.slice(2);
const commands = jobs[job];
if (!commands) fail(`bootstrap: no job "${job}"; there is: ${Object.keys(jobs).join(', ')}`);
checkNodeVersion();
await installIfNeeded();
for (const [index, command] of commands.entries()) {
  const last = index === commands.length - 1;
  const status = await run(process.execPath, last ? [...command, ...args] : command);
  if (status !== 0) process.exit(status);
}

function checkNodeVersion() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`proxy-wasm-node needs Node 20.19 or later; this is ${process.version}`);
  }
}

/** Skipped while node_modules is what this lock file asked for: a second start takes no time. */
async function installIfNeeded() {
  const wanted = createHash('sha256').update(readFileSync(lockFile)).digest('hex');
  if (readStamp() === wanted) return;
  const { packageManager } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  );
  console.log(
    `Installing dependencies with ${packageManager} (first run or changed lock file) ...`,
  );
  // --prod=false: with NODE_ENV=production in the shell, the tools would be left out.
  const pnpm = ['--yes', packageManager, 'install', '--frozen-lockfile', '--prod=false'];
  const status = await run('npx', pnpm, process.platform === 'win32');
  if (status !== 0) fail('bootstrap: the install failed, see above', status);
  writeFileSync(stampFile, wanted);
}

function readStamp() {
  try {
    return readFileSync(stampFile, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * Runs a command in the root and resolves to its exit status (128 + number after a signal).
 * Signals sent to this process reach the command, and this process outlives it.
 *
 * @param {string} file
 * @param {string[]} argv
 * @param {boolean} [shell]
 * @returns {Promise<number>}
 */
function run(file, argv, shell = false) {
  return new Promise((resolve) => {
    const child = spawn(file, argv, { cwd: root, stdio: 'inherit', shell });
    /** @param {NodeJS.Signals} signal */
    const forward = (signal) => {
      // Ctrl-C at a terminal reaches the whole process group: the command has it already.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    };
    /** @type {NodeJS.Signals[]} */
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, forward);
    const watch = whenOrphaned(() => child.kill('SIGTERM'));
    child.on('error', (error) => {
      console.error(`bootstrap: cannot run ${file}: ${error.message}`);
      resolve(1);
    });
    child.on('exit', (code, signal) => {
      for (const each of signals) process.off(each, forward);
      clearInterval(watch);
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
}

/**
 * npm passes a signal to the shell between it and us, and some shells die of it without passing it on:
 * the server would be left behind, holding its port.
 *
 * @param {() => void} stop
 */
function whenOrphaned(stop) {
  const parent = process.ppid;
  if (process.env['npm_lifecycle_event'] === undefined) return undefined;
  return setInterval(() => {
    if (process.ppid !== parent) stop();
  }, 100);
}

/**
 * @param {string} message
 * @param {number} [status]
 * @returns {never}
 */
function fail(message, status = 1) {
  console.error(message);
  process.exit(status);
}
