/**
 * Fresh processes: what V8 has learnt in one measurement must not colour the next, and the same code
 * differs by a tenth from launch to launch.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

/** @typedef {import('node:child_process').ChildProcess} ChildProcess */

/**
 * @typedef {object} ChildOptions
 * @property {string[]} [execArgv]
 * @property {number} [core] the core to run on, where processes can be tied to one
 */

/** Ties a process to a core, where the system has it. */
const TASKSET = 'taskset';

/** Whether processes can be tied to a core here, and there is more than one. */
export const canPin = availableParallelism() > 1 && spawnSync(TASKSET, ['--version']).status === 0;

/**
 * Starts a script with a channel for messages. Its argument, any JSON, is read by
 * {@link readArgument}.
 *
 * @param {URL} script
 * @param {unknown} argument
 * @param {ChildOptions} [options]
 * @returns {ChildProcess}
 */
export function startChild(script, argument, { execArgv = [], core } = {}) {
  const command = [process.execPath, ...execArgv, fileURLToPath(script), JSON.stringify(argument)];
  if (core !== undefined && canPin) command.unshift(TASKSET, '-c', String(core));
  const [file = '', ...args] = command;
  return spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

/**
 * The child's next message.
 *
 * @template T
 * @param {ChildProcess} child
 * @returns {Promise<T>} rejects if the child ends without one
 */
export function nextMessage(child) {
  return new Promise((resolve, reject) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      reject(new Error('a measuring process is gone'));
      return;
    }
    /** @param {number | null} code @param {string | null} signal */
    const onExit = (code, signal) => {
      child.off('message', onMessage);
      reject(new Error(`a measuring process ended early (${signal ?? `exit ${String(code)}`})`));
    };
    /** @param {any} message */
    const onMessage = (message) => {
      child.off('exit', onExit);
      resolve(message);
    };
    child.once('message', onMessage);
    child.once('exit', onExit);
  });
}

/**
 * Asks a child something, and answers its next message.
 *
 * @template T
 * @param {ChildProcess} child
 * @param {object} question
 * @returns {Promise<T>}
 */
export function ask(child, question) {
  const answer = nextMessage(child);
  child.send(question);
  return /** @type {Promise<T>} */ (answer);
}

/**
 * Ends a child that waits for questions: without a channel it has nothing left to wait for.
 *
 * @param {ChildProcess} child
 */
export async function endChild(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  if (child.connected) child.disconnect();
  const impatience = setTimeout(() => child.kill('SIGKILL'), 5000);
  await ended;
  clearTimeout(impatience);
}

/**
 * Runs a script that measures one thing, and answers the message that it sends.
 *
 * @template T
 * @param {URL} script
 * @param {unknown} argument
 * @param {ChildOptions} [options]
 * @returns {Promise<T>}
 */
export async function measureInChild(script, argument, options) {
  const child = startChild(script, argument, options);
  const result = await nextMessage(child);
  await endChild(child);
  return /** @type {T} */ (result);
}

/**
 * In a child: what it was started with.
 *
 * @template T
 * @returns {T}
 */
export function readArgument() {
  return JSON.parse(process.argv[2] ?? 'null');
}

/**
 * In a child that measures one thing: tells the result, and ends when it has been read.
 *
 * @param {object} result
 */
export function tell(result) {
  process.once('disconnect', () => process.exit(0));
  process.send?.(result);
}

/**
 * In a child that serves HTTP: listens on a free port, see {@link serving}.
 *
 * @param {import('node:http').Server} server
 */
export function serve(server) {
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    serving(typeof address === 'object' ? address?.port : undefined);
  });
}

/**
 * In a child that serves HTTP: tells its port, then its CPU time and the most memory it has used,
 * whenever it is asked.
 *
 * @param {number | undefined} port
 */
export function serving(port) {
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    const peakRssBytes = process.resourceUsage().maxRSS * 1024;
    process.send?.({ cpuUs: user + system, peakRssBytes });
  });
  process.once('disconnect', () => process.exit(0));
  process.send?.({ port });
}
