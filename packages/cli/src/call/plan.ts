/** What the command line of `call` asks for, checked. */
import { validateHeaderName, validateHeaderValue } from 'node:http';

import type { PluginOptions } from '@proxy-wasm-node/core';
import type { ExchangeRequest, HeaderEntries } from '@proxy-wasm-node/core/testing';

import { CommandError } from '../errors.js';
import { contentOf } from '../serve/file-or-text.js';
import type { Terminal } from '../terminal.js';
import { readData } from './input.js';

/** As commander gives them. */
export interface CallOptions {
  readonly request?: string;
  readonly header?: readonly string[];
  readonly data?: string;
  readonly config?: string;
  readonly vmConfig?: string;
  readonly rootId?: string;
  readonly sha256?: string;
  readonly allowUnpinned?: true;
  readonly logLevel: string;
  readonly responseStatus?: string;
  readonly responseHeader?: readonly string[];
  readonly responseBody?: string;
  readonly upstream?: string;
  readonly upstreamFor?: readonly string[];
  readonly timeout?: string;
  readonly trace?: true;
  readonly traceFormat: 'text' | 'chrome';
  readonly output?: string;
  readonly json?: true;
}

export interface CallArguments {
  readonly module: string;
  readonly path: string;
  readonly options: CallOptions;
}

/** What an imitation upstream answers. */
export interface Imitation {
  readonly status: number;
  readonly headers: HeaderEntries;
  /** undefined: what it was sent. */
  readonly body: Uint8Array | undefined;
}

export interface CallPlan {
  readonly plugin: PluginOptions;
  readonly request: ExchangeRequest;
  readonly upstream: URL | Imitation;
  /** Servers that the filter may call, by name. */
  readonly upstreams: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const MAX_TIMEOUT_MS = 0x7fff_ffff;

/** @throws CommandError PW_ERR_USAGE, PW_ERR_INPUT_FILE */
export async function planCall(
  { module, path, options }: CallArguments,
  terminal: Terminal,
): Promise<CallPlan> {
  const { rootId, config, vmConfig, timeout, output } = options;
  checkPinned(module, options);
  if (options.traceFormat === 'chrome' && output === undefined) {
    throw usage('--trace-format chrome makes a file: name it with -o');
  }
  const timeoutMs = timeout === undefined ? DEFAULT_TIMEOUT_MS : wholeNumber('--timeout', timeout);
  const plugin: PluginOptions = {
    code: module,
    ...(options.sha256 !== undefined && { sha256: options.sha256 }),
    ...(options.allowUnpinned !== undefined && { allowUnpinned: true }),
    failurePolicy: 'fail-closed',
    limits: { pausedTimeMs: timeoutMs },
    ...(rootId !== undefined && { rootId }),
    ...(config !== undefined && { configuration: await contentOf('--config', config) }),
    ...(vmConfig !== undefined && {
      vm: { configuration: await contentOf('--vm-config', vmConfig) },
    }),
  };
  return {
    plugin,
    request: await planRequest(path, options, terminal),
    upstream: await planUpstream(options, terminal),
    upstreams: Object.fromEntries((options.upstreamFor ?? []).map(namedUpstream)),
    timeoutMs,
  };
}

/** As core would refuse it, in the words of the command line. */
function checkPinned(module: string, { sha256, allowUnpinned }: CallOptions): void {
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/i.test(sha256)) {
    throw usage(`--sha256 takes 64 hex digits, not '${sha256}'`);
  }
  const isPinned = sha256 !== undefined || module.includes('@sha256:');
  if (isPinned || allowUnpinned === true || !/^(?:https?|oci):/i.test(module)) return;
  throw usage(
    `what comes from ${module} can change: give --sha256 (proxy-wasm inspect prints it), or --allow-unpinned`,
  );
}

async function planRequest(
  target: string,
  options: CallOptions,
  terminal: Terminal,
): Promise<ExchangeRequest> {
  const { data, request: method = data === undefined ? 'GET' : 'POST' } = options;
  if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(method)) throw usage(`-X takes a method, not '${method}'`);
  const url = /^https?:\/\//i.test(target) ? urlOf('the path', target) : undefined;
  const path = url === undefined ? target : url.pathname + url.search;
  if (!/^(?:\/|\*$)[\x21-\x7e\x80-\xff]*$/.test(path)) {
    throw usage(`the path must begin with / and have no blanks, unlike '${path}'`);
  }
  const headers = (options.header ?? []).map((text) => headerOf('-H', text));
  const hasHost = headers.some(([name]) => name === 'host');
  return {
    method,
    path,
    scheme: url?.protocol.slice(0, -1) ?? 'http',
    headers: url === undefined || hasHost ? headers : [['host', url.host], ...headers],
    body: data === undefined ? undefined : await readData('-d', data, terminal),
  };
}

async function planUpstream(options: CallOptions, terminal: Terminal): Promise<URL | Imitation> {
  const { upstream, responseStatus = '200', responseHeader = [], responseBody } = options;
  if (upstream !== undefined) return originOf('--upstream', upstream);
  const status = wholeNumber('--response-status', responseStatus);
  if (status < 200 || status > 599) {
    throw usage(`--response-status takes 200 to 599, not ${responseStatus}`);
  }
  return {
    status,
    headers: responseHeader.map((text) => headerOf('--response-header', text)),
    body:
      responseBody === undefined
        ? undefined
        : await readData('--response-body', responseBody, terminal),
  };
}

/** `name: value`; the name lower-case. */
function headerOf(option: string, text: string): [string, string] {
  const at = text.indexOf(':');
  if (at < 1) throw usage(`${option} takes 'name: value', not '${text}'`);
  const [name, value] = [text.slice(0, at).trim().toLowerCase(), text.slice(at + 1).trim()];
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw usage(`${option} '${text}': ${reason}`);
  }
  return [name, value];
}

/** Names may have `=` in them; a URL of scheme, host and port has none. */
function namedUpstream(text: string): [string, string] {
  const at = text.lastIndexOf('=');
  if (at < 1) throw usage(`--upstream-for takes name=URL, not '${text}'`);
  return [text.slice(0, at), originOf('--upstream-for', text.slice(at + 1)).href];
}

function originOf(option: string, text: string): URL {
  const url = urlOf(option, text);
  if (url.pathname !== '/' || url.search !== '' || url.username !== '') {
    throw usage(`${option} takes scheme, host and port, not '${text}'; try ${url.origin}`);
  }
  return url;
}

function urlOf(option: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  throw usage(`${option} takes a URL such as http://127.0.0.1:3000, not '${text}'`);
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value > 0 && value <= MAX_TIMEOUT_MS) return value;
  throw usage(`${option} takes a whole number above 0, not '${text}'`);
}

function usage(message: string): CommandError {
  return new CommandError('PW_ERR_USAGE', `${message}; see proxy-wasm call --help`);
}
