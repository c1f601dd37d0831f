import type { ExchangeMessage, HeaderEntries } from '@proxy-wasm-node/core/testing';

import { formatBytes } from '../format.js';
import type { Meaning, Style } from '../style.js';
import type { CallOutcome } from './outcome.js';
import { printable, textOf } from './printable.js';

/** What the upstream saw, what the client sees, and the log, for people. */
export function describeOutcome(outcome: CallOutcome, style: Style): string {
  const { request, response, explanation, log, notes } = outcome;
  const saw = request === undefined ? ['  nothing'] : requestLines(request, style);
  const sees = response === undefined ? [`  ${explanation}`] : responseLines(response, style);
  const lines = log.flatMap(({ level, message }) => {
    const label = style(LEVEL_MEANINGS[level] ?? 'note', `[${level}]`);
    const [first = '', ...others] = message.split('\n').map(printable);
    return [`  ${label} ${first}`, ...others.map((other) => `    ${other}`)];
  });
  const from = response === undefined ? '' : ` ${style('note', explanation)}`;
  return [
    style('title', 'Upstream saw'),
    ...saw,
    '',
    style('title', 'Client sees') + from,
    ...sees,
    '',
    style('title', 'Log'),
    ...(lines.length === 0 ? ['  nothing'] : lines),
    ...notes.map((note) => `\n${style('warning', 'note:')} ${note}`),
  ].join('\n');
}

const LEVEL_MEANINGS: Readonly<Record<string, Meaning>> = {
  warn: 'warning',
  error: 'bad',
  fatal: 'bad',
};

function requestLines(message: ExchangeMessage, style: Style): string[] {
  const find = (name: string): string => message.headers.find(([each]) => each === name)?.[1] ?? '';
  const line = `  ${style('good', find(':method'))} ${printable(find(':path'))}`;
  const authority = find(':authority');
  const host: HeaderEntries = authority === '' ? [] : [['host', authority]];
  return [line, ...rest({ ...message, headers: [...host, ...plain(message)] }, style)];
}

function responseLines(message: ExchangeMessage, style: Style): string[] {
  const status = message.headers.find(([name]) => name === ':status')?.[1] ?? '';
  const meaning = status.startsWith('2') ? 'good' : 'warning';
  return [`  ${style(meaning, status)}`, ...rest({ ...message, headers: plain(message) }, style)];
}

function plain({ headers }: ExchangeMessage): HeaderEntries {
  return headers.filter(([name]) => !name.startsWith(':'));
}

function rest({ headers, body, trailers }: ExchangeMessage, style: Style): string[] {
  const ofMap = (entries: HeaderEntries): string[] =>
    entries.map(([name, value]) => `  ${style('name', `${name}:`)} ${printable(value)}`);
  return [
    ...ofMap(headers),
    ...bodyLines(body),
    ...(trailers.length === 0 ? [] : ['', ...ofMap(trailers)]),
  ];
}

const MAX_BODY_CHARACTERS = 4096;

/** Longer ones, and bytes that are no text, are told of; `--json` has all of it. */
function bodyLines(body: Buffer): string[] {
  if (body.length === 0) return [];
  const text = textOf(body);
  if (text === undefined) return ['', `  (${formatBytes(body.length)} that are no text)`];
  const shown = text.slice(0, MAX_BODY_CHARACTERS);
  const lines = shown.replace(/\r?\n$/, '').split(/\r?\n/);
  const cut = shown.length < text.length ? [`  … (${formatBytes(body.length)})`] : [];
  return ['', ...lines.map((line) => `  ${printable(line)}`), ...cut];
}
