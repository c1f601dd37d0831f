/** `http_filters`: wasm filters, and the router. */
import type { WasmPlugin } from '../model.js';
import { refuseInvalid, refuseUnsupported } from '../refusals.js';
import { noted, optional, reader, withDefault, type Read } from '../schema/field.js';
import { mapped, message } from '../schema/message.js';
import { always, text } from '../schema/scalars.js';
import { oneOfTypes } from '../schema/typed-config.js';
import { httpWasmReaders } from './wasm-plugin.js';

const NO_ENVOY_HEADERS = 'no x-envoy-… headers are made';

export const router = message('envoy.extensions.filters.http.router.v3.Router', {
  fields: {
    dynamic_stats: noted('the router counts nothing'),
    suppress_envoy_headers: noted(NO_ENVOY_HEADERS),
  },
  unsupported: [
    ...['start_child_span', 'upstream_log', 'upstream_log_options', 'strict_check_headers'],
    ...['respect_expected_rq_timeout', 'suppress_grpc_request_failure_code_stats'],
    ...['upstream_http_filters', 'reject_connect_request_early_data'],
  ],
});

/** A filter of a chain. */
export type HttpFilter = WasmPlugin | 'router';

const readRouter: Read<HttpFilter> = mapped(router, () => 'router');

const typedFilter = oneOfTypes<HttpFilter>({
  ...httpWasmReaders,
  [router.name]: readRouter,
  'envoy.config.filter.http.router.v2.Router': readRouter,
});

export const httpFilter = message(
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter',
  {
    fields: {
      name: withDefault(text, '', 'says nothing: `@type` does'),
      typed_config: optional(typedFilter),
      is_optional: withDefault(always(false, 'a filter is never left out'), false),
      disabled: withDefault(always(false, 'no route could switch it on'), false),
    },
    unsupported: ['config_discovery', 'config'],
  },
);

/** Before Envoy 1.23 a router needed no `typed_config`. */
const ROUTER_NAMES = ['envoy.filters.http.router', 'envoy.router'];

export const filterOf: Read<HttpFilter> = mapped(httpFilter, (values) => {
  const { at, name, typed_config: filter } = values;
  if (filter !== undefined) return filter;
  if (ROUTER_NAMES.includes(name)) return 'router';
  refuseInvalid(at, 'must have typed_config, whose "@type" says what it is');
});

/** The plugins of a whole chain, which ends with the router. */
export const chainOf = reader<readonly WasmPlugin[]>(
  `list: ${httpFilter.name}`,
  (node, context) => {
    const items = node.items();
    const filters = items.map((item) => filterOf(item, context));
    const last = items.at(-1);
    if (last === undefined || filters.at(-1) !== 'router') {
      refuseInvalid((last ?? node).at, `the last filter must be the router (${router.name})`);
    }
    return pluginsOf(filters, (index) => {
      const at = items[index]?.at ?? node.at;
      refuseUnsupported(at, 'the router must be the last filter');
    });
  },
);

/** The plugins of a chain that may be a part of one. */
export function pluginsOf(
  filters: readonly HttpFilter[],
  refuseRouter: (index: number) => void,
): readonly WasmPlugin[] {
  const early = filters.findIndex((each, index) => each === 'router' && index < filters.length - 1);
  if (early !== -1) refuseRouter(early);
  return filters.filter((each) => each !== 'router');
}
