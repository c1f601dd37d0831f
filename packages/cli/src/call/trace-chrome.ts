import type { TracedCall } from '@proxy-wasm-node/core';

const MICROSECONDS = 1000;

/**
 * The calls as a trace file of Chrome's: open it in the browser's performance panel, `chrome://tracing`
 * or Perfetto. Nesting is what the viewer sees from the times.
 *
 * @see https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
 */
export function traceToChrome(calls: readonly TracedCall[]): string {
  const beginMs = calls[0]?.startMs ?? 0;
  const name = calls[0]?.pluginName ?? 'filter';
  const events = [
    { ph: 'M', name: 'process_name', pid: 1, tid: 1, args: { name: 'proxy-wasm call' } },
    { ph: 'M', name: 'thread_name', pid: 1, tid: 1, args: { name } },
    ...calls.map((call) => event(call, beginMs)),
  ];
  return `${JSON.stringify({ traceEvents: events, displayTimeUnit: 'ms' }, null, 1)}\n`;
}

function event(call: TracedCall, beginMs: number): object {
  const { kind, name, startMs, durationMs = 0, contextId, result, results, thrown } = call;
  return {
    ph: 'X',
    name,
    cat: kind,
    pid: 1,
    tid: 1,
    ts: (startMs - beginMs) * MICROSECONDS,
    dur: durationMs * MICROSECONDS,
    args: { contextId, ...call.arguments, result, ...results, thrown },
  };
}
