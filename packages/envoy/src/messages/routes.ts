import type { Route, RouteConfiguration, VirtualHost } from '../model.js';
import { refuseInvalid } from '../refusals.js';
import {
  label,
  noted,
  optional,
  repeated,
  required,
  withDefault,
  type Read,
} from '../schema/field.js';
import { mapped, message } from '../schema/message.js';
import { always, enumeration, name, text } from '../schema/scalars.js';
import { editsOf, headerFields, type HeaderLevel } from './header-edits.js';
import { metadata } from './metadata.js';
import { directResponseOf, forwardActionOf } from './route-action.js';
import { matchOf } from './route-match.js';

/** A route whose headers still lack what host and table add. */
type OpenRoute = (outer: readonly HeaderLevel[]) => Route;

export const route = message('envoy.config.route.v3.Route', {
  fields: {
    name: withDefault(text, ''),
    match: required(matchOf),
    route: optional(forwardActionOf),
    direct_response: optional(directResponseOf),
    metadata: optional(metadata),
    decorator: noted('nothing is traced'),
    ...headerFields,
  },
  unsupported: [
    ...['redirect', 'filter_action', 'non_forwarding_action', 'typed_per_filter_config'],
    ...['per_filter_config', 'tracing', 'per_request_buffer_limit_bytes', 'stat_prefix'],
    'request_body_buffer_limit',
  ],
  exactlyOne: [['route', 'direct_response']],
});

const openRoute: Read<OpenRoute> = mapped(route, (values) => (outer) => {
  const { at, match, route: forward, direct_response: direct, metadata: data } = values;
  if (forward?.prefixRewrite !== undefined && match.kind === 'safe_regex') {
    refuseInvalid(forward.at, 'prefix_rewrite goes with a match by prefix or path only');
  }
  const levels = [values, ...outer];
  return {
    ...{ at, name: values.name, match, metadata: data },
    action: actionOf(forward, direct),
    requestHeaders: editsOf(levels, 'request'),
    responseHeaders: editsOf(levels, 'response'),
  };
});

/** One of both is there: the message's check has seen to it. */
function actionOf(forward: Route['action'] | undefined, direct: Route['action'] | undefined) {
  return (forward ?? direct) as Route['action'];
}

export const virtualHost = message('envoy.config.route.v3.VirtualHost', {
  fields: {
    name: required(name),
    domains: repeated(name),
    routes: repeated(openRoute),
    require_tls: withDefault(
      enumeration({ NONE: 'NONE', EXTERNAL_ONLY: undefined, ALL: undefined }),
      'NONE',
    ),
    ...headerFields,
  },
  unsupported: [
    ...[
      'matcher',
      'virtual_clusters',
      'rate_limits',
      'cors',
      'typed_per_filter_config',
      'metadata',
    ],
    ...['per_filter_config', 'include_request_attempt_count', 'include_attempt_count_in_response'],
    ...[
      'retry_policy',
      'retry_policy_typed_config',
      'hedge_policy',
      'per_request_buffer_limit_bytes',
    ],
    ...['include_is_timeout_retry_header', 'request_mirror_policies', 'request_body_buffer_limit'],
  ],
});

type OpenHost = (table: HeaderLevel) => VirtualHost;

const openHost: Read<OpenHost> = mapped(virtualHost, (values) => (table) => {
  const { at, placeOf } = values;
  if (values.domains.length === 0) refuseInvalid(at, 'must have domains; "*" is any');
  const domains = values.domains.map((domain) => domain.toLowerCase());
  const odd = domains.find((domain) => !/^(?:\*?[^*]+|[^*]+\*|\*)$/.test(domain));
  if (odd !== undefined) {
    const text = `${JSON.stringify(odd)} must have a * only at one end`;
    refuseInvalid(placeOf('domains'), text);
  }
  return {
    at,
    name: values.name,
    domains,
    routes: values.routes.map((each) => each([values, table])),
  };
});

export const routeConfiguration = message('envoy.config.route.v3.RouteConfiguration', {
  fields: {
    name: withDefault(text, ''),
    virtual_hosts: repeated(openHost),
    validate_clusters: label('clusters are always looked for'),
    ignore_port_in_host_matching: withDefault(always(false, 'the port is part of the name'), false),
    most_specific_header_mutations_wins: withDefault(always(false, 'the table comes last'), false),
    ...headerFields,
  },
  unsupported: [
    ...['vhds', 'internal_only_headers', 'cluster_specifier_plugins', 'request_mirror_policies'],
    ...['max_direct_response_body_size_bytes', 'typed_per_filter_config', 'metadata'],
    ...['ignore_path_parameters_in_path_matching'],
  ],
});

export const routesOf: Read<RouteConfiguration> = mapped(routeConfiguration, (values) => {
  const { at, placeOf } = values;
  const virtualHosts = values.virtual_hosts.map((each) => each(values));
  const seen = new Set<string>();
  for (const domain of virtualHosts.flatMap(({ domains }) => domains)) {
    if (seen.has(domain)) {
      refuseInvalid(
        placeOf('virtual_hosts'),
        `the domain ${JSON.stringify(domain)} is in two places`,
      );
    }
    seen.add(domain);
  }
  return { at, name: values.name, virtualHosts };
});
