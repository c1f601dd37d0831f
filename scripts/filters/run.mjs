import { spawnSync } from 'node:child_process';

// A registry that does not answer must not keep the other filters waiting for ever.
const TIMEOUT_MS = 5 * 60_000;

/**
 * Runs a command to its end. A command that does not exist is one that failed.
 *
 * @param {string[]} command
 * @param {string} cwd
 * @param {NodeJS.ProcessEnv} env replaces variables of this process; undefined unsets one
 * @returns {{ ok: boolean, stdout: string, problem: string }} `problem`: the last line that tells why
 */
export function run([file = '', ...args], cwd, env = {}) {
  const { status, error, signal, stdout, stderr } = spawnSync(file, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    maxBuffer: 64 * 1024 * 1024,
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  if (error) {
    const isMissing = 'code' in error && error.code === 'ENOENT';
    return { ok: false, stdout: '', problem: isMissing ? `there is no ${file}` : error.message };
  }
  const said = lastLine(stderr) || lastLine(stdout);
  const problem = `${file} ended with ${signal ?? `exit code ${status}`}: ${said}`;
  return { ok: status === 0, stdout: stdout.trim(), problem };
}

/** @param {string} text */
function lastLine(text) {
  return text.trim().split('\n').at(-1)?.trim() ?? '';
}
