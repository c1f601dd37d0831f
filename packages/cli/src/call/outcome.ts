/** What an exchange has come to, and why. */
import type { Plugin, TracedCall } from '@proxy-wasm-node/core';
import type { ExchangeMessage, ExchangeResult } from '@proxy-wasm-node/core/testing';

import { CommandError } from '../errors.js';
import type { LogLine } from './log-recorder.js';

/** Who the client's answer is from. */
type AnsweredBy = 'upstream' | 'filter' | 'host' | 'nobody';

export interface CallOutcome {
  /** What the upstream has seen; undefined: nothing. */
  readonly request: ExchangeMessage | undefined;
  /** What the client sees; undefined: nothing. */
  readonly response: ExchangeMessage | undefined;
  readonly answeredBy: AnsweredBy;
  /** For people: who, in which callback, why. */
  readonly explanation: string;
  readonly details: string;
  readonly log: readonly LogLine[];
  readonly calls: readonly TracedCall[];
  /** What the author should know, though nothing has failed. */
  readonly notes: readonly string[];
  /** What has failed, so that the exchange is not what the filter wanted. */
  readonly failure: Error | undefined;
}

/** What has been recorded while the exchange ran. */
export interface Recording {
  readonly plugin: Plugin;
  readonly calls: readonly TracedCall[];
  readonly log: readonly LogLine[];
  readonly timeoutMs: number;
}

/** An exchange that ended with the upstream. */
export interface UpstreamFailure {
  readonly outcome: 'upstream failed';
  /** What it was sent. */
  readonly request: ExchangeMessage | undefined;
  readonly error: Error;
}

export function judge(result: ExchangeResult | UpstreamFailure, recording: Recording): CallOutcome {
  const { plugin, calls, log } = recording;
  const failed = result.outcome === 'upstream failed';
  const details = failed ? '' : result.details;
  const paused = details === PAUSED_TOO_LONG ? pausedError(recording) : undefined;
  const failure = plugin.failure ?? (failed ? result.error : paused);
  return {
    request: result.request,
    response: failed ? undefined : result.response,
    ...whoAnswered(result, recording),
    details,
    log: failure === undefined ? log : log.filter(({ message }) => !tellsOf(message, failure)),
    calls,
    notes: unknownUpstreams(calls),
    failure,
  };
}

/** Whether a line of the host's says what is printed as the error, with the guest's stack. */
function tellsOf(message: string, failure: Error): boolean {
  return message === failure.message || message.startsWith(`${failure.message}\n`);
}

/** Envoy's response code details, where the host has answered. */
const PAUSED_TOO_LONG = 'stream_idle_timeout';
const HOST_REASONS: Readonly<Record<string, string>> = {
  wasm_fail_stream: 'the filter has failed',
  [PAUSED_TOO_LONG]: 'the filter has paused the stream for too long',
  request_payload_too_large: 'the request’s body is larger than the filter may hold',
  response_payload_too_large: 'the response’s body is larger than the filter may hold',
};

function whoAnswered(
  result: ExchangeResult | UpstreamFailure,
  { calls }: Recording,
): Pick<CallOutcome, 'answeredBy' | 'explanation'> {
  if (result.outcome === 'upstream failed') {
    return { answeredBy: 'nobody', explanation: 'nothing: the upstream has failed' };
  }
  const { outcome, details } = result;
  if (outcome === 'reset') {
    const explanation = `the connection is cut (${details || 'after the head of the response'})`;
    return { answeredBy: 'nobody', explanation };
  }
  if (details === 'via_upstream')
    return { answeredBy: 'upstream', explanation: 'from the upstream' };
  const reason = HOST_REASONS[details];
  if (reason !== undefined) {
    return { answeredBy: 'host', explanation: `from the host: ${reason} (${details})` };
  }
  const callback = callbackAround(calls, 'proxy_send_local_response');
  const where = callback === undefined ? '' : ` in ${callback}`;
  const why = details === '' ? '' : ` (${details})`;
  return {
    answeredBy: 'filter',
    explanation: `from the filter: proxy_send_local_response${where}${why}`,
  };
}

/** The callback in which a hostcall was last made. */
function callbackAround(calls: readonly TracedCall[], hostcall: string): string | undefined {
  const at = calls.findLastIndex(({ name }) => name === hostcall);
  return at < 0 ? undefined : calls.slice(0, at).findLast(({ depth }) => depth === 0)?.name;
}

const CONTINUES: ReadonlySet<unknown> = new Set(['CONTINUE', undefined]);

function pausedError({ calls, timeoutMs }: Recording): CommandError {
  const pausing = calls.findLast(
    ({ name, result }) => /^proxy_on_(?:request|response)_/.test(name) && !CONTINUES.has(result),
  );
  const waiting = openCalls(calls);
  const hint =
    waiting.length === 0
      ? 'no call of the filter’s is open, so nothing would resume it'
      : `it waits for ${waiting.join(', ')}`;
  return new CommandError(
    'PW_ERR_CALL_PAUSED',
    `${pausing?.name ?? 'the filter'} has paused the stream (${String(pausing?.result)}), and nothing ` +
      `has resumed it within ${String(timeoutMs)} ms (--timeout); ${hint}`,
  );
}

/** Calls to upstreams that were begun and have not come back. */
function openCalls(calls: readonly TracedCall[]): string[] {
  const answered = new Set(
    calls
      .filter(
        ({ name }) => name === 'proxy_on_http_call_response' || name === 'proxy_on_grpc_close',
      )
      .map(({ arguments: { call_id: id } }) => id),
  );
  return calls
    .filter(({ results }) => results['call_id'] !== undefined && !answered.has(results['call_id']))
    .map(({ name, arguments: { upstream } }) => `${name} to "${String(upstream)}"`);
}

const UPSTREAM_CALLS: ReadonlySet<string> = new Set([
  ...['proxy_http_call', 'proxy_grpc_call', 'proxy_grpc_stream'],
]);

/** A name that has no URL is the first thing that a filter that calls out meets here. */
function unknownUpstreams(calls: readonly TracedCall[]): string[] {
  const names = calls
    .filter(({ name, result }) => UPSTREAM_CALLS.has(name) && result !== 'OK')
    .map(({ arguments: { upstream } }) => String(upstream));
  return [...new Set(names)].map(
    (name) =>
      `a call to the upstream "${name}" was refused; if that is since it has no URL, give ` +
      `--upstream-for '${name}=http://…'`,
  );
}
