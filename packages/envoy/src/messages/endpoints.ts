import { isIP } from 'node:net';

import type { Endpoint } from '../model.js';
import { refuseInvalid } from '../refusals.js';
import { label, optional, repeated, required, withDefault, type Read } from '../schema/field.js';
import { mapped, message } from '../schema/message.js';
import { text, whole } from '../schema/scalars.js';
import { anyAddress } from './address.js';

export interface ReadEndpoint extends Endpoint {
  readonly isName: boolean;
}

export const endpoint = message('envoy.config.endpoint.v3.Endpoint', {
  fields: {
    address: required(anyAddress),
    hostname: label('for health checks, which are not made'),
  },
  unsupported: ['health_check_config', 'additional_addresses'],
});

/** One that a URL can have: digits and dots that are no address are none. */
function isHostName(host: string): boolean {
  return /^[\w.-]+$/.test(host) && URL.canParse(`http://${host}`);
}

const endpointOf: Read<ReadEndpoint> = mapped(endpoint, ({ at, address, placeOf }) => {
  const { host, port } = address;
  if (port === 0) refuseInvalid(placeOf('address'), 'port_value must not be 0');
  if (isIP(host) === 0 && !isHostName(host)) {
    refuseInvalid(placeOf('address'), `${JSON.stringify(host)} is neither a name nor an address`);
  }
  return { at, host, port, isName: isIP(host) === 0 };
});

const ONE = 1;

export const lbEndpoint = message('envoy.config.endpoint.v3.LbEndpoint', {
  fields: {
    endpoint: required(endpointOf),
    load_balancing_weight: withDefault(whole(ONE, ONE), ONE, '1, since all take equal turns'),
  },
  unsupported: ['endpoint_name', 'health_status', 'metadata'],
});

export const localityLbEndpoints = message('envoy.config.endpoint.v3.LocalityLbEndpoints', {
  fields: {
    locality: label('all endpoints take turns, wherever they are'),
    lb_endpoints: repeated(mapped(lbEndpoint, ({ endpoint: each }) => each)),
    priority: withDefault(whole(0, 0), 0, '0'),
    load_balancing_weight: withDefault(whole(ONE, ONE), ONE, '1'),
  },
  unsupported: ['metadata', 'load_balancer_endpoints', 'leds_cluster_locality_config', 'proximity'],
});

export const clusterLoadAssignment = message('envoy.config.endpoint.v3.ClusterLoadAssignment', {
  fields: {
    cluster_name: optional(text, "the cluster's own name counts"),
    endpoints: repeated(localityLbEndpoints.read),
  },
  unsupported: ['named_endpoints', 'policy'],
});

/** All endpoints, in order. */
export const endpointsOf: Read<readonly ReadEndpoint[]> = mapped(
  clusterLoadAssignment,
  ({ endpoints }) => endpoints.flatMap(({ lb_endpoints: each }) => each),
);
