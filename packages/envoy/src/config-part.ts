/** What a text may be: a whole configuration, or a part of one. */
import { bootstrap, configurationOf } from './messages/bootstrap.js';
import { connectionManagerOf, httpConnectionManager } from './messages/http-connection-manager.js';
import { filterOf, pluginsOf } from './messages/http-filters.js';
import { listener, listenerOf } from './messages/listeners.js';
import { networkFilterOf } from './messages/network-filters.js';
import { httpWasmReaders, networkWasmReaders } from './messages/wasm-plugin.js';
import type { EnvoyConfiguration, Listener, WasmPlugin } from './model.js';
import { refuseInvalid } from './refusals.js';
import type { ReadContext } from './schema/read-context.js';
import { oneOfTypes, typeOf, unwrap } from './schema/typed-config.js';
import type { ConfigNode } from './text/config-node.js';

export type ConfigPart =
  | { readonly kind: 'configuration'; readonly configuration: EnvoyConfiguration }
  | { readonly kind: 'listener'; readonly listener: Listener }
  | { readonly kind: 'http'; readonly plugins: readonly WasmPlugin[] }
  | { readonly kind: 'tcp'; readonly plugins: readonly WasmPlugin[] };

const EXPECTED =
  'a bootstrap (static_resources), a listener (filter_chains), an HTTP connection manager ' +
  '(http_filters), a filter (typed_config) or a list of filters';

/** Reads whatever it is, by the fields that it has. */
export function configPart(node: ConfigNode, context: ReadContext): ConfigPart {
  if (node.isList) return filtersPart(node.items(), context);
  if (!node.isMap) refuseInvalid(node.at, `must be ${EXPECTED}, but is ${node.describe()}`);
  const keys = new Set(node.entries().map(({ key }) => snakeCase(key)));
  const has = (...names: string[]): boolean => names.some((name) => keys.has(name));
  if (has('@type')) return typedPart(node, context);
  if (has('typed_config')) return filtersPart([node], context);
  if (has('filter_chains', 'address'))
    return { kind: 'listener', listener: listenerOf(node, context) };
  if (has('http_filters')) return managerPart(node, context, keys.size === 1);
  if (has(...Object.keys(bootstrap.fields), ...bootstrap.unsupported, 'kind') || keys.size === 0) {
    return { kind: 'configuration', configuration: configurationOf(node, context) };
  }
  const found = [...keys].join(', ');
  return refuseInvalid(node.at, `must be ${EXPECTED}, but has ${found}`);
}

function snakeCase(key: string): string {
  return key.includes('_') ? key : key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `http_filters:` alone is a list of filters; with more it is a connection manager. */
function managerPart(node: ConfigNode, context: ReadContext, isAlone: boolean): ConfigPart {
  if (!isAlone) return { kind: 'http', plugins: connectionManagerOf(node, context).plugins };
  const [entry] = node.entries();
  return filtersPart(entry?.value.items() ?? [], context);
}

/** A message that says itself what it is. */
function typedPart(node: ConfigNode, context: ReadContext): ConfigPart {
  const { type, value } = unwrap(node);
  if (type === bootstrap.name) {
    return { kind: 'configuration', configuration: configurationOf(value, context) };
  }
  if (type === listener.name) return { kind: 'listener', listener: listenerOf(value, context) };
  if (type === httpConnectionManager.name) {
    return { kind: 'http', plugins: connectionManagerOf(value, context).plugins };
  }
  if (type in networkWasmReaders) {
    return { kind: 'tcp', plugins: [oneOfTypes(networkWasmReaders)(node, context)] };
  }
  return { kind: 'http', plugins: [oneOfTypes(httpWasmReaders)(node, context)] };
}

/** HTTP filters, or network filters: the first tells, since a list has only one kind. */
function filtersPart(items: readonly ConfigNode[], context: ReadContext): ConfigPart {
  const [first] = items;
  if (first !== undefined && isNetworkFilter(first)) return networkPart(items, context);
  const filters = items.map((item) => filterOf(item, context));
  const plugins = pluginsOf(filters, (index) => {
    const at = items[index]?.at ?? first?.at;
    if (at !== undefined) refuseInvalid(at, 'the router must be the last filter');
  });
  return { kind: 'http', plugins };
}

const NETWORK_TYPE = /\.filter(?:s)?\.network\./;

function isNetworkFilter(item: ConfigNode): boolean {
  const config = item.entries().find(({ key }) => snakeCase(key) === 'typed_config')?.value;
  if (config === undefined || typeOf(config) === undefined) return false;
  return NETWORK_TYPE.test(unwrap(config).type);
}

function networkPart(items: readonly ConfigNode[], context: ReadContext): ConfigPart {
  const filters = items.map((item) => networkFilterOf(item, context));
  const manager = filters.find((filter) => filter.kind === 'http');
  const plugins = filters.flatMap((filter) => (filter.kind === 'wasm' ? [filter.plugin] : []));
  if (manager === undefined) return { kind: 'tcp', plugins };
  const [first] = items;
  if (plugins.length > 0 && first !== undefined) {
    refuseInvalid(first.at, 'wasm network filters in front of HTTP are not supported');
  }
  return { kind: 'http', plugins: manager.connectionManager.plugins };
}
