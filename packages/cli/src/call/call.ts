import { createHost, type Host, type Plugin, type TracedCall } from '@proxy-wasm-node/core';
import {
  runExchange,
  type ExchangeMessage,
  type ExchangeResult,
} from '@proxy-wasm-node/core/testing';

import { codeOf, ExitCode, printError } from '../errors.js';
import { howTaken } from '../serve/file-or-text.js';
import { styleFor, type Style } from '../style.js';
import type { Terminal } from '../terminal.js';
import { writeWhole } from '../write-file.js';
import { printGuestStack } from './guest-stack.js';
import { LogRecorder } from './log-recorder.js';
import { outcomeToJson } from './outcome-json.js';
import { describeOutcome } from './outcome-text.js';
import { judge, type CallOutcome, type UpstreamFailure } from './outcome.js';
import { planCall, type CallArguments, type CallOptions, type CallPlan } from './plan.js';
import { printable } from './printable.js';
import { traceToChrome } from './trace-chrome.js';
import { describeTrace } from './trace-text.js';
import { forwardTo, imitate } from './upstream.js';

const PLAIN: Style = (_meaning, text) => text;

/** What is kept of a text in the trace, bytes. */
const TEXT_BYTES = 256;

/**
 * Sends one request through a filter and prints what came of it.
 *
 * @returns FAILED where the filter or an upstream has failed, or a pause had no end
 * @throws CommandError PW_ERR_USAGE, PW_ERR_INPUT_FILE, PW_ERR_OUTPUT_FILE
 */
export async function call(args: CallArguments, terminal: Terminal): Promise<ExitCode> {
  const { options } = args;
  const plan = await planCall(args, terminal);
  const log = new LogRecorder(options.logLevel);
  const calls: TracedCall[] = [];
  const host = createHost({ logger: log, upstreams: plan.upstreams, instruments: false });
  // A pause alone does not keep the process running.
  const alive = setInterval(() => undefined, plan.timeoutMs);
  try {
    const plugin = await start(host, plan, calls);
    if (plugin instanceof Error) {
      await printTrace(calls, options, terminal);
      await printStartFailure(plugin, options, log, terminal);
      return ExitCode.FAILED;
    }
    const result = await exchange(plugin, plan);
    await plugin.close();
    const { timeoutMs } = plan;
    const outcome = judge(result, { plugin, calls, log: log.lines, timeoutMs });
    await print(outcome, options, terminal);
    return outcome.failure === undefined ? ExitCode.OK : ExitCode.FAILED;
  } finally {
    clearInterval(alive);
    await host.close();
  }
}

async function start(
  host: Host,
  { plugin }: CallPlan,
  calls: TracedCall[],
): Promise<Plugin | Error> {
  const begin = (traced: TracedCall): void => void calls.push(traced);
  try {
    return await host.createPlugin({ ...plugin, trace: { begin, textBytes: TEXT_BYTES } });
  } catch (error) {
    return toError(error);
  }
}

async function exchange(
  plugin: Plugin,
  { request, upstream, timeoutMs }: CallPlan,
): Promise<ExchangeResult | UpstreamFailure> {
  const app = upstream instanceof URL ? forwardTo(upstream, timeoutMs) : imitate(upstream);
  let sent: ExchangeMessage | undefined;
  try {
    return await runExchange(plugin, request, (message) => {
      sent = message;
      return app(message);
    });
  } catch (error) {
    return { outcome: 'upstream failed', request: sent, error: toError(error) };
  }
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

async function print(
  outcome: CallOutcome,
  options: CallOptions,
  terminal: Terminal,
): Promise<void> {
  const { stdout, env } = terminal;
  const { calls, failure } = outcome;
  if (options.json === true) {
    const withTrace = options.trace === true && options.output === undefined;
    if (options.output !== undefined) await writeTrace(calls, options.output, options);
    stdout.write(`${outcomeToJson(outcome, withTrace)}\n`);
  } else {
    await printTrace(calls, options, terminal);
    stdout.write(`${describeOutcome(outcome, styleFor(stdout, env))}\n`);
  }
  if (failure !== undefined) printFailure(failure, terminal);
}

/** To a file if one is named, or before all else that is printed. */
async function printTrace(
  calls: readonly TracedCall[],
  options: CallOptions,
  { stdout, env }: Terminal,
): Promise<void> {
  const { output, trace = false } = options;
  const style = styleFor(stdout, env);
  if (output !== undefined) await writeTrace(calls, output, options);
  else if (trace) stdout.write(`${style('title', 'Trace')}\n${describeTrace(calls, style)}\n\n`);
}

function writeTrace(
  calls: readonly TracedCall[],
  output: string,
  { traceFormat }: CallOptions,
): Promise<void> {
  const text = traceFormat === 'chrome' ? traceToChrome(calls) : `${describeTrace(calls, PLAIN)}\n`;
  return writeWhole(output, text);
}

function printFailure(error: unknown, terminal: Terminal): void {
  printError(error, terminal);
  printGuestStack(error, terminal);
}

/** What the filter has logged says why, more often than not. */
async function printStartFailure(
  error: unknown,
  { config }: CallOptions,
  log: LogRecorder,
  terminal: Terminal,
): Promise<void> {
  const style = styleFor(terminal.stderr, terminal.env);
  for (const { level, message } of log.lines) {
    terminal.stderr.write(`[${level}] ${printable(message)}\n`);
  }
  printFailure(error, terminal);
  if (codeOf(error) !== 'PW_ERR_CONFIGURE_REFUSED') return;
  const hint = config === undefined ? 'no --config was given' : await howTaken(config);
  terminal.stderr.write(`${style('note', hint)}\n`);
}
