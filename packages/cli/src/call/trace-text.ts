import type { TracedCall, TraceValue } from '@proxy-wasm-node/core';

import type { Style } from '../style.js';

const INDENT = '  ';

/**
 * The calls in order, one a line, indented by nesting:
 *
 *     1.204 ms    proxy_get_property(path: "source.address") -> NOT_FOUND  [0.012 ms]
 */
export function describeTrace(calls: readonly TracedCall[], style: Style): string {
  const beginMs = calls[0]?.startMs ?? 0;
  const lastMs = (calls.at(-1)?.startMs ?? 0) - beginMs;
  const width = time(lastMs).length;
  return calls.map((call) => line(call, beginMs, width, style)).join('\n');
}

function line(call: TracedCall, beginMs: number, width: number, style: Style): string {
  const { kind, name, depth, contextId, startMs, durationMs, arguments: given } = call;
  const start = style('note', time(startMs - beginMs).padStart(width));
  const label = style(kind === 'callback' ? 'title' : 'name', name);
  const context = depth === 0 ? `, context ${String(contextId)}` : '';
  const took = style('note', `[${time(durationMs ?? 0)}${context}]`);
  return `${start}${INDENT}${INDENT.repeat(depth)}${label}(${list(given)})${answer(call, style)}  ${took}`;
}

function answer({ result, results, thrown }: TracedCall, style: Style): string {
  if (thrown !== undefined) return ` ${style('bad', 'threw')} ${JSON.stringify(thrown)}`;
  const isGood = result === 'OK' || result === 'SUCCESS' || typeof result !== 'string';
  const status = result === undefined ? [] : [style(isGood ? 'good' : 'warning', show(result))];
  const given = list(results);
  const parts = given === '' ? status : [...status, given];
  return parts.length === 0 ? '' : ` -> ${parts.join(', ')}`;
}

function list(values: Readonly<Record<string, TraceValue>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}: ${show(value)}`)
    .join(', ');
}

/** Names of the spec stand alone; texts are quoted, with control characters escaped. */
function show(value: TraceValue): string {
  if (typeof value === 'string') return /^[A-Z][A-Z_0-9]*$/.test(value) ? value : quote(value);
  if (typeof value !== 'object') return String(value);
  return `[${value.map(([name, text]) => quote(`${name}: ${text}`)).join(', ')}]`;
}

/** JSON, with the control characters that it leaves as they are escaped too. */
function quote(text: string): string {
  return JSON.stringify(text).replace(/[\x7f-\x9f]/g, (character) => {
    return `\\u00${character.charCodeAt(0).toString(16)}`;
  });
}

function time(ms: number): string {
  return `${ms.toFixed(3)} ms`;
}
