import type { PluginOptions, ServiceOptions, UpstreamOptions } from '@proxy-wasm-node/core';

import { configPart, type ConfigPart } from './config-part.js';
import type { EnvoyConfiguration, FilterChain, Listener, WasmPlugin } from './model.js';
import { checkOptions } from './options.js';
import type { ConfigNote, ConfigPosition } from './position.js';
import { contextOf, type EnvoyConfigOptions } from './read-config.js';
import { configError, refuseInvalid } from './refusals.js';
import type { ReadContext } from './schema/read-context.js';
import { parseConfig } from './text/document.js';
import { upstreamOf } from './upstreams.js';

/** How {@link fromEnvoyConfig} reads. */
export interface FromEnvoyConfigOptions extends EnvoyConfigOptions {
  /** Which listener's filters are meant, by name or port. Needed where several have some. */
  listener?: string | number;
}

/** What of a configuration an app takes. */
export interface EnvoyPlugins {
  /** For `wasmFilter` of an adapter, or `tcpFilter`; in order. */
  plugins: PluginOptions[];
  /** 'tcp': they are network filters, for `tcpFilter` and `createTcpProxy`. */
  kind: 'http' | 'tcp';
  /** Each for `host.createService`. */
  services: ServiceOptions[];
  /** The clusters, for `createHost`: what filters may call by name. */
  upstreams: Record<string, UpstreamOptions>;
  /** `stats_tags`, for `createHost`. */
  metrics: { tags: Record<string, RegExp> };
  /** What is in the text, but does nothing here. */
  notes: ConfigNote[];
}

/**
 * The wasm filters of a configuration of Envoy's as options for the adapters. The text, YAML or
 * JSON, is a whole configuration, a listener, an HTTP connection manager, a filter, or a list of
 * filters (also below `http_filters:`).
 *
 * ```js
 * const { plugins, upstreams } = fromEnvoyConfig(text);
 * app.use(wasmFilter(plugins, { host: createHost({ upstreams }) }));
 * ```
 *
 * @throws ProxyWasmError PW_ERR_ENVOY_SYNTAX, PW_ERR_ENVOY_INVALID, PW_ERR_ENVOY_UNSUPPORTED,
 *   PW_ERR_ENVOY_AMBIGUOUS, PW_ERR_CODE_NOT_FOUND, with line, column and path;
 *   PW_ERR_OPTIONS_INVALID
 */
export function fromEnvoyConfig(text: string, options: FromEnvoyConfigOptions = {}): EnvoyPlugins {
  checkOptions(text, options, ['listener']);
  const root = parseConfig(text, options.file);
  const context = contextOf(options);
  const part = configPart(root, context);
  const { kind, plugins } = chainOf(part, options, root.at, context);
  const configuration = part.kind === 'configuration' ? part.configuration : undefined;
  const services = configuration?.wasmServices ?? [];
  if (plugins.length === 0 && services.length === 0) {
    refuseInvalid(root.at, 'there is no wasm filter in it');
  }
  noteUnused(configuration, context);
  return {
    ...{ kind, plugins: plugins.map((each) => each.options) },
    services: services.map((each) => each.options),
    upstreams: upstreamsOf(configuration),
    metrics: { tags: tagsOf(configuration) },
    notes: context.notes,
  };
}

interface Chain {
  readonly kind: 'http' | 'tcp';
  readonly plugins: readonly WasmPlugin[];
}

function chainOf(
  part: ConfigPart,
  { listener }: FromEnvoyConfigOptions,
  at: ConfigPosition,
  context: ReadContext,
): Chain {
  if (part.kind === 'http' || part.kind === 'tcp') return part;
  const listeners = part.kind === 'listener' ? [part.listener] : part.configuration.listeners;
  const chosen = chooseListener(listeners, listener, at);
  if (chosen === undefined) return { kind: 'http', plugins: [] };
  const note = "the app listens and answers: of this listener, only the wasm filters' part is used";
  context.note(chosen.at, note);
  return chainIn(chosen.filterChain);
}

function chainIn(chain: FilterChain): Chain {
  if (chain.kind === 'tcp') return { kind: 'tcp', plugins: chain.plugins };
  return { kind: 'http', plugins: chain.connectionManager.plugins };
}

/** The one that was asked for; else the only one that has wasm filters. */
function chooseListener(
  listeners: readonly Listener[],
  wanted: string | number | undefined,
  at: ConfigPosition,
): Listener | undefined {
  const describe = (list: readonly Listener[]): string => list.map(({ name }) => name).join(', ');
  if (wanted !== undefined) {
    const found = listeners.filter(({ name, port }) => name === wanted || port === wanted);
    const [first, second] = found;
    if (first !== undefined && second === undefined) return first;
    const there = listeners.length === 0 ? 'there is none' : `there are ${describe(listeners)}`;
    const many = second === undefined ? 'no' : 'more than one';
    refuseInvalid(at, `${many} listener is called ${JSON.stringify(wanted)}; ${there}`);
  }
  const filtered = listeners.filter(({ filterChain }) => chainIn(filterChain).plugins.length > 0);
  if (filtered.length < 2) return filtered[0] ?? listeners[0];
  const count = String(filtered.length);
  const message = `${count} listeners have wasm filters (${describe(filtered)}); say which with the option listener`;
  throw configError('PW_ERR_ENVOY_AMBIGUOUS', at, message);
}

function upstreamsOf(configuration: EnvoyConfiguration | undefined) {
  const clusters = configuration?.clusters ?? [];
  return Object.fromEntries(clusters.map((cluster) => [cluster.name, upstreamOf(cluster)]));
}

function tagsOf(configuration: EnvoyConfiguration | undefined): Record<string, RegExp> {
  const tags = configuration?.statsTags ?? [];
  return Object.fromEntries(tags.map(({ name, pattern }) => [name, pattern]));
}

function noteUnused(configuration: EnvoyConfiguration | undefined, context: ReadContext): void {
  const admin = configuration?.admin;
  if (admin !== undefined) {
    context.note(admin.at, 'the admin interface is not served; metrics are in host.metrics');
  }
  for (const { at, dnsFamily } of configuration?.clusters ?? []) {
    if (dnsFamily !== 0) {
      context.note(
        at,
        'names of upstreams are looked up as Node does it, whatever dns_lookup_family',
      );
    }
  }
}
