/**
 * Runs CI's steps one after the other, whatever fails, and ends with the line `N passed, N failed`:
 * test cases are counted from vitest's own report, any other step counts as one. The few cases that fail
 * on a busy machine run once more, alone; they are named in the summary all the same.
 * Arguments, if any, pick the steps whose names contain one of them.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { countAgain, countStep, countTests, failuresOf } from './count.mjs';
import { steps } from './steps.mjs';

/** @typedef {import('./count.mjs').Count} Count */
/** @typedef {import('./count.mjs').Failure} Failure */
/** @typedef {import('./steps.mjs').Step} Step */

// A step that hangs must not keep the last line from being printed.
const STEP_TIMEOUT_MS = 15 * 60_000;
// More than this is no accident of a busy machine.
const MOST_TO_RUN_AGAIN = 5;

const root = fileURLToPath(new URL('../..', import.meta.url));
const reports = mkdtempSync(join(tmpdir(), 'proxy-wasm-node-ci-'));
const picked = process.argv.slice(2);

const total = { passed: 0, failed: 0 };
/** @type {string[]} */
const summary = [];
for (const step of steps) {
  if (picked.length > 0 && !picked.some((text) => step.name.includes(text))) continue;
  const startedAt = Date.now();
  console.log(`\n=== ${step.name}`);
  const count = runStep(step);
  total.passed += count.passed;
  total.failed += count.failed;
  const seconds = Math.round((Date.now() - startedAt) / 1000);
  const line = `${count.failed > 0 ? 'FAILED' : 'ok    '} ${step.name}: ${count.note} (${seconds} s)`;
  summary.push(line);
  console.log(`--- ${line}`);
}
rmSync(reports, { recursive: true, force: true });

console.log(`\n${summary.join('\n')}\n`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 ? 1 : 0;

/**
 * @param {Step} step
 * @returns {Count}
 */
function runStep(step) {
  if (step.needs !== undefined && !existsSync(join(root, step.needs))) {
    return { passed: 0, failed: 0, note: `nothing to do, there is no ${step.needs}` };
  }
  const env = { ...process.env };
  if (step.node !== undefined) {
    const binary = findNode(step.node);
    if (binary === undefined) return { passed: 0, failed: 1, note: `cannot get Node ${step.node}` };
    // First in the path, so that what the tests spawn runs on it too.
    env['PATH'] = `${dirname(binary)}${delimiter}${env['PATH'] ?? ''}`;
  }
  return step.tests ? runTests(step, env) : countStep(spawn(step.command, env));
}

/**
 * @param {Step} step
 * @param {NodeJS.ProcessEnv} env
 * @returns {Count}
 */
function runTests(step, env) {
  const report = join(reports, `${steps.indexOf(step)}.json`);
  const count = countTests(report, spawn([...step.command, ...reportTo(report)], env));
  const failures = failuresOf(report);
  name('failed', failures);
  if (failures.length === 0 || failures.length > MOST_TO_RUN_AGAIN) return count;
  const files = [...new Set(failures.map(({ file }) => relative(root, file)))];
  console.log(`\n=== again, alone: ${files.join(' ')}`);
  const second = join(reports, `${steps.indexOf(step)}-again.json`);
  const alone = [...step.command, ...files, '--maxWorkers=1', ...reportTo(second)];
  const again = countTests(second, spawn(alone, env));
  const stillFailing = failuresOf(second);
  name('failed again', stillFailing);
  return countAgain(count, failures, again, stillFailing);
}

/** @param {string} report */
function reportTo(report) {
  return ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
}

/**
 * @param {string} what
 * @param {Failure[]} failures
 */
function name(what, failures) {
  for (const { file, test, message } of failures) {
    summary.push(`${what}: ${relative(root, file)} > ${test}: ${message}`);
  }
}

/**
 * @param {string[]} command
 * @param {NodeJS.ProcessEnv} env
 */
function spawn([file = '', ...args], env) {
  const { status, error, signal } = spawnSync(file, args, {
    cwd: root,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: STEP_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  if (error) console.error(error.message);
  return status ?? `ended by ${signal}`;
}

/**
 * The binary of another Node, out of npm's package `node`; undefined if it is not to be had or is not
 * the version that was asked for.
 *
 * @param {string} major
 * @returns {string | undefined}
 */
function findNode(major) {
  const print = 'console.log(process.version + " " + process.execPath)';
  const { stdout, stderr } = spawnSync('npx', ['-y', '-p', `node@${major}`, 'node', '-e', print], {
    // Not in the root: its own packages would be looked at first.
    cwd: reports,
    encoding: 'utf8',
  });
  const [version = '', path] = stdout.trim().split(' ');
  console.log(version === '' ? stderr : `${version} at ${path}`);
  return version.startsWith(`v${major}.`) ? path : undefined;
}
